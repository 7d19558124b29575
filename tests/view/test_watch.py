from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

import faceviz
from faceviz.detection import FaceBox
from faceviz.display.face_scene import face_scene
from faceviz.display.wire import scene_to_wire
from faceviz.errors import FileFormatError
from faceviz.geometry.geometry_image import mean_face, triangles
from faceviz.reconstruct import FaceReconstructor
from faceviz.scan import FaceScan
from faceviz.view.watch import plot_orders
from tests.stream_model import untrained_stream


class Boxes:
    """A detector that sees a face in every image but dark ones."""

    def detect(self, image, near=None):
        return [FaceBox(10, 10, 40, 40)] if image.mean() > 20 else []


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return untrained_stream(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture
def reconstructor(model):
    return FaceReconstructor.from_pretrained(model, detector=Boxes(), device="cpu")


@pytest.fixture
def photos(tmp_path):
    """Three pictures; the second is dark."""
    rng = np.random.default_rng(0)
    for i in range(3):
        pixels = rng.integers(0, 3 if i == 1 else 256, (60, 80, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{i}.png")
    return tmp_path


def test_before_any_image_the_mean_face_is_shown(photos, reconstructor):
    watcher = faceviz.watch(photos, reconstructor=reconstructor)
    assert watcher.scene.look["mode"] == "surface" and len(watcher.scene.triangles) == 12 * len(triangles())
    np.testing.assert_allclose(watcher.progress.points, mean_face().reshape(-1, 3), atol=1e-3)
    assert "mean face" in watcher.words.value


def test_the_face_grows_with_each_image_and_the_slider_goes_back(photos, reconstructor):
    watcher = faceviz.watch(photos, reconstructor=reconstructor).run()
    assert watcher.image.max == watcher.image.value == 3
    assert "2 used, 1 skipped" in watcher.words.value and watcher.chart.value.count("<rect") == 3
    latest = watcher.scene.points
    watcher.image.value = 1
    assert watcher.scene.points != latest and "0.png" in watcher.words.value
    watcher.image.value = 2
    assert "no face was found" in watcher.words.value


def test_the_picture_is_the_scene_that_every_front_end_makes(photos, reconstructor):
    watcher = faceviz.watch(photos, reconstructor=reconstructor).run()
    watcher.colour.value = "change"
    wire = scene_to_wire(face_scene(watcher.history[3], by="change"))
    for name in ("points", "heat", "landmarks", "lut"):
        assert getattr(watcher.scene, name) == wire[name], name
    watcher.wearing.value = "seen"
    worn = scene_to_wire(face_scene(watcher.history[3], by="change", wearing="seen"))
    assert watcher.scene.points == worn["points"] != wire["points"]


def test_the_image_is_shown_with_the_face_marked(photos, reconstructor):
    watcher = faceviz.watch(photos, reconstructor=reconstructor).run()
    shown = np.asarray(Image.open(io.BytesIO(watcher.picture.value)).convert("RGB")).astype(int)
    assert shown.shape[0] == 200
    edge = shown[33:35, 50:150].reshape(-1, 3).mean(axis=0)  # of the box, above
    assert edge[0] - edge[2] > 80, "orange"


def test_with_a_truth_the_error_is_said_and_can_be_shown(photos, reconstructor):
    truth = FaceScan(mean_face().reshape(-1, 3) * 1.0, triangles(), unit="mm")
    watcher = faceviz.watch(photos, reconstructor=reconstructor, truth=truth).run()
    assert watcher.history[0].error_mm == pytest.approx(0.0, abs=1e-3)
    assert watcher.progress.error_mm > 0 and "error <b>" in watcher.words.value
    watcher.colour.value = "error"
    assert "rror, mm" in watcher.scene.look["bar"]["label"]


def test_a_second_run_begins_anew(photos, reconstructor):
    watcher = faceviz.watch(photos, reconstructor=reconstructor).run()
    first = watcher.progress.points
    assert len(watcher.run().history) == 4
    np.testing.assert_allclose(watcher.progress.points, first, atol=1e-4)


def test_an_image_that_cannot_be_read_is_named(photos, reconstructor):
    (photos / "1b.png").write_bytes(b"no image")
    watcher = faceviz.watch(photos, reconstructor=reconstructor).run()
    assert len(watcher.unread) == 1 and watcher.unread[0].startswith("1b.png: ")


def test_a_source_that_is_not_there_is_said_at_once(tmp_path, reconstructor):
    with pytest.raises(FileFormatError, match="does not exist"):
        faceviz.watch(tmp_path / "none", reconstructor=reconstructor)


def test_the_chart_of_orders_has_a_line_for_each_and_the_mean_face():
    few, many = plot_orders([[2.0, 1.5, 1.2]], 4.0), plot_orders([[2.0, 1.5, 1.2], [3.0, 1.0, 1.1]], 4.0)
    pixels = [np.asarray(Image.open(io.BytesIO(image.data)).convert("RGB")) for image in (few, many)]
    assert pixels[0].shape == pixels[1].shape and (pixels[0] != pixels[1]).any()
    assert all(picture.std() > 10 for picture in pixels)
