import numpy as np
import pytest

from faceviz.geometry.transforms import random_pose
from faceviz.geometry.visibility import outer_shell

pytest.importorskip("open3d")


def ball(radius, count, seed):
    points = np.random.default_rng(seed).normal(size=(count, 3))
    return radius * points / np.linalg.norm(points, axis=1, keepdims=True)


def test_a_ball_inside_a_ball_is_not_seen():
    seen = np.linalg.norm(outer_shell(np.vstack([ball(1.0, 6000, 0), ball(0.6, 2000, 1)])), axis=1)
    assert (seen > 0.9).sum() > 5900
    assert (seen < 0.7).sum() < 100


def test_what_is_seen_turns_with_the_cloud():
    points = np.vstack([ball(1.0, 3000, 2) * [0.7, 1.0, 0.8], ball(0.4, 500, 3)])
    pose = random_pose(np.random.default_rng(4))
    still, moved = outer_shell(points), outer_shell(pose.apply(points))
    assert abs(len(still) - len(moved)) <= 3
    np.testing.assert_allclose(
        np.sort(moved[:2500], axis=0), np.sort(pose.apply(still)[:2500], axis=0), atol=0.05
    )
