import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from scipy.stats import kstest

from faceviz.errors import GeometryError, ShapeError
from faceviz.geometry.transforms import RigidTransform, euler_to_rotation, random_pose, random_rotation


def test_a_transform_times_its_inverse_is_the_identity():
    pose = random_pose(np.random.default_rng(0))
    np.testing.assert_allclose((pose @ pose.inverse()).matrix, np.eye(4), atol=1e-14)


def test_composition_applies_the_right_transform_first():
    rng = np.random.default_rng(1)
    a, b, x = random_pose(rng), random_pose(rng), rng.normal(size=(7, 3))
    np.testing.assert_allclose((a @ b).apply(x), a.apply(b.apply(x)), atol=1e-12)


def test_euler_angles_agree_with_scipy():
    angles = np.array([0.3, -1.1, 2.4])
    np.testing.assert_allclose(
        euler_to_rotation(*angles), Rotation.from_euler("xyz", angles).as_matrix(), atol=1e-14
    )


def test_random_rotations_are_uniform_on_so3():
    rng = np.random.default_rng(2)
    angles = np.array([Rotation.from_matrix(random_rotation(rng)).magnitude() for _ in range(2000)])
    assert kstest(angles, lambda t: (t - np.sin(t)) / np.pi).pvalue > 0.01


def test_random_translations_stay_within_the_bound():
    rng = np.random.default_rng(3)
    lengths = [np.linalg.norm(random_pose(rng, 10.0).translation) for _ in range(500)]
    assert 9.0 < max(lengths) <= 10.0


def test_a_mirror_image_is_no_rigid_transform():
    with pytest.raises(GeometryError, match="proper rotation"):
        RigidTransform(np.diag([-1.0, 1.0, 1.0]), np.zeros(3))


def test_a_transform_of_another_shape_is_refused():
    with pytest.raises(ShapeError):
        RigidTransform(np.eye(4), np.zeros(3))


def test_a_translation_that_is_not_finite_is_refused():
    with pytest.raises(GeometryError, match="finite"):
        RigidTransform(np.eye(3), np.array([0.0, np.nan, 0.0]))
