"""The reconstruction tab without a browser; the network has learnt nothing, the detector finds what it is told to."""

from __future__ import annotations

import io
import json
import re
import time

import numpy as np
import pytest
from PIL import Image

from faceviz.detection import FaceBox
from faceviz.errors import CheckpointError
from faceviz.io import read_scan_bytes
from tests.stream_model import untrained_stream


def picture(seed: int, kind: str = "PNG") -> bytes:
    stream = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 256, (120, 160, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(stream, kind)
    return stream.getvalue()


class Boxes:
    """Finds a face in every picture but those whose turn is in ``missing``."""

    def __init__(self) -> None:
        self.turn, self.missing = 0, set()

    def detect(self, image, near=None):
        self.turn += 1
        return [] if self.turn in self.missing else [FaceBox(30, 20, 80, 80)]


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    return untrained_stream(tmp_path_factory.mktemp("models") / "untrained")


@pytest.fixture
def boxes():
    return Boxes()


@pytest.fixture
def shared(weights, boxes, monkeypatch):
    """The one network of all people."""
    from widgets import growing

    from faceviz.reconstruct import FaceReconstructor

    one = FaceReconstructor.from_pretrained(weights, detector=boxes, device="cpu")
    monkeypatch.setattr(growing, "reconstructor", lambda live: one)
    return one


class Person:
    """Somebody at the tab."""

    def __init__(self) -> None:
        from widgets.reconstructing import ReconstructApp

        self.sent = []
        self.app = ReconstructApp(self.sent.append)
        self.page = self.app.page
        self.app.main()
        self.settle()

    def settle(self) -> None:
        from widgets.engine import WORKER

        end = time.monotonic() + 30
        while self.app.working:
            assert time.monotonic() < end, "the tab does not come to rest"
            time.sleep(0.005)
        WORKER.submit(lambda: None).result(timeout=30)

    def drop(self, **files: bytes) -> None:
        self.page.drop[0].value = {name.replace("_", "."): content for name, content in files.items()}
        self.settle()

    def film(self, content: bytes, dropped: int = 0) -> None:
        self.page.camera.param.update(frame=content, dropped=dropped, number=self.page.camera.number + 1)
        self.settle()


@pytest.fixture
def person(shared, notices):
    return Person()


@pytest.fixture
def app(person):
    return person.app


def test_it_begins_with_the_mean_face_and_nothing_to_save(app):
    assert app.page.view.message == "" and "no image was used yet" in app.page.view.spec.panes[0].note
    assert app.page.send.disabled and app.page.exports["ply"].disabled and not app.page.film.disabled


def test_images_make_the_face_grow_and_each_is_accounted_for(person, app, boxes):
    boxes.missing = {2}
    mean = app.page.view.spec.body.points
    person.drop(a1_png=picture(1), a2_png=picture(2), a10_png=picture(3))
    assert (app.progress.used, app.progress.skipped) == (2, 1)
    assert [step.source for step in app.progress.steps] == ["a1.png", "a2.png", "a10.png"]
    assert "no face was found" in app.page.log.object and app.page.log.object.count('class="row"') == 3
    assert np.abs(app.page.view.spec.body.points - mean).max() > 1e-3
    assert app.page.chart.object.count("<rect") == 2 and 'class="miss"' in app.page.chart.object
    assert "3 pictures looked at" in app.page.fate.object and not app.page.send.disabled


def test_a_picture_shows_where_its_face_was_found(person, app):
    person.drop(a_png=picture(1))
    marks = app.page.shot.marks
    assert marks["box"] == pytest.approx([70 / 160, 60 / 120, 80 / 160, 80 / 120, 0])
    assert len(marks["points"]) == 68 and app.page.shot.jpeg.startswith(b"\xff\xd8")


def test_pictures_that_cannot_be_read_are_counted_and_named(person, app):
    person.drop(a_png=picture(1), b_png=b"no image")
    assert app.progress.used == 1
    assert "1 unreadable" in app.page.counts.object and "b.png: is no image" in app.page.log.object


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("evil.mp4", b"\0" * 4000),
        ("evil.zip", b"PK\x03\x04 nothing"),
        ("evil.png", "<script>alert(1)</script>"),
    ],
)
def test_a_hostile_file_is_one_notice_and_the_tab_lives_on(person, app, notices, name, content):
    person.page.drop[0].value = {name: content}
    person.settle()
    assert len(notices) == 1 and name in notices[0] and "\n" not in notices[0]
    assert "<script" not in app.page.fate.object
    assert app.feeding.source is None and app.page.drop[0].value == {}
    person.drop(a_png=picture(1))
    assert app.progress.used == 1


def test_the_expression_last_seen_is_shown_saved_and_sent(person, app):
    person.drop(a_png=picture(1), b_png=picture(2))
    neutral = app.page.view.spec.body.points
    app.page.wearing.value = "seen"
    seen = app.page.view.spec.body.points
    assert np.abs(seen - neutral).max() > 0.1
    np.testing.assert_array_equal(seen, app.progress.face("seen"))
    saved = read_scan_bytes("face.npz", app.page.exports["npz"].callback().read())
    np.testing.assert_allclose(saved.points, seen, atol=1e-6)
    app.page.send.clicks += 1
    np.testing.assert_array_equal(person.sent[0].points, seen)


def test_colours_and_points_are_chosen(person, app):
    person.drop(a_png=picture(1), b_png=picture(2))
    app.page.colouring.value = "change"
    assert app.page.view.spec.heat_label.startswith("Change") and app.page.view.spec.panes[0].heat.max() > 0
    app.page.body.value = "points"
    assert app.page.view.spec.body.triangles is None
    app.darken(True)
    assert json.loads(app.page.view.look)["dark"] is True


def test_the_camera_is_asked_for_one_picture_at_a_time_and_what_it_drops_is_told(person, app):
    app.page.film.clicks += 1
    assert app.page.camera.running and app.page.camera.wanted == 1
    person.film(picture(1, "JPEG"), dropped=7)
    assert app.progress.used == 1 and app.page.camera.wanted == 2
    assert "7 dropped" in app.page.counts.object
    app.page.pause.clicks += 1
    person.film(picture(2, "JPEG"))
    assert app.progress.used == 1 and app.page.camera.wanted == 2 and app.page.pause.label == "Resume"
    app.page.pause.clicks += 1
    assert app.page.camera.wanted == 3
    person.film(picture(3, "JPEG"))
    assert app.progress.used == 2
    app.page.film.clicks += 1
    assert not app.page.camera.running and app.page.film.label == "Start camera"
    assert app.progress.used == 2, "the face stays"


def test_an_empty_picture_of_the_camera_is_passed_over(person, app, notices):
    app.page.film.clicks += 1
    person.film(b"")
    assert app.progress.used == 0 and notices == [] and app.page.camera.wanted == 2
    person.film(picture(1, "JPEG"))
    assert app.progress.used == 1


def test_a_camera_that_is_lost_is_said_and_comes_back(person, app, notices):
    app.page.film.clicks += 1
    person.film(picture(1, "JPEG"))
    app.page.camera.problem = "ended"
    assert "the camera was lost" in notices[0] and "the camera was lost" in app.page.fate.object
    app.page.camera.problem = ""
    person.film(picture(2, "JPEG"))
    assert app.progress.used == 2 and "lost" not in app.page.fate.object


def test_a_new_face_forgets_the_old_one(person, app):
    person.drop(a_png=picture(1))
    app.page.reset.clicks += 1
    assert app.progress.used == 0 and app.page.send.disabled
    np.testing.assert_allclose(app.page.view.spec.body.points, app.progress.mean)


def test_another_upload_is_another_face(person, app, shared):
    person.drop(a_png=picture(1), b_png=picture(2))
    person.drop(c_png=picture(3))
    assert app.progress.used == 1
    alone = Person()
    alone.drop(c_png=picture(3))
    np.testing.assert_allclose(app.progress.points, alone.app.progress.points, atol=1e-4)


def test_two_people_at_once_have_a_face_each(person, app):
    other = Person()
    person.page.drop[0].value = {f"{i}.png": picture(i) for i in range(6)}
    other.page.drop[0].value = {f"{i}.png": picture(10 + i) for i in range(4)}
    person.settle()
    other.settle()
    assert (app.progress.used, other.app.progress.used) == (6, 4)
    alone = Person()
    alone.drop(**{f"{i}_png": picture(10 + i) for i in range(4)})
    np.testing.assert_allclose(other.app.progress.points, alone.app.progress.points, atol=1e-4)
    assert np.abs(app.progress.points - other.app.progress.points).max() > 1e-3


def test_an_upload_is_cancelled_and_the_face_stays(person, app, boxes, monkeypatch):
    detect, found = boxes.detect, []

    def cancel_at_the_third(image, near=None):
        if boxes.turn == 2:
            app.page.cancel.clicks += 1
        return detect(image, near)

    monkeypatch.setattr(boxes, "detect", cancel_at_the_third)
    person.drop(**{f"{i}_png": picture(i) for i in range(9)})
    assert app.progress.used == 2 and "cancelled" in app.page.fate.object and not found
    assert app.page.cancel.disabled


@pytest.mark.parametrize("kind", ["ply", "obj", "npz"])
def test_the_face_is_saved_in_every_format(person, app, kind):
    person.drop(a_png=picture(1))
    scan = read_scan_bytes(f"face.{kind}", app.page.exports[kind].callback().read())
    np.testing.assert_allclose(scan.points, app.progress.points, atol=1e-6)
    assert len(scan.triangles) == 32258


def test_the_face_goes_to_its_landmarks_without_a_truth_it_does_not_have(person, app):
    person.drop(a_png=picture(1))
    app.page.send.clicks += 1
    scan = person.sent[0]
    assert scan.landmarks is None and scan.unit == "mm" and scan.source == "Reconstructed face"
    np.testing.assert_array_equal(scan.points, app.progress.points)


def test_missing_weights_are_said_on_the_tab_and_nothing_can_be_started(notices, monkeypatch):
    from widgets import growing

    def refuse(live):
        raise CheckpointError("no model named 'faceviz-stream'; name a folder")

    monkeypatch.setattr(growing, "reconstructor", refuse)
    person = Person()
    assert "no model named 'faceviz-stream'" in person.page.view.message and len(notices) == 1
    assert person.page.film.disabled and person.page.sample.disabled
    person.drop(a_png=picture(1))
    assert person.app.progress is None and len(notices) == 1


def test_numbers_of_a_chart_are_read_off_its_bars(person, app):
    person.drop(a_png=picture(1), b_png=picture(2), c_png=picture(3))
    told = [float(text) for text in re.findall(r"picture \d+: ([\d.]+) mm", app.page.chart.object)]
    np.testing.assert_allclose(told, app.progress.series.change, atol=0.005)
