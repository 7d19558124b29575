from __future__ import annotations

import numpy as np
import pytest

from faceviz.errors import ShapeError
from faceviz.geometry.expression import Expression, expression_basis, fit_expression
from faceviz.geometry.geometry_image import landmarks, mean_face
from faceviz.geometry.transforms import euler_to_rotation
from faceviz.geometry.weak_perspective import fit_camera
from faceviz.landmarks import REGIONS

MEAN = mean_face().reshape(-1, 3)
_FLIP = np.diag([1.0, -1.0, -1.0])


def pictured(points, yaw=0.0, pitch=0.0):
    """Image landmarks of a face, two pixels a millimetre."""
    rotation = _FLIP @ euler_to_rotation(np.radians(pitch), np.radians(yaw), 0.1)
    return 2.0 * (landmarks(points) @ rotation.T)[:, :2] + [320.0, 240.0]


@pytest.fixture
def smiling():
    """Seven random expressions, strong ones, as weights."""
    return np.random.default_rng(0).normal(0.0, 1.5, (7, len(expression_basis())))


def test_a_neutral_face_has_hardly_an_expression():
    found = fit_expression(MEAN, pictured(MEAN, yaw=20.0))
    assert np.linalg.norm(found.apply(MEAN) - MEAN, axis=1).max() < 0.05


@pytest.mark.parametrize("yaw", [0.0, 30.0, -40.0])
def test_most_of_an_expression_is_found_again(smiling, yaw):
    moved, left = [], []
    for weights in smiling:
        face = Expression(weights, None).apply(MEAN)
        found = fit_expression(MEAN, pictured(face, yaw, 8.0)).apply(MEAN)
        moved.append(np.linalg.norm(landmarks(MEAN - face), axis=1).mean())
        left.append(np.linalg.norm(landmarks(found - face), axis=1).mean())
    assert np.mean(left) < 0.6 * np.mean(moved)


def test_a_face_with_its_expression_lies_on_the_image_landmarks(smiling):
    for weights in smiling:
        pixels = pictured(Expression(weights, None).apply(MEAN), 15.0)
        found = fit_expression(MEAN, pixels)
        worn = found.apply(MEAN)
        assert found.camera.rms < 0.5 * fit_camera(landmarks(MEAN), pixels).rms
        again = np.sqrt(((found.camera.project(landmarks(worn)) - pixels) ** 2).sum(axis=1).mean())
        assert again == pytest.approx(found.camera.rms)


def test_where_and_how_large_the_face_is_in_the_image_does_not_matter(smiling):
    pixels = pictured(Expression(smiling[0], None).apply(MEAN), 10.0)
    one, other = fit_expression(MEAN, pixels), fit_expression(MEAN, 3.0 * pixels - 500.0)
    np.testing.assert_allclose(one.weights, other.weights, atol=1e-6)


def test_landmarks_that_lie_like_no_face_do_not_tear_it(rng):
    found = fit_expression(MEAN, rng.normal(0.0, 100.0, (68, 2)))
    assert np.linalg.norm(found.weights) <= 8.0 + 1e-9
    assert np.linalg.norm(found.apply(MEAN) - MEAN, axis=1).mean() < 25.0


def test_landmarks_in_one_place_tell_no_expression():
    assert not fit_expression(MEAN, np.full((68, 2), 7.0)).weights.any()


def test_the_basis_moves_the_mouth_and_leaves_the_bridge_of_the_nose():
    spread = np.sqrt((expression_basis().astype(np.float64) ** 2).sum(axis=(0, 2)))
    at = landmarks(np.repeat(spread[:, None], 3, axis=1))[:, 0]
    assert at[list(REGIONS["outer_lip"])].mean() > 4 * at[list(REGIONS["nose_ridge"])].mean()
    assert not expression_basis().flags.writeable


def test_arrays_that_do_not_fit_are_refused():
    with pytest.raises(ShapeError, match=r"\(68, 2\)"):
        fit_expression(MEAN, np.zeros((67, 2)))
    with pytest.raises(ShapeError, match="16384"):
        fit_expression(MEAN[:100], pictured(MEAN))
