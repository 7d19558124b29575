import numpy as np
import pytest

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
