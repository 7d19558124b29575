import numpy as np
import pytest

from faceviz.geometry.transforms import random_pose
from faceviz.landmarks import MEAN_FACE, MIRROR
from faceviz.regions import face_deviation, face_sphere
from faceviz.testing import random_face


def test_the_face_sphere_moves_and_grows_with_the_landmarks():
    pose = random_pose(np.random.default_rng(0))
    centre, radius = face_sphere(MEAN_FACE)
    moved, larger = face_sphere(3.0 * pose.apply(MEAN_FACE))
    np.testing.assert_allclose(moved, 3.0 * pose.apply(centre), atol=1e-9)
    assert larger == pytest.approx(3.0 * radius)
    assert 90.0 < radius < 140.0


def test_untrusted_landmarks_do_not_move_the_face_sphere():
    weights = np.ones(68)
    weights[30] = 0.0
    broken = MEAN_FACE.copy()
    broken[30] = 1e4
    np.testing.assert_allclose(face_sphere(broken, weights)[0], face_sphere(MEAN_FACE, weights)[0])


def test_a_face_deviates_little_in_any_pose_and_size_and_scattered_points_much():
    rng = np.random.default_rng(1)
    assert face_deviation(0.01 * random_pose(rng).apply(MEAN_FACE)) < 1e-6
    assert face_deviation(random_face(2).landmarks) < 0.2
    assert face_deviation(rng.normal(size=(68, 3))) > 0.5


def test_the_mean_face_is_nearly_its_own_mirror_image():
    mirrored = (MEAN_FACE * [-1.0, 1.0, 1.0])[MIRROR]
    assert face_deviation(mirrored) < 0.02


def test_a_face_with_left_and_right_exchanged_deviates():
    assert face_deviation(MEAN_FACE[MIRROR]) > 0.2  # the most that counts as a face
