from __future__ import annotations

import numpy as np
import pytest

from faceviz.detection import CROP_SCALE
from faceviz.synth.motion import HAAR_CENTRE, HAAR_SIDE, crop_view, rotation_of

NOSE, ORIGIN = np.array([[0.0, 0.0, 60.0]]), np.zeros((1, 3))
LEFT, TOP = np.array([[60.0, 0.0, 0.0]]), np.array([[0.0, 60.0, 0.0]])


def moved(angles, point) -> np.ndarray:
    """How far from the head's origin a point lies in the picture, right and down."""
    view = crop_view(np.array(angles, dtype=float), 5000.0)
    return (view.project(point) - view.project(ORIGIN))[0]


def test_an_upright_head_has_its_left_on_the_right_and_its_top_above():
    assert moved([0, 0, 0], LEFT)[0] > 30 and abs(moved([0, 0, 0], LEFT)[1]) < 1e-9
    assert moved([0, 0, 0], TOP)[1] < -30


def test_yaw_turns_to_the_subjects_left_and_pitch_up_and_roll_leans():
    assert moved([30, 0, 0], NOSE)[0] > 20
    assert moved([0, 20, 0], NOSE)[1] < -10
    assert abs(moved([0, 0, 20], TOP)[0]) > 15 and moved([0, 0, 20], NOSE)[0] == pytest.approx(0, abs=1e-9)


def test_rotations_are_rotations(rng):
    for angles in rng.uniform(-45, 45, (20, 3)):
        turn = rotation_of(angles)
        np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-12)
        assert np.linalg.det(turn) == pytest.approx(1.0)


@pytest.mark.parametrize("distance", [400.0, 2000.0])
@pytest.mark.parametrize("off_axis", [(0.0, 0.0), (0.3, -0.2)])
def test_the_crop_is_centred_on_the_box_and_as_wide(distance, off_axis):
    view = crop_view(np.array([25.0, -10.0, 15.0]), distance, off_axis)
    np.testing.assert_allclose(view.project(np.array([HAAR_CENTRE]))[0], [128, 128])
    centre = view.pose[:3, :3] @ HAAR_CENTRE + view.pose[:3, 3]
    across = HAAR_SIDE * CROP_SCALE / 2
    seen = view.intrinsics @ (centre + [across, 0, 0])
    assert seen[0] / seen[2] == pytest.approx(256)


def test_jitter_shifts_and_widens_the_crop():
    plain, shifted = crop_view(np.zeros(3), 900.0), crop_view(np.zeros(3), 900.0, jitter=(0.1, 0.0, 1.25))
    assert shifted.project(ORIGIN)[0, 0] == pytest.approx(128 - 25.6)
    assert plain.intrinsics[0, 0] / shifted.intrinsics[0, 0] == pytest.approx(1.25)
