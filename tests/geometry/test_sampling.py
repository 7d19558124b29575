from types import SimpleNamespace

import numpy as np
import pytest
from scipy.stats import kstest

from faceviz.errors import GeometryError
from faceviz.geometry.sampling import farthest_point_order, is_farthest_point_order, sample_surface
from faceviz.geometry.transforms import random_pose


@pytest.fixture
def cloud():
    return np.random.default_rng(0).normal(size=(600, 3))


def test_every_prefix_of_the_order_is_the_sample_of_its_size(cloud):
    order = farthest_point_order(cloud, 300)
    np.testing.assert_array_equal(order[:50], farthest_point_order(cloud, 50))


def test_farthest_points_agree_with_open3d(cloud):
    open3d = pytest.importorskip("open3d")
    start = int(np.linalg.norm(cloud - cloud.mean(axis=0), axis=1).argmin())
    reference = open3d.geometry.PointCloud(open3d.utility.Vector3dVector(cloud))
    reference = np.asarray(reference.farthest_point_down_sample(100, start).points)
    ours = cloud[farthest_point_order(cloud, 100)]
    np.testing.assert_array_equal(np.sort(ours, axis=0), np.sort(reference, axis=0))


def test_the_first_point_is_nearest_the_centroid(cloud):
    assert farthest_point_order(cloud, 1)[0] == np.linalg.norm(cloud - cloud.mean(axis=0), axis=1).argmin()


def test_the_sample_does_not_depend_on_pose(cloud):
    moved = random_pose(np.random.default_rng(1)).apply(cloud)
    np.testing.assert_array_equal(farthest_point_order(cloud, 200), farthest_point_order(moved, 200))


def test_asking_for_more_points_than_exist_is_an_error(cloud):
    with pytest.raises(
        GeometryError, match="cannot choose 601 of 600 points; the largest valid count is 600"
    ):
        farthest_point_order(cloud, 601)
    with pytest.raises(GeometryError, match="cannot choose 0 of 600"):
        farthest_point_order(cloud, 0)
    assert sorted(farthest_point_order(cloud, 600)) == list(range(600))


def test_the_first_point_can_be_chosen(cloud):
    order = farthest_point_order(cloud, 3, start=0)
    distance = np.linalg.norm(cloud[:, None] - cloud[order], axis=2)
    np.testing.assert_array_equal(order, [0, distance[:, 0].argmax(), distance[:, :2].min(axis=1).argmax()])


@pytest.mark.parametrize("radius", [1e-3, 1.0, 1e4])
def test_the_order_may_be_off_by_the_tolerance_times_the_radius(cloud, radius):
    ordered = (
        radius
        * cloud[farthest_point_order(cloud, 600)]
        / np.linalg.norm(cloud - cloud.mean(axis=0), axis=1).max()
    )
    chosen = np.linalg.norm(ordered[:, None] - ordered[:99], axis=2).min(axis=1)
    assert is_farthest_point_order(ordered, 600, tolerance=0.0)
    swapped = ordered.copy()
    swapped[[99, 151]] = ordered[[151, 99]]
    lacking = (chosen.max() - chosen[151]) / radius
    assert 1e-3 < lacking < 0.2
    assert is_farthest_point_order(swapped, 100, tolerance=1.1 * lacking)
    assert not is_farthest_point_order(swapped, 100, tolerance=0.9 * lacking)
    assert is_farthest_point_order(swapped, 99)


def test_an_order_must_begin_nearest_the_centroid_up_to_the_tolerance(cloud):
    order = farthest_point_order(cloud, 50, start=7)
    ordered = np.vstack([cloud[order], np.delete(cloud, order, axis=0)])
    offset = np.linalg.norm(ordered - ordered.mean(axis=0), axis=1)
    lacking = (offset[0] - offset.min()) / offset.max()
    assert lacking > 0.01
    assert is_farthest_point_order(ordered, 50, tolerance=1.01 * lacking)
    assert not is_farthest_point_order(ordered, 50, tolerance=0.99 * lacking)


def test_a_sampled_cloud_is_recognised_as_ordered_and_a_shuffled_one_is_not(cloud):
    ordered = cloud[:300][farthest_point_order(cloud[:300], 300)]
    moved = random_pose(np.random.default_rng(2), 10.0).apply(ordered).astype(np.float32)
    assert is_farthest_point_order(moved.astype(np.float64), 200)
    shuffled = ordered[np.random.default_rng(3).permutation(300)]
    assert not is_farthest_point_order(shuffled, 200)


def test_surface_samples_lie_on_their_triangles():
    rng = np.random.default_rng(4)
    vertices, triangles = rng.normal(size=(30, 3)), rng.integers(0, 30, (40, 3))
    points, face = sample_surface(vertices, triangles, 500, rng)
    a, b, c = (vertices[triangles[face, i]] for i in range(3))
    basis = np.stack([b - a, c - a], axis=2)
    coefficients = np.stack(
        [np.linalg.lstsq(m, p, rcond=None)[0] for m, p in zip(basis, points - a, strict=True)]
    )
    np.testing.assert_allclose(np.einsum("nij,nj->ni", basis, coefficients), points - a, atol=1e-9)


def test_surface_samples_are_spread_by_area():
    vertices = np.array([[0, 0, 0], [3, 0, 0], [0, 3, 0], [10, 0, 0], [11, 0, 0], [10, 1, 0]], dtype=float)
    _, face = sample_surface(vertices, np.array([[0, 1, 2], [3, 4, 5]]), 20_000, np.random.default_rng(5))
    assert (face == 0).mean() == pytest.approx(0.9, abs=0.01)


def test_surface_samples_fill_a_triangle_evenly():
    corners = np.array([[0.0, 0, 0], [2, 0, 0], [0, 1, 5]])
    points, face = sample_surface(corners, np.array([[0, 1, 2]]), 4000, np.random.default_rng(6))
    u, v = np.linalg.lstsq(corners[1:].T, points.T, rcond=None)[0]
    assert face.dtype == np.int64 and points.shape == (4000, 3) and not face.any()
    for side in (u, v, 1 - u - v):  # the distance from a side has the density 2 (1 - s)
        assert kstest(side, lambda s: 1 - (1 - np.clip(s, 0, 1)) ** 2).pvalue > 0.01


def test_triangles_without_area_get_no_samples():
    vertices = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [5, 5, 5]])
    triangles = np.array([[3, 3, 3], [0, 1, 2], [3, 3, 3]])
    _, face = sample_surface(vertices, triangles, 300, np.random.default_rng(7))
    assert (face == 1).all()


def test_a_draw_on_the_border_of_two_triangles_goes_to_one_with_area():
    vertices = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0]])
    lowest = SimpleNamespace(random=np.zeros)
    points, face = sample_surface(vertices, np.array([[0, 0, 0], [0, 1, 2]]), 2, lowest)
    np.testing.assert_array_equal(face, [1, 1])
    np.testing.assert_array_equal(points, np.zeros((2, 3)))


def test_a_mesh_without_triangles_cannot_be_sampled():
    with pytest.raises(GeometryError, match="no area"):
        sample_surface(np.eye(3), np.zeros((0, 3), dtype=int), 5, np.random.default_rng(0))


def test_a_mesh_without_area_cannot_be_sampled():
    with pytest.raises(GeometryError, match="no area"):
        sample_surface(np.zeros((3, 3)), np.array([[0, 1, 2]]), 5, np.random.default_rng(0))
