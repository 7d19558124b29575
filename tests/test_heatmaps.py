import numpy as np
import pytest

from faceviz.errors import ShapeError
from faceviz.geometry.transforms import random_pose
from faceviz.heatmaps import SIGMA, heatmaps_to_landmarks, landmarks_to_heatmaps
from faceviz.testing import random_face


@pytest.fixture(scope="module")
def face():
    scan = random_face(0)
    return (scan.points - scan.centroid) / scan.radius, (scan.landmarks - scan.centroid) / scan.radius


def test_the_heat_is_one_at_the_landmark_and_falls_as_the_formula_says():
    points = np.array([[0.0, 0, 0], [SIGMA, 0, 0], [0, 2 * SIGMA, 0]])
    heat = landmarks_to_heatmaps(points, np.zeros((1, 3)))
    np.testing.assert_allclose(heat[:, 0], np.exp([0.0, -0.5, -2.0]))


def test_landmarks_come_back_from_their_heatmaps_between_the_points(face):
    points, landmarks = face
    found, confidence = heatmaps_to_landmarks(landmarks_to_heatmaps(points, landmarks), points)
    nearest = np.linalg.norm(points[:, None] - landmarks[None], axis=2).min(axis=0)
    error = np.linalg.norm(found - landmarks, axis=1)
    assert np.median(error) < 0.25 * np.median(nearest)
    assert error.max() < 0.03
    assert (confidence > 0.8).all()


def test_noise_in_the_heat_moves_landmarks_little(face):
    points, landmarks = face
    heat = landmarks_to_heatmaps(points, landmarks)
    noisy = np.clip(heat * (1 + 0.1 * np.random.default_rng(0).normal(size=heat.shape)), 0, 1)
    found, _ = heatmaps_to_landmarks(noisy, points)
    assert np.median(np.linalg.norm(found - landmarks, axis=1)) < 0.02


def test_found_landmarks_move_with_the_cloud(face):
    points, landmarks = face
    heat, pose = landmarks_to_heatmaps(points, landmarks), random_pose(np.random.default_rng(1))
    still, _ = heatmaps_to_landmarks(heat, points)
    moved, _ = heatmaps_to_landmarks(heat, pose.apply(points))
    np.testing.assert_allclose(moved, pose.apply(still), atol=1e-9)


def test_no_heat_gives_no_confidence_and_finite_positions(face):
    points, _ = face
    found, confidence = heatmaps_to_landmarks(np.zeros((len(points), 68)), points)
    assert np.isfinite(found).all() and (confidence == 0).all()


def test_arrays_that_do_not_fit_are_refused():
    with pytest.raises(ShapeError, match="do not fit"):
        heatmaps_to_landmarks(np.zeros((5, 68)), np.zeros((6, 3)))
    with pytest.raises(ShapeError):
        landmarks_to_heatmaps(np.zeros((5, 2)), np.zeros((68, 3)))
