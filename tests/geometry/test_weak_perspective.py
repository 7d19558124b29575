from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import least_squares
from scipy.spatial.transform import Rotation

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


def test_the_camera_does_not_depend_on_where_the_points_and_the_picture_begin(rng):
    pixels = 2.0 * (MEAN_FACE @ (_FLIP @ euler_to_rotation(0.1, 0.2, 0.0)).T)[:, :2] + rng.normal(
        0, 2, (68, 2)
    )
    found, moved = fit_camera(MEAN_FACE, pixels), fit_camera(MEAN_FACE + [300, -200, 100], pixels + [50, 70])
    np.testing.assert_allclose(moved.rotation, found.rotation, atol=1e-9)
    np.testing.assert_allclose(
        moved.project(MEAN_FACE + [300, -200, 100]), found.project(MEAN_FACE) + [50, 70], atol=1e-6
    )
    assert (moved.scale, moved.rms) == pytest.approx((found.scale, found.rms))


@pytest.mark.parametrize("unit", [1e-3, 1e3])
def test_the_camera_does_not_depend_on_the_unit_of_the_points(rng, unit):
    pixels = 2.0 * (MEAN_FACE @ (_FLIP @ euler_to_rotation(0.1, 0.2, 0.0)).T)[:, :2] + rng.normal(
        0, 2, (68, 2)
    )
    found, other = fit_camera(MEAN_FACE, pixels), fit_camera(unit * MEAN_FACE, pixels)
    np.testing.assert_allclose(other.rotation, found.rotation, atol=1e-9)
    assert (other.scale * unit, other.rms) == pytest.approx((found.scale, found.rms))


def test_a_camera_of_single_precision_is_worked_out_in_double(rng):
    points = (MEAN_FACE + 1000.0).astype(np.float32)
    pixels = (2.0 * (MEAN_FACE @ _FLIP.T)[:, :2] + rng.normal(0, 2, (68, 2))).astype(np.float32)
    found, exact = (
        fit_camera(points, pixels),
        fit_camera(points.astype(np.float64), pixels.astype(np.float64)),
    )
    np.testing.assert_array_equal(found.rotation, exact.rotation)
    assert (found.scale, found.rms) == (exact.scale, exact.rms)


def test_the_camera_is_where_scipy_finds_the_smallest_sum(rng):
    face = MEAN_FACE + rng.normal(0, 3, MEAN_FACE.shape)
    pixels = 1.5 * (face @ (_FLIP @ euler_to_rotation(0.2, -0.3, 0.1)).T)[:, :2] + [300, 200]

    def missed(parameters):
        turned = MEAN_FACE @ Rotation.from_rotvec(parameters[:3]).as_matrix().T @ _FLIP.T
        return (parameters[3] * turned[:, :2] + parameters[4:] - pixels).ravel()

    best = least_squares(missed, [0, 0, 0, 1, *pixels.mean(axis=0)], xtol=1e-14, ftol=1e-14)
    found = fit_camera(MEAN_FACE, pixels, steps=2000)
    np.testing.assert_allclose(
        found.rotation, _FLIP @ Rotation.from_rotvec(best.x[:3]).as_matrix(), atol=1e-4
    )
    np.testing.assert_allclose([found.scale, *found.offset], best.x[3:], rtol=1e-4)
    assert found.rms == pytest.approx(np.sqrt(2 * best.cost / 68), rel=1e-6)


def test_every_step_lowers_the_distance(rng):
    pixels = 2.0 * (MEAN_FACE @ (_FLIP @ euler_to_rotation(0.3, 0.5, 0.0)).T)[:, :2] + rng.normal(
        0, 2, (68, 2)
    )
    rms = [fit_camera(MEAN_FACE, pixels, steps=steps).rms for steps in (0, 1, 2, 5, 30)]
    assert rms == sorted(rms, reverse=True) and rms[0] > 2 * rms[-1]
    assert fit_camera(MEAN_FACE, pixels).rms == rms[-1]


def test_four_points_are_enough():
    points = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]])
    found = fit_camera(points, 3.0 * (points @ _FLIP.T)[:, :2])
    assert found.rms < 1e-6 and found.scale == pytest.approx(3.0)


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
    with pytest.raises(GeometryError, match="four"):
        fit_camera(np.tile([1.0, 2.0, 3.0], (5, 1)), np.zeros((5, 2)))
    with pytest.raises(ShapeError, match="pair"):
        fit_camera(MEAN_FACE[:, :2], np.zeros((68, 2)))
    with pytest.raises(ShapeError, match="pair"):
        fit_camera(np.zeros(68), np.zeros((68, 2)))
