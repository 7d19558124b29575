from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image
from pypdf import PdfReader

from faceviz.io import write_scan
from tests.meshes import random_mesh
from tests.truthful import TruthfulPredictor


@pytest.fixture(autouse=True)
def truthful(monkeypatch):
    predictor = TruthfulPredictor()
    predictor.description = {"architecture": "truth", "sha256": "ab" * 32}
    monkeypatch.setattr("faceviz.pipeline.LandmarkPredictor.from_pretrained", lambda *_, **__: predictor)
    monkeypatch.setattr("faceviz.view.report.content._PICTURE", (420, 228))
    return predictor


@pytest.fixture
def face(tmp_path):
    write_scan(tmp_path / "face.ply", random_mesh(1, 500))
    return tmp_path / "face.ply"


@pytest.fixture
def session(faceviz, face, tmp_path):
    assert faceviz("landmarks", face, "--session", tmp_path / "face.zip")[0] == 0
    return tmp_path / "face.zip"


def test_a_session_tells_what_its_scan_told_without_the_network(faceviz, face, session, truthful):
    told = json.loads(faceviz("landmarks", face, "--json", "-")[1])
    before = truthful.passes
    again = json.loads(faceviz("landmarks", session, "--json", "-")[1])
    assert truthful.passes == before
    assert again == told | {"model": "truthful", "seconds": again["seconds"]}


def test_a_session_has_its_own_unit(faceviz, session):
    code, _, err = faceviz("landmarks", session, "--unit", "cm")
    assert code == 2 and "is a session" in err


def test_a_damaged_session_is_one_line(faceviz, tmp_path):
    (tmp_path / "bad.zip").write_bytes(b"PK\x03\x04")
    code, out, err = faceviz("landmarks", tmp_path / "bad.zip")
    assert (code, out) == (2, "") and err.startswith("error: bad.zip: ") and err.count("\n") == 1


def test_a_picture_for_print_has_size_resolution_and_no_paper(faceviz, face, tmp_path):
    picture = tmp_path / "face.png"
    options = ("--size", "400x300", "--dpi", "300", "--transparent")
    assert faceviz("landmarks", face, "--png", picture, *options)[0] == 0
    image = Image.open(picture)
    assert (image.size, image.mode) == ((400, 300), "RGBA")
    assert image.info["dpi"] == pytest.approx((300, 300), abs=0.1)
    assert np.asarray(image)[0, 0, 3] == 0


@pytest.mark.parametrize("size", ["big", "400", "400x", "-3x5", "10x10", "9000x100"])
def test_a_size_that_is_none_is_refused_in_one_line(faceviz, face, tmp_path, size):
    code, _, err = faceviz("landmarks", face, "--png", tmp_path / "face.png", f"--size={size}")
    assert code == 2 and err.count("\n") == 1 and not (tmp_path / "face.png").exists()


def test_the_scene_can_be_had_as_a_page(faceviz, session, tmp_path):
    assert faceviz("landmarks", session, "--html", tmp_path / "face.html", "--size", "200x150")[0] == 0
    assert "VIEWER.render" in (tmp_path / "face.html").read_text()


def test_a_report_of_a_scan_and_of_its_session_have_the_same_numbers(faceviz, face, session, tmp_path):
    values = []
    for given, name in ((face, "a.pdf"), (session, "b.html")):
        arguments = ("-o", tmp_path / name, "--json", "-", "--motions", "2")
        code, out, err = faceviz("report", given, *arguments)
        assert code == 0, err
        assert f"{name}: IoU at 0.2" in err
        values.append(json.loads(out))
    told, again = values
    assert PdfReader(tmp_path / "a.pdf").pages[0].extract_text().startswith("LANDMARK REPORT")
    assert told["command"] != again["command"] and "--motions 2" in told["command"]
    for key in ("numbers", "landmarks", "confidence", "iou_curves", "motions", "scan", "models"):
        assert told[key] == again[key]


def test_motions_are_tried_only_with_the_weights_of_the_session(faceviz, session, tmp_path, truthful):
    truthful.description = {"architecture": "truth", "sha256": "cd" * 32}
    assert faceviz("report", session, "-o", tmp_path / "a.html", "--json", tmp_path / "a.json")[0] == 0
    assert json.loads((tmp_path / "a.json").read_text())["motions"] is None
    assert "weights that made these numbers are not at hand" in (tmp_path / "a.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "cause"),
    [
        (("report", "{face}", "-o", "{tmp}/report.doc"), "a report is a .pdf or an .html"),
        (("report", "{face}", "-o", "{tmp}/none/report.pdf"), "make it first"),
        (("report", "{face}", "-o", "{tmp}/a.pdf", "--motions", "-1"), "0 to 1000"),
        (("report", "{tmp}/none.ply", "-o", "{tmp}/a.pdf"), "does not exist"),
        (("turntable", "{face}", "-o", "{tmp}/face.avi"), ".mp4 or a .gif"),
        (("turntable", "{face}", "-o", "{tmp}/face.gif", "--fps", "0"), "1 to 60"),
        (("turntable", "{face}", "-o", "{tmp}/face.gif", "--size", "x"), "write it as 1280x720"),
    ],
)
def test_what_cannot_work_is_one_line_and_leaves_no_file(faceviz, face, tmp_path, arguments, cause):
    code, _, err = faceviz(*(a.format(face=face, tmp=tmp_path) for a in arguments))
    assert code == 2 and cause in err and err.startswith("error: ") and err.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir() if "face" not in path.name] == []


def test_a_turntable_is_filmed_from_a_session(faceviz, session, tmp_path):
    film = tmp_path / "turn.gif"
    code, out, _ = faceviz(
        "turntable", session, "-o", film, "--size", "120x90", "--seconds", "1", "--fps", "3"
    )
    assert code == 0 and "3 pictures" in out
    assert Image.open(film).n_frames == 3


def test_a_failed_report_leaves_the_former_one(faceviz, face, tmp_path, monkeypatch):
    (tmp_path / "a.pdf").write_bytes(b"former")

    def fail(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("faceviz.view.report.sheets.Sheets.save", fail)
    code, _, err = faceviz("report", face, "-o", tmp_path / "a.pdf")
    assert code == 2 and "No space left" in err
    assert (tmp_path / "a.pdf").read_bytes() == b"former"
