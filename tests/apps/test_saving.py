from __future__ import annotations

import io
import json
import time
import zipfile

import numpy as np
import pytest
from PIL import Image

from faceviz.display.session import read_session_bytes, session_bytes, session_document
from faceviz.display.settings import Settings
from faceviz.io import write_scan
from tests.meshes import random_mesh

WEIGHTS = {"architecture": "truth", "sha256": "ab" * 32}


@pytest.fixture
def predictor():
    from tests.truthful import TruthfulPredictor

    predictor = TruthfulPredictor(leak=0.01)
    predictor.description = WEIGHTS
    return predictor


@pytest.fixture
def save(hand, app):
    """Saves by the dialog in one form; the file's name and content as the browser gets them."""

    def save(form: str, size: tuple[int, int] = (960, 640)) -> tuple[str, bytes]:
        app.saving.form.value, app.saving.size.value = form, size
        before = app.saving.deliver.tick
        app.saving.save.clicks += 1
        end = time.monotonic() + 60
        while app.saving.working or app.saving.deliver.tick == before:
            assert time.monotonic() < end, "nothing was delivered"
            time.sleep(0.01)
        return app.saving.deliver.name_, app.saving.deliver.content

    return save


@pytest.fixture
def moved(hand, app):
    """A dropped mesh, turned and shifted, with other settings than the page begins with."""
    app.show_scan(random_mesh(4, 500))
    hand.settle()
    hand.turn(20, 150, -30, 4, 5, 60)
    app.page.landmark.value, app.page.colormap.value = 30, "viridis"
    app.page.threshold.values = [0.35]
    hand.settle()
    return app


def told(app) -> tuple:
    """The numbers on the page."""
    page = app.page
    return page.iou.object, page.error.object, page.meter.object, page.table.grid.value.to_json()


def test_a_saved_session_opens_with_scan_pose_settings_and_identical_numbers(hand, moved, save, predictor):
    name, content = save("Session")
    assert name == "mesh_4.session.zip"
    before, settings = told(moved), moved.shown.settings
    moved.page.sample.value = next(iter(moved.page.samples.values()))  # another scan, at rest
    hand.settle()
    moved.page.landmark.value = -1
    hand.settle()
    assert told(moved) != before
    asked = predictor.passes
    hand.drop(name, content)
    assert told(moved) == before and moved.shown.settings == settings
    assert predictor.passes == asked, "opening asks no network"
    assert moved.page.sample.value.source == "mesh_4.ply"
    assert moved.page.pose.sliders.values == [20, 150, -30, 4, 5, 60]
    assert moved.page.view.spec.settings.landmark == 30


def test_an_opened_session_moves_on(hand, moved, save, predictor):
    name, content = save("Session")
    hand.drop(name, content)
    asked = predictor.passes
    hand.turn(0, 10, 0, 0, 0, 0)
    assert predictor.passes == asked + 1 and moved.shown.settings.rotation_deg == (0, 10, 0)


def test_numbers_of_other_weights_are_shown_as_they_were_saved_and_that_is_said(
    hand, moved, save, notices, predictor
):
    name, content = save("Session")
    before = told(moved)
    predictor.description = {**WEIGHTS, "sha256": "cd" * 32}
    hand.drop(name, content)
    assert told(moved) == before
    assert "made these numbers are not here" in notices[-1]
    moved.page.tabs.active = 1  # nothing to trace, and no error
    hand.settle()


@pytest.mark.parametrize("damage", ["version", "array", "cut", "other"])
def test_a_session_that_cannot_be_opened_is_a_notice_and_the_old_scan_stays(
    hand, moved, save, notices, damage
):
    _, content = save("Session")
    bad = {
        "version": versioned,
        "array": without_heat,
        "cut": lambda c: c[:-200],
        "other": lambda _: zipped({}),
    }
    before = told(moved)
    hand.drop("bad.zip", bad[damage](content))
    assert notices[-1].startswith("bad.zip: ") and "\n" not in notices[-1]
    assert told(moved) == before and moved.page.sample.value.source == "mesh_4.ply"


def versioned(content: bytes) -> bytes:
    members = unzipped(content)
    members["session.json"] = members["session.json"].replace(b'"version": 1', b'"version": 7')
    return zipped(members)


def without_heat(content: bytes) -> bytes:
    return zipped({name: data for name, data in unzipped(content).items() if name != "moved_heat.npy"})


def unzipped(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def zipped(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def test_a_picture_has_the_chosen_size(moved, save):
    moved.saving.transparent.value = True
    name, content = save("Picture, PNG", (960, 640))
    image = Image.open(io.BytesIO(content))
    assert (name, image.size, image.mode) == ("mesh_4.png", (960, 640), "RGBA")


def test_a_report_is_made_with_the_motions_of_the_network(moved, save, monkeypatch):
    monkeypatch.setattr("faceviz.view.report.content._PICTURE", (420, 228))
    name, content = save("Report, web page")
    assert name == "mesh_4.report.html"
    assert b"faceviz report mesh_4.session.zip -o mesh_4.report.html" in content
    assert b"under 8 random motions" in content


def test_long_work_can_be_cancelled(moved, monkeypatch):
    from widgets import saving

    def slow(path, session, form, *, progress, **_):
        for done in range(1, 1000):
            time.sleep(0.01)
            progress(done, 1000)

    monkeypatch.setattr(saving, "save_form", slow)
    moved.saving.form.value = "Turntable, GIF"
    moved.saving.save.clicks += 1
    time.sleep(0.1)
    assert moved.saving.cancel.visible and moved.saving.save.disabled
    moved.saving.cancel.clicks += 1
    end = time.monotonic() + 5
    while moved.saving.working:
        assert time.monotonic() < end
        time.sleep(0.01)
    assert "Cancelled" in moved.saving.state.object and not moved.saving.cancel.visible


def test_a_form_that_fails_is_a_notice(moved, monkeypatch, notices, hand):
    from widgets import saving

    def fail(*_, **__):
        raise MemoryError("too little memory")

    monkeypatch.setattr(saving, "save_form", fail)
    moved.saving.save.clicks += 1
    hand.settle()
    assert "too little memory" in notices[-1]


def test_every_front_end_opens_what_any_other_saved_with_identical_numbers(
    hand, moved, save, predictor, tmp_path
):
    """Page, notebook and command line: each saves, each opens, all tell the same."""
    from faceviz.display.session import Session, read_session, save_session
    from faceviz.view.explore import explore

    write_scan(tmp_path / "mesh_4.ply", random_mesh(4, 500))
    (tmp_path / "page.zip").write_bytes(save("Session")[1])
    notebook = explore(random_mesh(4, 500), predictor=predictor, settings=Settings(rotation_deg=(0, 40, 0)))
    save_session(tmp_path / "notebook.zip", notebook.session)
    command_line(predictor, "landmarks", tmp_path / "mesh_4.ply", "--session", tmp_path / "command.zip")
    for name in ("page", "notebook", "command"):
        file = tmp_path / f"{name}.zip"
        saved = read_session(file)
        expected = session_document(saved)
        hand.drop(file.name, file.read_bytes())
        assert numbers(read_session_bytes("page.zip", save("Session")[1])) == numbers(saved)
        opened = explore(file, predictor=predictor)
        assert numbers(opened.session) == numbers(saved)
        assert session_bytes(
            Session(opened.moved, opened.settings, opened.second, saved.models, saved.provenance)
        ) == (session_bytes(saved))
        out = json.loads(command_line(predictor, "landmarks", file, "--json", "-"))
        assert out["confidence"] == list(expected.views[0].moved.confidence)
        np.testing.assert_array_equal(out["landmarks"], saved.prediction.landmarks)


def numbers(session) -> list:
    return [
        (view.numbers, view.moved.landmarks, view.moved.confidence)
        for view in session_document(session).views
    ]


def command_line(predictor, *arguments) -> str:
    from contextlib import redirect_stderr, redirect_stdout
    from unittest import mock

    from faceviz.cli import app

    out = io.StringIO()
    with redirect_stdout(out), redirect_stderr(io.StringIO()):
        with mock.patch("faceviz.pipeline.LandmarkPredictor.from_pretrained", lambda *_, **__: predictor):
            app([str(argument) for argument in arguments], standalone_mode=False)
    return out.getvalue()
