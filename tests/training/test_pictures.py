from __future__ import annotations

import cv2
import numpy as np
import pytest

from faceviz.landmarks import MIRROR
from faceviz.models.reconstruction.stream import face_template
from faceviz.training.pictures import UNCHANGED, PictureChanges, cut

_DOTS = 128 + 38 * face_template().numpy() + np.random.default_rng(3).normal(0, 3, (68, 2)).astype(np.float32)


def picture_with_a_dot(place):
    image = np.zeros((256, 256, 3), dtype=np.uint8)
    cv2.circle(image, (int(round(place[0] - 0.5)), int(round(place[1] - 0.5))), 6, (255, 255, 255), -1)
    return image


@pytest.mark.parametrize("focus", [False, True])
@pytest.mark.parametrize("mirror", [False, True])
def test_landmarks_move_with_the_picture(mirror, focus):
    changes = PictureChanges(light=0, blur=0, noise=0, occlusion=0, grey=0)
    for i in range(20):
        rng = np.random.default_rng(i)
        crop, marks = cut(picture_with_a_dot(_DOTS[i]), _DOTS, 128, changes, rng, mirror, focus)
        rows, columns = np.nonzero(crop[..., 0] > 0.5)
        seen = np.array([columns.mean() + 0.5, rows.mean() + 0.5]) / 128
        there = marks[np.flatnonzero(MIRROR == i)[0]] if mirror else marks[i]
        np.testing.assert_allclose(seen, there, atol=0.008)


def test_unchanged_pictures_are_only_made_smaller(rng):
    image = rng.integers(0, 256, (256, 256, 3), dtype=np.uint8)
    crop, marks = cut(image, _DOTS, 128, UNCHANGED, rng)
    halved = image.reshape(128, 2, 128, 2, 3).mean(axis=(1, 3)) / 255
    np.testing.assert_allclose(crop, halved, atol=0.01)
    np.testing.assert_allclose(marks, _DOTS / 256, atol=1e-6)


def test_changed_pictures_stay_pictures(rng):
    image = rng.integers(0, 256, (256, 256, 3), dtype=np.uint8)
    for _ in range(20):
        crop, _ = cut(image, _DOTS, 96, PictureChanges(), rng)
        assert crop.shape == (96, 96, 3) and crop.dtype == np.float32
        assert crop.min() >= 0 and crop.max() <= 1


@pytest.mark.parametrize("mirror", [False, True])
def test_a_focused_picture_is_filled_by_the_face_however_it_lay(rng, mirror):
    face = face_template().double().numpy()
    wide = (face.max(axis=0) - face.min(axis=0)) / 3.5
    image = np.zeros((256, 256, 3), dtype=np.uint8)
    turn = np.array([[0.9, -0.3], [0.3, 0.9]])
    for marks in (35 * face + 120, (20 * face) @ turn + [90, 150]):
        _, there = cut(image, marks, 128, UNCHANGED, rng, mirror, focus=True)
        np.testing.assert_allclose(there.max(axis=0) - there.min(axis=0), wide, atol=0.01)
        np.testing.assert_allclose((there.max(axis=0) + there.min(axis=0)) / 2, 0.5, atol=0.04)
