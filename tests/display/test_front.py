from __future__ import annotations

import numpy as np

from faceviz.display.front import CANONICAL, front_of
from faceviz.geometry.transforms import random_pose
from faceviz.testing import random_face


def test_a_canonical_face_looks_along_z_with_y_up():
    front = front_of(random_face(1).landmarks)
    assert front.forward @ [0, 0, 1] > 0.9
    assert front.up @ [0, 1, 0] > 0.9


def test_the_front_turns_with_the_face(rng):
    landmarks = random_face(2).landmarks
    still = front_of(landmarks)
    for _ in range(10):
        pose = random_pose(rng, 100.0)
        moved = front_of(pose.apply(landmarks))
        np.testing.assert_allclose(moved.forward, pose.rotation @ still.forward, atol=1e-9)
        np.testing.assert_allclose(moved.up, pose.rotation @ still.up, atol=1e-9)


def test_forward_and_up_are_unit_vectors_at_right_angles():
    front = front_of(random_face(3).landmarks)
    frame = np.stack([front.forward, front.up])
    np.testing.assert_allclose(frame @ frame.T, np.eye(2), atol=1e-12)


def test_landmarks_that_coincide_give_the_canonical_front():
    assert front_of(np.zeros((68, 3))) is CANONICAL
