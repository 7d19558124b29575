from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from faceviz.errors import ConfigError
from faceviz.evaluation.comparison import STABLE, compare_scans, heat_change, surface_distance
from faceviz.geometry.transforms import random_pose
from faceviz.scan import FaceScan
from faceviz.testing import random_face
from tests.calibrated import even_calibration
from tests.truthful import TruthfulPredictor


def seen(scan: FaceScan):
    return replace(TruthfulPredictor(error=0.0).predict(scan), calibration=even_calibration(0.01))


@pytest.fixture
def face() -> FaceScan:
    return random_face(2)


def in_centimetres(scan: FaceScan) -> FaceScan:
    return scan.with_(points=scan.points / 10.0, landmarks=scan.landmarks / 10.0, unit="cm")


def test_the_same_face_in_another_pose_and_unit_has_not_moved(face, rng):
    other = in_centimetres(face.transformed(random_pose(rng, 300.0)))
    comparison = compare_scans(seen(face), seen(other))
    assert comparison.distance.max() < 1e-9 and not comparison.moved.any() and comparison.residual < 1e-9
    np.testing.assert_allclose(comparison.to_first(other.points), face.points, atol=1e-9)
    assert comparison.to_dict()["unit"] == "mm"


def test_a_landmark_that_moved_is_told_by_direction_length_and_certainty(face, rng):
    smile = face.landmarks.copy()
    smile[54] += [3.0, 8.0, 0.0]
    other = face.with_(landmarks=smile).transformed(random_pose(rng, 300.0))
    comparison = compare_scans(seen(face), seen(other))
    np.testing.assert_allclose(comparison.displacement[54], [3.0, 8.0, 0.0], atol=1e-9)
    assert np.flatnonzero(comparison.moved).tolist() == [54]
    row = comparison.to_dict()["landmarks"][54]
    assert row["distance"] == pytest.approx(np.hypot(3, 8), abs=1e-4) and row["moved"] is True


def test_alignment_by_stable_landmarks_is_not_drawn_along_by_the_mouth(face):
    opened = face.landmarks.copy()
    opened[48:68] += [0.0, -12.0, 0.0]
    first, second = seen(face), seen(face.with_(landmarks=opened))
    stable, whole = compare_scans(first, second), compare_scans(first, second, align="all")
    assert stable.distance[list(STABLE)].max() < 1e-9 < 1.0 < whole.distance[list(STABLE)].max()
    assert compare_scans(first, second, align="none").transform.translation.tolist() == [0.0, 0.0, 0.0]


def test_what_cannot_be_compared_is_refused(face):
    with pytest.raises(ConfigError, match="unit is unknown"):
        compare_scans(seen(face), seen(face.with_(unit="unknown")))
    with pytest.raises(ConfigError, match="did you mean 'stable'"):
        compare_scans(seen(face), seen(face), align="stabel")


def test_heat_does_not_change_between_a_scan_and_its_moved_copy(face, rng):
    first, second = seen(face), seen(face.transformed(random_pose(rng, 300.0)))
    comparison = compare_scans(first, second)
    assert np.abs(heat_change(first, second, comparison)).max() < 1e-5
    moved = face.landmarks.copy()
    moved[30] += [0.0, 20.0, 0.0]
    third = seen(face.with_(landmarks=moved))
    change = heat_change(first, third, compare_scans(first, third, align="none"))
    assert np.abs(change[:, 30]).max() > 0.5 and np.abs(change[:, 8]).max() < 1e-5


def test_distances_are_to_the_surface_between_the_points_and_to_its_edge(rng):
    sheet = np.column_stack([rng.uniform(-1, 1, (6000, 2)), np.zeros(6000)])
    over = np.column_stack([rng.uniform(-0.8, 0.8, (50, 2)), np.full(50, 0.1)])
    np.testing.assert_allclose(surface_distance(over, sheet), 0.1, atol=1e-6)
    assert surface_distance(np.array([[2.0, 0.0, 0.0]]), sheet)[0] == pytest.approx(1.0, abs=0.05)
