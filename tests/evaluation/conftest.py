from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from faceviz.evaluation.protocols import normalise
from faceviz.geometry.alignment import procrustes
from faceviz.heatmaps import SIGMA, landmarks_to_heatmaps
from faceviz.scan import FaceScan


def bumpy_scan(seed: int, unit: str = "mm", count: int = 1500) -> FaceScan:
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(count, 3))
    points *= np.array([70.0, 100.0, 60.0]) / np.linalg.norm(points, axis=1, keepdims=True)
    return FaceScan(
        points, landmarks=points[rng.choice(count, 68, replace=False)], unit=unit, source=f"bumpy {seed}"
    )


class Oracle:
    """Knows the truth of its scans, finds it in any pose; ``offset`` moves its landmarks by so many units."""

    name = "oracle"

    def __init__(self, scans, offset=0.0):
        self.known = [normalise(scan) for scan in scans]
        self.offset = np.array([offset, 0.0, 0.0])

    def heatmaps(self, points):
        known = min(self.known, key=lambda k: abs(spread(k.points) - spread(points)))
        landmarks = procrustes(known.points, points).apply(known.landmarks)
        return landmarks_to_heatmaps(points, landmarks, SIGMA)

    def predict(self, scan):
        return SimpleNamespace(landmarks=scan.landmarks + self.offset)


class Brittle(Oracle):
    """Knows where the landmarks of its scans lie, but only in one pose: absolute coordinates as features."""

    name = "brittle"

    def heatmaps(self, points):
        return landmarks_to_heatmaps(points, self.known[0].landmarks, SIGMA)


def spread(points):
    return np.linalg.norm(points[:50, None] - points[None, :50], axis=-1).sum()


@pytest.fixture(scope="session")
def scans():
    return [bumpy_scan(seed) for seed in range(3)]
