from __future__ import annotations

import io

import numpy as np
import pytest

from faceviz.display.scene import scene
from faceviz.display.settings import Settings
from faceviz.errors import ShapeError
from faceviz.geometry.transforms import RigidTransform, euler_to_rotation
from faceviz.testing import random_face
from faceviz.view.render import render_prediction, scene_image
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
