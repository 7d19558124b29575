from __future__ import annotations

import json

import numpy as np
import pytest

from faceviz.errors import ConfigError, FileFormatError
from faceviz.io import read_scan
from faceviz.synth import VirtualScanner, write_scans
from faceviz.synth.dataset import SyntheticScans

FEW = VirtualScanner(count=256)


def _write(folder, n: int = 3, **settings):
    return write_scans(folder, n, **{"source": "anny", "scanner": FEW, **settings})


def test_files_hold_points_landmarks_unit_source_and_identity(anny, tmp_path):
    result = _write(tmp_path / "new" / "folder")
    assert (result.written, result.kept, result.sources) == (3, 0, ("anny",))
    expected = SyntheticScans("test", 3, sources=("anny",), scanner=FEW)
    with np.load(result.folder / "00001.npz") as file:
        assert file["points"].shape == (256, 3) and file["unit"] == "mm"
        np.testing.assert_allclose(file["points"], expected[1].points, atol=1e-4)
        np.testing.assert_array_equal(file["landmarks"], expected[1].landmarks)
        np.testing.assert_array_equal(file["identity"], expected.identity(1))
        assert file["source"] == expected[1].source


def test_the_manifest_tells_how_the_scans_were_made(anny, tmp_path):
    result = _write(tmp_path, seed=7, split="val")
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert (manifest["seed"], manifest["split"], manifest["sources"]) == (7, "val", ["anny"])
    assert sum(manifest["crops"].values()) == 3 and manifest["crops"] == result.crops
    assert sorted(manifest["scans"]) == ["00000.npz", "00001.npz", "00002.npz"]


@pytest.mark.parametrize("format", ["npz", "ply", "obj"])
def test_files_read_back_with_their_landmarks(anny, tmp_path, format):
    _write(tmp_path, 1, format=format)
    scan = read_scan(tmp_path / f"00000.{format}")
    assert len(scan) == 256 and scan.landmarks.shape == (68, 3) and scan.unit == "mm"


def test_a_second_run_keeps_what_is_there_and_adds_the_rest(anny, tmp_path):
    _write(tmp_path, 3)
    (tmp_path / "00001.npz").unlink()
    stamp = (tmp_path / "00000.npz").stat().st_mtime_ns
    steps = []
    result = _write(tmp_path, 4, progress=lambda done, total: steps.append((done, total)))
    assert (result.written, result.kept) == (2, 2)
    assert steps == [(2, 4), (3, 4), (4, 4)]
    assert (tmp_path / "00000.npz").stat().st_mtime_ns == stamp
    assert len(list(tmp_path.glob("*.npz"))) == 4


def test_a_run_that_was_cut_off_leaves_whole_files_and_goes_on(anny, tmp_path):
    def cut_off(done, total):
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _write(tmp_path, 4, progress=cut_off)
    assert not list(tmp_path.glob(".*"))
    result = _write(tmp_path, 4)
    assert (result.written, result.kept) == (2, 2)


def test_scans_of_other_settings_are_not_mixed(anny, tmp_path):
    _write(tmp_path, 1)
    with pytest.raises(ConfigError, match="another seed; choose another folder"):
        _write(tmp_path, 1, seed=1)
    with pytest.raises(ConfigError, match="another scanner"):
        _write(tmp_path, 1, scanner=VirtualScanner(count=100))


def test_numbered_scans_without_a_manifest_are_not_overwritten(anny, tmp_path):
    (tmp_path / "00000.npz").write_bytes(b"precious")
    with pytest.raises(ConfigError, match="no manifest.json"):
        _write(tmp_path, 1)
    assert (tmp_path / "00000.npz").read_bytes() == b"precious"


def test_a_damaged_manifest_is_refused(anny, tmp_path):
    (tmp_path / "manifest.json").write_text("{")
    with pytest.raises(FileFormatError, match="is no manifest"):
        _write(tmp_path, 1)


def test_a_folder_that_cannot_be_made_is_refused_before_any_work(anny, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(FileFormatError, match="cannot be made a folder"):
        _write(tmp_path / "file" / "scans")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n": 0}, "at least one"),
        ({"workers": 0}, "at least one"),
        ({"format": "plyy"}, "did you mean 'ply'"),
    ],
)
def test_settings_that_do_not_fit_are_refused(tmp_path, settings, message):
    with pytest.raises(ConfigError, match=message):
        _write(tmp_path, **settings)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_processes_write_the_same_scans(anny, tmp_path):
    _write(tmp_path / "one", 3)
    _write(tmp_path / "two", 3, workers=2)
    for name in ("00000.npz", "00001.npz", "00002.npz"):
        with np.load(tmp_path / "one" / name) as one, np.load(tmp_path / "two" / name) as two:
            np.testing.assert_array_equal(one["points"], two["points"])
