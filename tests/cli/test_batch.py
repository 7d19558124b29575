from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest

from faceviz.batch import read_results
from faceviz.io import write_scan
from tests.evaluation.conftest import bumpy_scan


class FakePredictor:
    name, description = "fake", {"sha256": "f00"}

    def predict(self, scan, *, raw=False):
        return SimpleNamespace(landmarks=scan.landmarks, confidence=np.linspace(0, 1, 68))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    for module in ("folder", "scans"):
        monkeypatch.setattr(f"faceviz.batch.{module}.process_model", lambda *_: FakePredictor())
    folder = tmp_path / "scans"
    folder.mkdir()
    for seed in range(3):
        write_scan(folder / f"{seed}.npz", bumpy_scan(seed, count=200))
    (folder / "bad.stl").write_bytes(b"")
    return folder


def test_a_folder_gives_a_row_for_each_scan_and_says_what_failed(faceviz, folder, tmp_path):
    code, out, err = faceviz("landmarks", folder, "--out", tmp_path / "r.csv")
    assert (code, err) == (0, "")
    assert "4 scans in" in out and "1 without landmarks" in out and "bad.stl: is empty" in out
    assert len(read_results(tmp_path / "r.csv")) == 4
    assert "4 of them were there" in faceviz("landmarks", folder, "--out", tmp_path / "r.csv")[1]


def test_the_summary_as_json_is_all_that_is_on_standard_output(faceviz, folder, tmp_path):
    code, out, err = faceviz("landmarks", folder, "--out", tmp_path / "r.csv", "--json", "-")
    content = json.loads(out)
    assert (code, content["total"], content["done"], content["failed"]) == (0, 4, 4, 1)
    assert content["complete"] and content["failures"][0]["path"] == "bad.stl" and "4 scans in" in err


def test_ctrl_c_says_how_far_it_came_and_that_it_goes_on(faceviz, folder, tmp_path, monkeypatch):
    def predict(self, scan, *, raw=False):
        if scan.source == "1.npz":
            raise KeyboardInterrupt
        return SimpleNamespace(landmarks=scan.landmarks, confidence=np.ones(68))

    with monkeypatch.context() as patch:
        patch.setattr(FakePredictor, "predict", predict)
        code, out, _ = faceviz("landmarks", folder, "--out", tmp_path / "r.csv")
    assert code == 130 and "stopped: 1 of 4 scans are in" in out and "goes on" in out
    assert faceviz("landmarks", folder, "--out", tmp_path / "r.csv")[0] == 0
    assert [row.path for row in read_results(tmp_path / "r.csv")] == ["0.npz", "1.npz", "2.npz", "bad.stl"]


@pytest.mark.parametrize(
    ("arguments", "cause"),
    [
        (["{folder}"], "--out results.csv"),
        (["{folder}", "--out", "-"], "--out results.csv"),
        (["{folder}", "--out", "{folder}/r.csv", "--png", "x.png"], "for a single scan"),
        (["{folder}", "--out", "{folder}/none/r.csv"], "make it first"),
        (["{folder}/0.npz", "--out", "{folder}/r.csv"], "is no folder"),
        (["{folder}/0.npz", "--workers", "2"], "is no folder"),
    ],
)
def test_options_that_do_not_fit_are_one_line(faceviz, folder, arguments, cause):
    code, out, err = faceviz("landmarks", *(part.format(folder=folder) for part in arguments))
    assert (code, out) == (2, "") and err.startswith("error: ") and cause in err and err.count("\n") == 1
