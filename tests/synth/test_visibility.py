from __future__ import annotations

import numpy as np
import pytest

from faceviz.synth.visibility import DepthBuffer, view_direction


def test_a_camera_to_the_subjects_left_lies_at_plus_x():
    np.testing.assert_allclose(view_direction(0.0, 0.0), [0, 0, 1], atol=1e-12)
    np.testing.assert_allclose(view_direction(np.pi / 2, 0.0), [1, 0, 0], atol=1e-12)
    np.testing.assert_allclose(view_direction(0.0, np.pi / 2), [0, 1, 0], atol=1e-12)


@pytest.mark.parametrize("direction", [[0.0, 0.0, 1.0], [0.6, 0.0, 0.8], [0.0, -0.6, 0.8], [-1.0, 0.0, 0.0]])
def test_of_a_sphere_the_half_towards_the_camera_is_seen(rng, direction):
    direction = np.array(direction)
    normals = rng.normal(size=(20000, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    points, cosine = 50.0 * normals, normals @ direction
    seen = DepthBuffer.of(points, direction, 2.0).sees(points, cosine)
    assert seen[cosine > 0.3].mean() > 0.999
    assert not seen[cosine < 0.0].any()


def test_a_sheet_behind_another_is_hidden_and_one_beside_it_is_not(rng):
    front = np.c_[rng.uniform(0, 40, (4000, 2)), np.full(4000, 10.0)]
    behind = front + [0.0, 0.0, -5.0]
    beside = behind + [60.0, 0.0, 0.0]
    buffer = DepthBuffer.of(np.concatenate([front, behind, beside]), np.array([0.0, 0.0, 1.0]), 2.0)
    facing = np.ones(4000)
    assert buffer.sees(front, facing).all()
    assert buffer.sees(behind, facing).mean() < 0.01
    assert buffer.sees(beside, facing).all()
