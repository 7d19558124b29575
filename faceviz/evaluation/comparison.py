"""Two scans, or two expressions of one face, against each other: what moved, and by how much."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from faceviz.errors import ConfigError, nearest_name
from faceviz.geometry.alignment import procrustes
from faceviz.geometry.neighbours import idw_interpolate, knn, project_to_surface
from faceviz.geometry.transforms import RigidTransform
from faceviz.landmarks import INNER, NAMES

if TYPE_CHECKING:
    from faceviz.prediction import LandmarkPrediction

Alignment = Literal["stable", "all", "none"]

#: Landmarks that expressions move least: the ridge and base of the nose, the corners of the eyes.
STABLE: tuple[int, ...] = (*range(27, 36), 36, 39, 42, 45)

_LEVEL = 0.95
_SPACINGS = (
    6.0  # of a scan's points: the surface of the other scan is looked for no farther than that from a point
)


@dataclass(frozen=True, slots=True, eq=False)
class ScanComparison:
    """The second scan seen from the first.

    Args:
        transform: from the second scan's frame, scaled by ``scale``, to the first's.
        scale: units of the first in one of the second.
        displacement: (68, 3) of the second's landmarks from the first's, in the first's frame and unit.
        deviation: (68,) of the displacements' errors, both scans' together; None without calibration.
        moved: (68,) bool, farther than 95 % of such errors; None without calibration.
        unit: of the first scan.
        mm_per_unit: of the first scan, None where it is unknown.
        align: which landmarks were brought together.
        residual: root-mean-square distance of those landmarks after it.
    """

    transform: RigidTransform
    scale: float
    displacement: np.ndarray
    deviation: np.ndarray | None
    moved: np.ndarray | None
    unit: str
    mm_per_unit: float | None
    align: Alignment
    residual: float

    @property
    def distance(self) -> np.ndarray:
        """(68,) length of the displacements, in the first scan's unit."""
        return np.linalg.norm(self.displacement, axis=1)

    def to_first(self, positions: np.ndarray) -> np.ndarray:
        """Positions (N, 3) of the second scan in the frame and unit of the first."""
        return self.transform.apply(self.scale * positions)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready, lengths in mm where the unit is known, else in the first scan's unit."""
        scale = self.mm_per_unit or 1.0
        names = ("landmark", "name", "displacement", "distance", "uncertainty", "moved")
        columns = (
            range(len(NAMES)),
            NAMES,
            (scale * self.displacement).round(5).tolist(),
            (scale * self.distance).round(5).tolist(),
            [None] * len(NAMES) if self.deviation is None else (scale * self.deviation).round(5).tolist(),
            [None] * len(NAMES) if self.moved is None else self.moved.tolist(),
        )
        return {
            "unit": "mm" if self.mm_per_unit else self.unit,
            "align": self.align,
            "residual": round(scale * self.residual, 5),
            "second_to_first": {"scale": self.scale, "matrix": self.transform.matrix.tolist()},
            "mean_distance": round(float(scale * self.distance.mean()), 5),
            "landmarks": [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)],
        }


def compare_scans(
    first: LandmarkPrediction, second: LandmarkPrediction, *, align: Alignment = "stable"
) -> ScanComparison:
    """Bring the second scan onto the first by their landmarks, and measure what is left.

    Args:
        first, second: predictions, each in the pose that its landmarks have.
        align: by which landmarks: ``"stable"``, those that expressions move least; ``"all"`` inner 51; ``"none"``, the
            scans are in one frame already.

    Raises:
        ConfigError: there is no such alignment, or only one of the units is known.
    """
    if align not in get_args(Alignment):
        raise ConfigError(f"no alignment named {align!r}{nearest_name(align, get_args(Alignment))}")
    scale = _scale(first, second)
    target, source = first.landmarks, scale * second.landmarks
    chosen = list(STABLE if align == "stable" else INNER)
    move = RigidTransform.identity() if align == "none" else procrustes(source[chosen], target[chosen])
    displacement = move.apply(source) - target
    deviation, reach = _deviation(first, second, scale)
    distance = np.linalg.norm(displacement, axis=1)
    return ScanComparison(
        transform=move,
        scale=scale,
        displacement=displacement,
        deviation=deviation,
        moved=None if deviation is None else distance > reach * deviation,
        unit=first.unit,
        mm_per_unit=first.prepared.scan.mm_per_unit,
        align=align,
        residual=float(np.sqrt((distance[chosen] ** 2).mean())),
    )


def _scale(first: LandmarkPrediction, second: LandmarkPrediction) -> float:
    one, other = first.prepared.scan.mm_per_unit, second.prepared.scan.mm_per_unit
    if (one is None) != (other is None):
        named = (first if one is None else second).prepared.scan.source
        raise ConfigError(f"{named}: its unit is unknown, the other's is known; say it with --unit")
    return 1.0 if one is None or other is None else other / one


def _deviation(
    first: LandmarkPrediction, second: LandmarkPrediction, scale: float
) -> tuple[np.ndarray | None, float]:
    one, other, calibration = first.deviation, second.deviation, first.calibration
    if one is None or other is None or calibration is None:
        return None, 0.0
    return np.hypot(one, scale * other), calibration.reach(_LEVEL)


def heat_change(
    first: LandmarkPrediction, second: LandmarkPrediction, comparison: ScanComparison
) -> np.ndarray:
    """The second scan's heat on the first one's network points, less the first's own, (n, 68) in [-1, 1].

    Zero where the second scan was not seen.
    """
    points = comparison.to_first(second.points)
    carried = idw_interpolate(second.point_heatmaps, points, first.points)
    centre = comparison.to_first(second.pose.apply(second.prepared.centre)[None])[0]
    seen = np.linalg.norm(first.points - centre, axis=1) <= comparison.scale * second.prepared.radius
    return np.where(seen[:, None], carried - first.point_heatmaps, 0.0)


def surface_distance(points: np.ndarray, surface: np.ndarray) -> np.ndarray:
    """Distance (N,) of points (N, 3) to the surface that dense points (M, 3) lie on, same frame and unit.

    Measured to the plane through the nearest ones; where the surface ends, to the nearest point.
    """
    nearest, reach = knn(surface, points, 1)
    spacing = float(np.median(knn(surface, surface[:: max(1, len(surface) // 2000)], 2)[1][:, -1]))
    foot = project_to_surface(points, surface, reach=np.inf)
    upright = np.linalg.norm(points - foot, axis=1)
    beside = np.linalg.norm(foot - surface[nearest[:, 0]], axis=1)
    return np.where(beside < _SPACINGS * spacing, upright, reach[:, 0])
