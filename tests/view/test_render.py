from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from faceviz.display.colormaps import lookup_table
from faceviz.display.scene import scene
from faceviz.display.settings import Settings
from faceviz.errors import ShapeError
from faceviz.geometry.transforms import RigidTransform, euler_to_rotation
from faceviz.testing import random_face
from faceviz.view.render import render_prediction, scene_image, scene_png
from tests.colours import heat_of, inside, off_the_map
from tests.meshes import random_mesh
from tests.truthful import TruthfulPredictor

SIZE = (320, 200)
LAST_ROW = 170  # of the panes; the colour bar is below


@pytest.fixture
def predictor():
    return TruthfulPredictor()


def picture(prediction, **settings) -> np.ndarray:
    return scene_image(scene(prediction, Settings.of(**settings)), SIZE)[:LAST_ROW].astype(int)


def hot(pixels: np.ndarray) -> np.ndarray:
    """Where a picture in `ember` has the colours of much heat."""
    return (pixels[..., 0] > 150) & (pixels[..., 0] - pixels[..., 2] > 50)


def test_both_panes_show_a_face_with_heat(predictor):
    pixels = picture(predictor.predict(random_face(1)))
    for half in (pixels[:, :158], pixels[:, 162:]):
        assert 0.1 < (np.abs(half - 255).max(axis=-1) > 30).mean() < 0.9
        assert hot(half).mean() > 0.02


def test_a_picture_of_one_landmark_is_hot_where_the_landmark_is(predictor):
    pixels = picture(predictor.predict(random_face(1)), landmark=8, beside="nothing", show_landmarks=False)
    rows = np.nonzero(hot(pixels))[0]
    face = np.nonzero(np.abs(pixels - 255).max(axis=-1) > 30)[0]
    assert rows.size > 5
    assert rows.mean() > np.quantile(face, 0.75), "the chin is at the bottom of the face"


def test_the_same_scene_makes_the_same_picture(predictor):
    prediction = predictor.predict(random_face(1))
    np.testing.assert_array_equal(picture(prediction), picture(prediction))


def test_a_turned_scan_is_drawn_turned(predictor):
    prepared = predictor.prepare(random_face(1))
    still = picture(predictor.predict_prepared(prepared))
    turn = RigidTransform(euler_to_rotation(0, 0.9, 0), np.zeros(3))
    assert (
        np.abs(picture(predictor.predict_prepared(prepared, turn)) - still).max(axis=-1) > 30
    ).mean() > 0.03


def test_a_scan_far_away_fills_the_picture_like_one_at_the_origin(predictor):
    near = random_face(1)
    far = near.transformed(RigidTransform(np.eye(3), np.array([1e6, -1e6, 1e6])))
    apart = np.abs(picture(predictor.predict(near)) - picture(predictor.predict(far))).max(axis=-1)
    assert (apart > 60).mean() < 0.01


def test_a_scan_upside_down_is_drawn_upright(predictor):
    upright = random_face(1)
    fallen = upright.transformed(RigidTransform(euler_to_rotation(0, 0, np.pi), np.zeros(3)))
    a, b = (picture(predictor.predict(scan), landmark=8, beside="nothing") for scan in (upright, fallen))
    assert np.nonzero(hot(a))[0].mean() == pytest.approx(np.nonzero(hot(b))[0].mean(), abs=6)


def test_dark_and_light_pictures_have_dark_and_light_paper(predictor):
    prediction = predictor.predict(random_face(1))
    assert picture(prediction)[2, 2].min() > 240
    assert picture(prediction, dark=True)[2, 2].max() < 60


def test_the_file_is_a_png_of_the_size_asked_for_whatever_its_name(predictor, tmp_path):
    from PIL import Image

    scan = random_face(1)
    render_prediction(scan, predictor.predict(scan), tmp_path / "picture.tmp", size=(300, 180))
    image = Image.open(io.BytesIO((tmp_path / "picture.tmp").read_bytes()))
    assert (image.format, image.size) == ("PNG", (300, 180))


def test_a_scan_without_truth_fills_one_pane(predictor):
    scan = random_face(1).with_(landmarks=None)
    pixels = picture(predictor.predict(scan))
    columns = np.nonzero((np.abs(pixels[40:] - 255).max(axis=-1) > 30).any(axis=0))[0]
    assert columns.min() < SIZE[0] / 2 < columns.max()
    assert (columns.min() + columns.max()) / 2 == pytest.approx(SIZE[0] / 2, abs=12)


def test_a_picture_too_small_to_show_anything_is_refused(predictor):
    with pytest.raises(ShapeError, match="the least is 64"):
        scene_image(scene(predictor.predict(random_face(1)), Settings()), (40, 200))


@pytest.mark.parametrize("colormap", ["ember", "viridis", "cividis"])
def test_heat_has_the_colours_of_the_map_in_some_shade_of_light(predictor, colormap):
    pixels = picture(
        predictor.predict(random_mesh(1)), beside="nothing", colormap=colormap, show_landmarks=False
    )
    skin = pixels[inside(pixels[:, :, :]) & (np.arange(len(pixels)) > 30)[:, None]]
    assert len(skin) > 5000
    assert np.quantile(off_the_map(skin, colormap), 0.98) < 8
    other = "viridis" if colormap != "viridis" else "ember"
    assert np.quantile(off_the_map(skin, other), 0.5) > 15


def test_skin_that_faces_the_viewer_has_the_very_colour_of_its_heat(predictor):
    """The nose ridge, where one landmark's heat is 1 in the prediction, and the forehead, where it is 0."""
    pixels = picture(predictor.predict(random_mesh(1)), beside="nothing", landmark=29, show_landmarks=False)
    rows = np.arange(len(pixels))[:, None] > 30
    skin = inside(pixels) & rows
    heat = heat_of(pixels[skin], "ember")
    assert heat.max() > 0.93 and np.median(heat) < 0.02
    cold = pixels[skin][heat < 0.004]
    assert np.abs(cold.max(axis=0) - lookup_table("ember")[0]).max() <= 3


def test_the_bar_shows_the_colour_map_from_end_to_end(predictor):
    image = scene_image(scene(predictor.predict(random_face(1)), Settings(colormap="viridis")), (640, 400))
    foot = image[360:].reshape(-1, 640, 3)
    row = foot[np.argmax([(off_the_map(line, "viridis") < 2).sum() for line in foot])]
    heat = heat_of(row[off_the_map(row, "viridis") < 2], "viridis")
    assert heat[0] < 0.02 and heat[-1] > 0.98
    assert (np.diff(heat) > -0.01).all() and len(heat) > 200


def test_a_transparent_picture_lies_on_any_paper_as_if_drawn_there(predictor):
    spec = scene(predictor.predict(random_face(1)), Settings())
    cut, plain = (
        scene_image(spec, SIZE, transparent=True).astype(float),
        scene_image(spec, SIZE).astype(float),
    )
    assert cut.shape == (200, 320, 4)
    assert cut[0, 0, 3] == 0 and (cut[..., 3] == 255).mean() > 0.1
    alpha = cut[..., 3:] / 255
    np.testing.assert_allclose(alpha * cut[..., :3] + 255 * (1 - alpha), plain, atol=3)


def test_size_and_resolution_are_written_into_the_file(predictor):
    spec = scene(predictor.predict(random_face(1, 200)), Settings())
    image = Image.open(io.BytesIO(scene_png(spec, (300, 200), dpi=300, transparent=True)))
    assert (image.size, image.mode) == ((300, 200), "RGBA")
    assert image.info["dpi"] == pytest.approx((300, 300), abs=0.1)


def test_a_picture_too_large_for_memory_is_refused(predictor):
    with pytest.raises(ShapeError, match="the most is 5000"):
        scene_image(scene(predictor.predict(random_face(1, 200)), Settings()), (300, 90_000))
