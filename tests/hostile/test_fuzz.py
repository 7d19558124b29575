"""A few damaged files for every reader; ``python benchmarks/fuzz.py`` runs thousands, in processes with limits."""

from __future__ import annotations

import time

import numpy as np
import pytest

from faceviz.errors import FacevizError, FileFormatError
from faceviz.io import read_scan_bytes
from tests.hostile import harness, scans
from tests.hostile.targets import TARGETS

SCANS = tuple(scans.mesh_files() | scans.cloud_files())
MUTATIONS = {"video": 3, "model": 20, "stream": 10, "se3unet": 10}
MOST_SECONDS = 5.0


def _count(name: str) -> int:
    return next((count for start, count in MUTATIONS.items() if name.startswith(start)), 60)


@pytest.mark.parametrize("name", TARGETS)
def test_damage_is_read_or_refused_in_one_line(name, tmp_path):
    target, refused = TARGETS[name], 0
    target.read(target.whole(), tmp_path)
    for index in range(_count(name)):
        data, start = target.damaged(index), time.process_time()
        try:
            target.read(data, tmp_path)
        except FacevizError as error:
            refused += 1
            message = str(error)
            assert len(message.splitlines()) == 1 and len(message) < 600, f"#{index}: {message}"
        assert time.process_time() - start < MOST_SECONDS, f"#{index}"
    assert refused > 0


@pytest.mark.parametrize("name", SCANS)
def test_a_guard_meets_the_damage_and_not_the_last_resort(name):
    for index in range(100):
        try:
            scan = read_scan_bytes(name, TARGETS[name].damaged(index))
            assert np.isfinite(scan.points).all()
        except FileFormatError as error:
            assert error.__cause__ is None, f"#{index}: only the last resort met it: {error.__cause__!r}"


@pytest.mark.slow
def test_the_harness_tells_of_crashes_hangs_greed_and_chatter(monkeypatch):
    monkeypatch.setattr(harness, "HANG_SECONDS", 3.0)
    monkeypatch.setattr(harness, "_START_SECONDS", 60.0)
    monkeypatch.setattr(harness, "MOST_BYTES", 250 << 20)
    outcome = harness.run("the harness itself", 6)
    assert outcome.mutations == 6
    assert [fault.partition(":")[0][-2:] for fault in outcome.crashes] == ["#1", "#5"]
    assert "ended with -" in outcome.crashes[0] and "KeyError" in outcome.crashes[1]
    assert [fault.partition(":")[0][-2:] for fault in outcome.hangs] == ["#2"]
    assert [fault.partition(":")[0][-2:] for fault in outcome.greedy] == ["#3"]
    assert [fault.partition(":")[0][-2:] for fault in outcome.untidy] == ["#4"]


@pytest.mark.parametrize("name", SCANS)
def test_every_beginning_of_a_file_is_refused_or_a_whole_cloud(name):
    """Rows of text may end anywhere; whatever announces a count or an end may not."""
    data, (points, _) = TARGETS[name].whole(), scans.grid()
    for stop in np.linspace(0, len(data) - 20, 60).astype(int):
        try:
            scan = read_scan_bytes(name, data[:stop])
        except FileFormatError:
            continue
        assert name in ("face.xyz", "face.csv", "face.obj"), f"the first {stop} bytes of {name} were accepted"
        assert len(scan.points) <= len(points)


def test_random_bytes_are_refused_whatever_their_name(rng):
    for name in SCANS:
        for length in (1, 20, 84, 134, 1000):
            with pytest.raises(FileFormatError, match=f"^{name}: "):
                read_scan_bytes(name, rng.bytes(length))


def test_the_content_of_one_format_under_the_name_of_another_never_crashes():
    for name in SCANS:
        for other in SCANS:
            try:
                read_scan_bytes(name, TARGETS[other].whole())
            except FileFormatError as error:
                assert error.__cause__ is None
