from __future__ import annotations

import json

import numpy as np
import pytest

from faceviz.errors import ConfigError, FacevizError
from faceviz.evaluation.sources import open_data
from faceviz.io import write_scan
from tests.evaluation.conftest import bumpy_scan


def test_a_folder_gives_the_scans_with_truth_in_order_and_counts_the_others(tmp_path):
    for seed in (2, 0):
        write_scan(tmp_path / f"face{seed}.npz", bumpy_scan(seed, count=100))
    write_scan(tmp_path / "bare.npz", bumpy_scan(1, count=100).with_(landmarks=None))
    (tmp_path / "NOTES.txt").write_text("not a scan")
    source = open_data(str(tmp_path))
    np.testing.assert_allclose(
        [scan.points[0] for scan in source.scans], [bumpy_scan(s, count=100).points[0] for s in (0, 2)]
    )
    assert source.describe()["left_out"] == ["bare.npz"]


def test_landmarks_may_lie_beside_a_text_cloud(tmp_path):
    scan = bumpy_scan(0, count=100)
    np.savetxt(tmp_path / "face.txt", scan.points)
    (tmp_path / "face.landmarks.json").write_text(
        json.dumps({"landmarks": scan.landmarks.tolist(), "unit": "mm"})
    )
    (read,) = open_data(str(tmp_path)).scans
    np.testing.assert_allclose(read.landmarks, scan.landmarks)


def test_a_folder_without_any_truth_is_an_error_when_read(tmp_path):
    write_scan(tmp_path / "bare.ply", bumpy_scan(1, count=100).with_(landmarks=None))
    with pytest.raises(ConfigError, match="true landmarks"):
        list(open_data(str(tmp_path)).scans)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("nowhere", "is no folder"),
        ("synthetc:test", "did you mean 'synthetic'"),
        ("synthetic:tset", "did you mean 'test'"),
        ("synthetic:test:none", "no number of scans"),
        ("bundle:nowhere.npy", "nowhere.npy"),
        ("facescape:nowhere", "nowhere"),
    ],
)
def test_a_wrong_specification_says_what_to_write(spec, message):
    with pytest.raises(FacevizError, match=message):
        open_data(spec)


def test_an_empty_folder_is_an_error(tmp_path):
    with pytest.raises(FacevizError, match="no scans"):
        open_data(str(tmp_path))


def test_a_bundle_gives_its_scans(tmp_path):
    scans = [bumpy_scan(seed, count=100) for seed in range(2)]
    np.savez(
        tmp_path / "test_neutral.npz",
        point_list=np.stack([scan.points for scan in scans]),
        landmark_list=np.stack([scan.landmarks for scan in scans]),
        subject_list=np.array(["a", "b"]),
    )
    source = open_data(f"bundle:{tmp_path / 'test_neutral.npz'}", unit="mm")
    assert source.count == 2
    assert [len(scan) for scan in source.scans] == [100, 100]


def test_synthetic_scans_are_of_the_split_and_number_asked_for():
    source = open_data("synthetic:test:2:anny")
    assert source.count == 2 and "heads anny, split test, seed 0" in source.description
    first, second = source.scans
    assert first.landmarks.shape == second.landmarks.shape == (68, 3)
    assert first.source.startswith("synth:anny:id0")
