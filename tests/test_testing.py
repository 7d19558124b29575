import numpy as np
import pytest

from faceviz.testing import assert_equivariant, random_face


def test_a_random_face_has_its_landmarks_near_its_points():
    face = random_face(3)
    distance = np.linalg.norm(face.points[:, None] - face.landmarks[None], axis=2).min(axis=0)
    assert distance.max() < 8.0 and face.unit == "mm" and len(face) == 1024


def test_the_same_seed_gives_the_same_face_and_another_seed_another():
    np.testing.assert_array_equal(random_face(1).points, random_face(1).points)
    assert np.abs(random_face(1).points - random_face(2).points).max() > 0.1


def test_distances_pass_as_invariant():
    points = random_face(0, 100).points / 100
    assert assert_equivariant(lambda x: np.linalg.norm(x - x.mean(axis=0), axis=1), points) < 1e-12


def test_raw_coordinates_fail_as_invariant_scalars():
    with pytest.raises(AssertionError, match="pose 0 of seed 0"):
        assert_equivariant(lambda x: x, random_face(0, 100).points / 100)


def test_absolute_coordinates_fail_even_as_vectors_because_of_the_shift():
    points = random_face(0, 100).points / 100
    with pytest.raises(AssertionError):
        assert_equivariant(lambda x: x, points, vectors=True)
    assert_equivariant(lambda x: x - x.mean(axis=0), points, vectors=True)


def test_a_function_that_is_not_finite_fails():
    with pytest.raises(AssertionError):
        assert_equivariant(lambda x: np.full(3, np.nan), random_face(0, 50).points)
