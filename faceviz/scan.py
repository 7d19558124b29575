"""A 3D face scan: points, and what is known about them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from faceviz.errors import GeometryError, ShapeError
from faceviz.geometry.transforms import RigidTransform
from faceviz.landmarks import LANDMARK_COUNT

UNITS: dict[str, float | None] = {"mm": 1.0, "cm": 10.0, "m": 1000.0, "in": 25.4, "unknown": None}


@dataclass(frozen=True, slots=True, eq=False)
class FaceScan:
    """A scan in its own frame and unit, checked once and never changed.

    Args:
        points: (N, 3) finite coordinates.
        triangles: (M, 3) indices into ``points``, or None for a bare cloud.
        landmarks: (68, 3) true landmark positions in the frame of ``points``, or None.
        unit: ``"mm"``, ``"cm"``, ``"m"``, ``"in"`` or ``"unknown"``.
        source: where it came from, for messages and reports.

    Raises:
        ShapeError: an array has another shape.
        GeometryError: no points, coordinates that are not finite, triangle indices out of range, an unknown unit.
    """

    points: np.ndarray  # (N, 3) float64
    triangles: np.ndarray | None = None  # (M, 3) int64
    landmarks: np.ndarray | None = None  # (68, 3) float64
    unit: str = "unknown"
    source: str = "array"

    def __post_init__(self) -> None:
        object.__setattr__(self, "points", _coordinates(self.points, "points"))
        if self.landmarks is not None:
            landmarks = _coordinates(self.landmarks, "landmarks")
            if len(landmarks) != LANDMARK_COUNT:
                raise ShapeError(f"landmarks must be (68, 3), got {landmarks.shape}")
            object.__setattr__(self, "landmarks", landmarks)
        if self.triangles is not None:
            object.__setattr__(self, "triangles", _indices(self.triangles, len(self.points)))
        if self.unit not in UNITS:
            raise GeometryError(f"unit {self.unit!r} is not known; use one of {', '.join(UNITS)}")

    def __len__(self) -> int:
        return len(self.points)

    @property
    def centroid(self) -> np.ndarray:
        """Mean of the points, (3,)."""
        return self.points.mean(axis=0)

    @property
    def radius(self) -> float:
        """Largest distance of a point to the centroid, in the scan's unit."""
        return float(np.sqrt(((self.points - self.centroid) ** 2).sum(axis=1).max()))

    @property
    def mm_per_unit(self) -> float | None:
        """Millimetres in one unit, None where the unit is unknown."""
        return UNITS[self.unit]

    def with_(self, **changes: Any) -> FaceScan:
        """A copy with some fields changed."""
        return replace(self, **changes)

    def transformed(self, transform: RigidTransform) -> FaceScan:
        """The scan moved rigidly, its landmarks with it."""
        landmarks = None if self.landmarks is None else transform.apply(self.landmarks)
        return self.with_(points=transform.apply(self.points), landmarks=landmarks)


def _coordinates(values: Any, name: str) -> np.ndarray:
    array = np.array(values, dtype=np.float64)
    if array.ndim != 2 or array.shape[1] != 3:
        raise ShapeError(f"{name} must be (N, 3), got {array.shape}")
    if len(array) == 0:
        raise GeometryError(f"there are no {name}; a scan needs at least one point")
    bad = np.flatnonzero(~np.isfinite(array).all(axis=1))
    if len(bad):
        raise GeometryError(
            f"{len(bad)} of {len(array)} {name} are NaN or infinite (first: row {bad[0]}); remove them"
        )
    array.setflags(write=False)
    return array


def _indices(values: Any, count: int) -> np.ndarray | None:
    array = np.array(values, dtype=np.int64)
    if array.size == 0:
        return None
    if array.ndim != 2 or array.shape[1] != 3:
        raise ShapeError(f"triangles must be (M, 3), got {array.shape}")
    if array.min() < 0 or array.max() >= count:
        raise GeometryError(
            f"triangle indices run from {array.min()} to {array.max()}, but there are {count} points (0 to {count - 1})"
        )
    array.setflags(write=False)
    return array
