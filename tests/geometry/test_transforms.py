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


def test_a_random_rotation_is_that_of_its_quaternion_as_scipy_has_it():
    found = random_rotation(np.random.default_rng(4))
    w, x, y, z = np.random.default_rng(4).standard_normal(4)
    np.testing.assert_allclose(found, Rotation.from_quat([x, y, z, w]).as_matrix(), atol=1e-14)


def test_a_random_pose_can_leave_out_rotation_or_translation():
    turned = random_pose(np.random.default_rng(5), translate=False)
    shifted = random_pose(np.random.default_rng(5), rotate=False)
    assert not np.allclose(turned.rotation, np.eye(3)) and not turned.translation.any()
    assert np.linalg.norm(shifted.translation) > 0.01
    np.testing.assert_array_equal(shifted.rotation, np.eye(3))


def test_random_translations_are_uniform_in_length_and_direction():
    rng = np.random.default_rng(6)
    shifts = np.array([random_pose(rng, rotate=False).translation for _ in range(1000)])
    lengths = np.linalg.norm(shifts, axis=1)
    assert kstest(lengths, "uniform", (0, 10)).pvalue > 0.01
    assert kstest(shifts[:, 2] / lengths, "uniform", (-1, 2)).pvalue > 0.01


def test_random_translations_stay_within_the_bound():
    rng = np.random.default_rng(3)
    lengths = [np.linalg.norm(random_pose(rng, 10.0).translation) for _ in range(500)]
    assert 9.0 < max(lengths) <= 10.0


def test_a_mirror_image_is_no_rigid_transform():
    with pytest.raises(GeometryError, match="proper rotation"):
        RigidTransform(np.diag([-1.0, 1.0, 1.0]), np.zeros(3))


@pytest.mark.parametrize("shapes", [(4, 3), (3, 4)])
def test_a_transform_of_another_shape_is_refused(shapes):
    with pytest.raises(ShapeError, match="a rigid transform is"):
        RigidTransform(np.eye(shapes[0]), np.zeros(shapes[1]))


def test_a_rotation_may_be_off_by_rounding_and_no_more():
    RigidTransform(np.eye(3) * (1 + 4e-7), np.zeros(3))
    for off in (1 + 6e-7, 1 + 1e-3, np.nan):
        with pytest.raises(GeometryError, match="proper rotation"):
            RigidTransform(np.eye(3) * off, np.zeros(3))


def test_a_transform_is_in_double_precision_and_apart_from_the_arrays_it_was_made_of():
    rotation, translation = np.eye(3), np.ones(3)
    pose = RigidTransform(rotation, translation)
    rotation[:], translation[:] = 0, 0
    np.testing.assert_array_equal(pose.apply(np.zeros(3)), np.ones(3))
    coarse = RigidTransform(np.eye(3, dtype=np.float32), np.zeros(3, dtype=np.float32))
    assert coarse.rotation.dtype == coarse.translation.dtype == np.float64


def test_the_identity_moves_nothing():
    points = np.random.default_rng(7).normal(size=(2, 4, 3))
    np.testing.assert_array_equal(RigidTransform.identity().apply(points), points)


def test_a_translation_that_is_not_finite_is_refused():
    with pytest.raises(GeometryError, match="finite"):
        RigidTransform(np.eye(3), np.array([0.0, np.nan, 0.0]))
