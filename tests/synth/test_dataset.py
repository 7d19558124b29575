from __future__ import annotations

import numpy as np
import pytest

from faceviz.errors import ConfigError, FileFormatError
from faceviz.synth import SyntheticScans, VirtualScanner, available_sources, synthetic_scans
from faceviz.synth import dataset as dataset_module

FEW = VirtualScanner(count=256)


def _scans(split: str = "test", count: int = 5, **settings) -> SyntheticScans:
    return SyntheticScans(split, count, **{"sources": ("anny",), "scanner": FEW, **settings})


@pytest.fixture
def no_ict(monkeypatch):
    monkeypatch.delenv("FACEVIZ_ICT", raising=False)
    monkeypatch.delenv("FACEVIZ_SHARED", raising=False)
    dataset_module.cached_head.cache_clear()
    yield
    dataset_module.cached_head.cache_clear()


def test_no_person_is_in_two_splits(anny):
    people = {
        split: {_scans(split, 30).identity(i).tobytes() for i in range(30)}
        for split in ("train", "val", "test")
    }
    assert all(len(found) == 30 for found in people.values())
    assert len(set.union(*people.values())) == 90


def test_other_seeds_bring_other_people(anny):
    assert not np.array_equal(_scans(seed=0).identity(0), _scans(seed=1).identity(0))


def test_a_scan_depends_on_its_index_alone(anny):
    scans, more = _scans(count=5), _scans(count=50)
    alone = scans[3]
    in_a_row = list(scans)[3]
    for other in (in_a_row, more[3], scans[-2]):
        np.testing.assert_array_equal(alone.points, other.points)
        np.testing.assert_array_equal(alone.landmarks, other.landmarks)
        assert alone.source == other.source


def test_different_indices_are_different_scans(anny):
    scans = _scans()
    assert not np.array_equal(scans[0].landmarks, scans[1].landmarks)


def test_scans_of_one_person_differ_in_all_but_the_person(anny):
    scans = _scans(count=4, scans_per_person=2)
    assert [scans.person(i) for i in range(4)] == [0, 0, 1, 1]
    np.testing.assert_array_equal(scans.identity(0), scans.identity(1))
    assert not np.array_equal(scans.identity(1), scans.identity(2))
    assert not np.array_equal(scans[0].landmarks, scans[1].landmarks)
    assert ":id0:" in scans[1].source and ":id1:" in scans[2].source


def test_indices_out_of_range_end_the_iteration(anny):
    scans = _scans(count=2)
    assert len(scans) == 2 and len(list(scans)) == 2
    with pytest.raises(IndexError):
        scans[2]


@pytest.mark.shared
def test_people_take_turns_between_the_heads(anny, ict):
    scans = synthetic_scans("val", 4, scanner=FEW)
    assert scans.sources == ("ict", "anny")
    assert [scan.source.split(":")[1] for scan in scans] == ["ict", "anny", "ict", "anny"]


def test_with_one_head_missing_the_other_is_used_and_the_gap_is_told(anny, no_ict):
    found, notes = available_sources("both")
    assert found == ("anny",)
    assert len(notes) == 1 and "without the head 'ict'" in notes[0]
    assert {scan.source.split(":")[1] for scan in synthetic_scans("test", 2, scanner=FEW)} == {"anny"}


def test_a_head_asked_for_by_name_must_be_there(no_ict):
    with pytest.raises(FileFormatError, match="ICT-FaceKit: not found"):
        synthetic_scans("test", 2, source="ict")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"split": "tests"}, "did you mean 'test'"),
        ({"count": 0}, "at least one"),
        ({"seed": -1}, "0 or more"),
        ({"scans_per_person": 0}, "1 or more"),
        ({"sources": ("bfm",)}, "no parametric head named 'bfm'"),
        ({"sources": ("anny", "anny")}, "once"),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        _scans(**settings)
