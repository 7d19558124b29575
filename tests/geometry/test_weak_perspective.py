from __future__ import annotations

import numpy as np
import pytest

from faceviz.errors import GeometryError, ShapeError
from faceviz.geometry.transforms import euler_to_rotation
from faceviz.geometry.weak_perspective import fit_camera
from faceviz.landmarks import MEAN_FACE

_FLIP = np.diag([1.0, -1.0, -1.0])


@pytest.mark.parametrize("yaw", [0, 25, -45])
@pytest.mark.parametrize("pitch", [-20, 15])
def test_the_camera_of_a_projected_face_is_found(yaw, pitch):
    rotation = _FLIP @ euler_to_rotation(np.radians(pitch), np.radians(yaw), np.radians(8))
    pixels = 1.7 * (MEAN_FACE @ rotation.T)[:, :2] + [320, 240]
    found = fit_camera(MEAN_FACE, pixels, steps=200)
    np.testing.assert_allclose(found.rotation, rotation, atol=1e-3)
    assert found.scale == pytest.approx(1.7, rel=1e-3)
    np.testing.assert_allclose(found.project(MEAN_FACE), pixels, atol=0.2)


def test_the_right_shape_fits_better_than_another(rng):
    face = MEAN_FACE + rng.normal(0, 3, MEAN_FACE.shape)
    pixels = 2.0 * (face @ (_FLIP @ euler_to_rotation(0.1, 0.3, 0.0)).T)[:, :2]
    assert fit_camera(face, pixels).rms < 0.3 * fit_camera(MEAN_FACE, pixels).rms


def test_the_residual_is_the_distance_in_pixels(rng):
    pixels = 2.0 * (MEAN_FACE @ _FLIP.T)[:, :2] + rng.normal(0, 2, (68, 2))
    found = fit_camera(MEAN_FACE, pixels)
    expected = np.sqrt(((found.project(MEAN_FACE) - pixels) ** 2).sum(axis=1).mean())
    assert found.rms == pytest.approx(expected, rel=1e-6)
    assert 2.0 < found.rms < 3.2


def test_what_does_not_pair_is_refused():
    with pytest.raises(ShapeError, match="pair"):
        fit_camera(MEAN_FACE, np.zeros((5, 2)))
    with pytest.raises(GeometryError, match="four"):
        fit_camera(MEAN_FACE[:3], np.zeros((3, 2)))
