from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from faceviz.errors import GeometryError, ShapeError
from faceviz.geometry.alignment import icp, procrustes
from faceviz.geometry.transforms import RigidTransform, euler_to_rotation, random_pose


def test_procrustes_agrees_with_scipy_on_noisy_pairs(rng):
    source = rng.normal(size=(68, 3))
    target = random_pose(rng).apply(source) + 0.1 * rng.normal(size=(68, 3))
    found = procrustes(source, target)
    expected, _ = Rotation.align_vectors(target - target.mean(axis=0), source - source.mean(axis=0))
    np.testing.assert_allclose(found.rotation, expected.as_matrix(), atol=1e-12)
    np.testing.assert_allclose(found.apply(source).mean(axis=0), target.mean(axis=0), atol=1e-12)


def test_procrustes_undoes_a_pose_exactly(rng):
    source, pose = rng.normal(size=(5, 3)), random_pose(rng)
    np.testing.assert_allclose(
        (procrustes(source, pose.apply(source)) @ pose.inverse()).matrix, np.eye(4), atol=1e-12
    )


def test_procrustes_of_a_mirror_image_is_still_a_rotation(rng):
    source = rng.normal(size=(20, 3))
    assert np.linalg.det(procrustes(source, source * [-1, 1, 1]).rotation) == pytest.approx(1.0)


def test_procrustes_of_a_plane_is_a_rotation(rng):
    plane = rng.normal(size=(20, 3)) * [1, 1, 0]
    pose = random_pose(rng)
    np.testing.assert_allclose(
        procrustes(plane, pose.apply(plane)).apply(plane), pose.apply(plane), atol=1e-12
    )


def test_procrustes_of_single_precision_is_worked_out_in_double(rng):
    source, target = rng.normal(size=(2, 20, 3)).astype(np.float32)
    expected = procrustes(source.astype(np.float64), target.astype(np.float64)).matrix
    np.testing.assert_array_equal(procrustes(source, target).matrix, expected)


@pytest.mark.parametrize("size", [1e-9, 1e6])
def test_procrustes_needs_no_more_than_three_points_of_any_size_and_a_narrow_triangle(size):
    triangle, pose = (
        size * np.array([[0.0, 0, 0], [1, 0, 0], [0, 1e-4, 0]]),
        random_pose(np.random.default_rng(2), size),
    )
    found = procrustes(triangle, pose.apply(triangle))
    np.testing.assert_allclose(found.apply(triangle), pose.apply(triangle), atol=1e-9 * size)


@pytest.mark.parametrize("shapes", [((5, 2), (5, 2)), ((3,), (3,)), ((2, 5, 3), (2, 5, 3))])
def test_procrustes_refuses_what_are_no_points(shapes):
    with pytest.raises(ShapeError, match="must both be"):
        procrustes(*map(np.zeros, shapes))


def test_procrustes_refuses_two_pairs(rng):
    with pytest.raises(GeometryError, match="at least 3 pairs of points, got 2"):
        procrustes(*rng.normal(size=(2, 2, 3)))


def test_procrustes_refuses_a_line_and_unpaired_points(rng):
    line = np.outer(np.arange(5.0), [1, 2, 3])
    with pytest.raises(GeometryError, match="line"):
        procrustes(line, line)
    with pytest.raises(ShapeError, match=r"\(5, 3\) and \(4, 3\)"):
        procrustes(line, line[:4])


def test_icp_brings_a_slightly_moved_cloud_back(rng):
    cloud = rng.uniform(-1, 1, size=(2000, 3))
    moved = RigidTransform(euler_to_rotation(0.01, -0.005, 0.004), np.array([0.005, 0.0, -0.004]))
    found = icp(moved.apply(cloud), cloud, threshold=0.1)
    assert found.converged
    assert found.fitness == 1.0
    np.testing.assert_allclose((found.transform @ moved).matrix, np.eye(4), atol=1e-6)


def test_icp_reports_the_distance_to_the_nearest_points(rng):
    source, target = rng.uniform(size=(300, 3)), rng.uniform(size=(400, 3))
    found = icp(source, target, threshold=0.05)
    distances, _ = cKDTree(target).query(found.transform.apply(source))
    matched = distances[distances < 0.05]
    assert found.fitness == pytest.approx(len(matched) / len(source))
    assert found.rmse == pytest.approx(np.sqrt(np.mean(matched**2)))


def test_icp_between_clouds_that_never_fit_settles_all_the_same(rng):
    cloud = rng.uniform(-1, 1, size=(300, 3))
    found = icp(cloud, cloud + rng.normal(0, 0.01, cloud.shape), threshold=0.2, max_iterations=200)
    assert found.converged
    assert 0.005 < found.rmse < 0.03


def test_icp_starts_from_the_first_guess(rng):
    cloud, pose = rng.uniform(-1, 1, size=(500, 3)), random_pose(rng)
    guess = (
        RigidTransform(euler_to_rotation(0.004, 0.0, -0.003), np.array([0.0, 0.003, 0.0])) @ pose.inverse()
    )
    found = icp(pose.apply(cloud), cloud, threshold=0.1, init=guess)
    assert found.converged and found.fitness == 1.0
    np.testing.assert_allclose((found.transform @ pose).matrix, np.eye(4), atol=1e-6)


def test_icp_that_was_stopped_early_says_so(rng):
    cloud = rng.uniform(-1, 1, size=(500, 3))
    moved = RigidTransform(euler_to_rotation(0.2, -0.2, 0.1), np.array([0.1, 0.0, -0.2])).apply(cloud)
    early = icp(moved, cloud, threshold=0.5, max_iterations=2)
    late = icp(moved, cloud, threshold=0.5)
    assert not early.converged and late.converged
    assert late.rmse < early.rmse


@pytest.mark.parametrize("threshold", [0.0, -1.0, np.nan])
def test_icp_refuses_a_threshold_that_matches_nothing(threshold):
    with pytest.raises(GeometryError, match="threshold must be positive"):
        icp(np.eye(3), np.eye(3), threshold=threshold)


def test_icp_without_any_match_has_not_converged():
    cloud = np.eye(3)
    found = icp(cloud, cloud + 100.0)
    assert (found.fitness, found.converged) == (0.0, False)
    np.testing.assert_array_equal(found.transform.matrix, np.eye(4))
