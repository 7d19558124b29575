import numpy as np
import pytest
from scipy.spatial import ConvexHull

from faceviz.geometry.sampling import farthest_point_order
from faceviz.geometry.transforms import random_pose
from faceviz.geometry.visibility import seen_from_outside

pytest.importorskip("open3d")


def ball(radius, count, seed):
    points = np.random.default_rng(seed).normal(size=(count, 3))
    return radius * points / np.linalg.norm(points, axis=1, keepdims=True)


def test_a_ball_inside_a_ball_is_not_seen():
    seen = seen_from_outside(np.vstack([ball(1.0, 6000, 0), ball(0.6, 2000, 1)]))
    assert seen[:6000].mean() > 0.98
    assert seen[6000:].mean() < 0.05


def test_what_is_seen_does_not_change_with_the_pose():
    points = np.vstack([ball(1.0, 3000, 2) * [0.7, 1.0, 0.8], ball(0.4, 500, 3)])
    moved = random_pose(np.random.default_rng(4)).apply(points)
    assert (seen_from_outside(points) == seen_from_outside(moved)).mean() > 0.999


def test_what_is_seen_depends_neither_on_place_nor_on_unit():
    points = np.vstack([ball(1.0, 3000, 5) * [0.7, 1.0, 0.8], ball(0.4, 500, 6)])
    seen = seen_from_outside(points)
    assert (seen_from_outside(80 * points + [1000, -500, 300]) == seen).mean() > 0.999


def test_one_viewpoint_sees_one_side():
    points = ball(1.0, 3000, 7) * [0.8, 1.0, 1.2]
    start = points[np.linalg.norm(points - points.mean(axis=0), axis=1).argmin()]
    seen, facing = seen_from_outside(points, viewpoints=1), points @ start > 0
    assert seen[~facing].mean() < 0.05
    assert 0.4 < seen[facing].mean()
    assert seen.sum() < seen_from_outside(points, viewpoints=2).sum() <= seen_from_outside(points).sum()


def seen_by_flipping(points, viewpoints):
    """Katz, Tal and Basri by SciPy's hull: what lies on the hull of the cloud flipped about each viewpoint."""
    centre = points.mean(axis=0)
    radius = np.linalg.norm(points - centre, axis=1).max()
    seen = np.zeros(len(points), dtype=bool)
    for towards in points[farthest_point_order(points, viewpoints)] - centre:
        from_eye = (points - centre) / radius - 3.0 * towards / np.linalg.norm(towards)
        length = np.linalg.norm(from_eye, axis=1, keepdims=True)
        flipped = from_eye + 2 * (100.0 - length) * from_eye / length
        vertices = ConvexHull(np.vstack([flipped, np.zeros(3)])).vertices
        seen[vertices[vertices < len(points)]] = True
    return seen


@pytest.mark.parametrize("viewpoints", [1, 16])
def test_what_is_seen_agrees_with_scipys_hull(viewpoints):
    points = 80 * np.vstack([ball(1.0, 400, 8) * [0.7, 1.0, 0.8], ball(0.5, 400, 9)]) + [30, -50, 300]
    seen = seen_from_outside(points, viewpoints)
    assert seen.dtype == bool
    np.testing.assert_array_equal(seen, seen_by_flipping(points, viewpoints))
    if viewpoints == 16:
        np.testing.assert_array_equal(seen_from_outside(points), seen)


def test_a_cloud_of_fewer_points_than_viewpoints_is_seen():
    assert seen_from_outside(np.vstack([np.eye(3), -np.eye(3)])).all()
