from __future__ import annotations

import json

import numpy as np
import pytest

from faceviz.io import read_scan, write_scan
from tests.evaluation.conftest import bumpy_scan

pytestmark = pytest.mark.usefixtures("fake_predictor")


@pytest.fixture
def face(tmp_path):
    path = tmp_path / "face.npz"
    write_scan(path, bumpy_scan(0, count=300))
    return path


def test_the_table_names_all_68_landmarks_and_the_unit(faceviz, face):
    code, out, err = faceviz("landmarks", face)
    assert (code, err) == (0, "")
    assert "300 points, unit mm; model fake" in out
    assert "67" in out and "chin" in out and "network 10 ms" in out


def test_json_holds_what_was_promised(faceviz, face, tmp_path):
    assert faceviz("landmarks", face, "--json", tmp_path / "out.json")[0] == 0
    content = json.loads((tmp_path / "out.json").read_text())
    assert content["uncertainty_mm"] is None  # of a model without calibration
    assert list(content) == ["landmarks", "confidence", "uncertainty_mm", "unit", "model", "seconds"]
    np.testing.assert_array_equal(content["landmarks"], read_scan(face).landmarks)
    assert len(content["confidence"]) == 68
    assert (content["unit"], content["model"], content["seconds"]["network"]) == ("mm", "fake", 0.01)


def test_json_to_standard_output_leaves_nothing_else_there(faceviz, face):
    code, out, err = faceviz("landmarks", face, "--json", "-")
    assert code == 0
    assert len(json.loads(out)["landmarks"]) == 68
    assert "chin" in err


def test_heatmaps_lie_on_the_points_of_the_scan_in_their_order(faceviz, face, tmp_path):
    assert faceviz("landmarks", face, "--raw", "--heatmaps", tmp_path / "heat")[0] == 0
    with np.load(tmp_path / "heat") as written:
        np.testing.assert_array_equal(written["points"], read_scan(face).points)
        assert written["heatmaps"].shape == (300, 68)
        assert written["heatmaps"].dtype == np.float32


@pytest.mark.parametrize(
    ("arguments", "cause"),
    [
        (["--json", "{tmp}/nowhere/out.json"], "does not exist; make it first"),
        (["--png", "{tmp}"], "is a folder"),
        (["--heatmaps", "-"], "only --json can go to standard output"),
        (["--json", "{tmp}/a", "--heatmaps", "{tmp}/a"], "named for two outputs"),
        (["--unit", "parsec"], "parsec"),
    ],
)
def test_what_cannot_work_is_refused_in_one_line_with_exit_code_two(
    faceviz, face, tmp_path, arguments, cause
):
    code, out, err = faceviz("landmarks", face, *(a.format(tmp=tmp_path) for a in arguments))
    assert (code, out) == (2, "")
    assert err.startswith("error: ") and err.count("\n") == 1 and cause in err


def test_outputs_are_refused_before_the_scan_is_read(faceviz, tmp_path):
    assert (
        "make it first"
        in faceviz("landmarks", tmp_path / "none.ply", "--json", tmp_path / "no" / "out.json")[2]
    )


@pytest.mark.parametrize(
    "content", [b"", b"this is no mesh", b"ply\nformat ascii 1.0\nelement vertex 9\nend_header\n1 2"]
)
def test_a_bad_file_is_one_line_that_names_it(faceviz, tmp_path, content):
    (tmp_path / "bad.ply").write_bytes(content)
    code, _, err = faceviz("landmarks", tmp_path / "bad.ply")
    assert code == 2
    assert err.startswith("error: bad.ply: ") and err.count("\n") == 1


def test_a_failed_write_leaves_the_former_file_as_it_was(faceviz, face, tmp_path, monkeypatch):
    (tmp_path / "out.json").write_text("former")
    monkeypatch.setattr(
        "os.replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device"))
    )
    code, _, err = faceviz("landmarks", face, "--json", tmp_path / "out.json")
    assert code == 2 and "No space left on device" in err
    assert (tmp_path / "out.json").read_text() == "former"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["face.npz", "out.json"]


def test_an_unexpected_exception_is_not_hidden(faceviz, face, monkeypatch):
    monkeypatch.setattr("faceviz.io.read_scan", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        from faceviz.cli import app

        app(["landmarks", str(face)])


def test_ctrl_c_exits_with_130(faceviz, face, monkeypatch):
    monkeypatch.setattr("faceviz.io.read_scan", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
    assert faceviz("landmarks", face)[0] == 130
