"""What the landmark network is shown, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from faceviz.geometry.neighbours import idw_interpolate
from faceviz.geometry.transforms import RigidTransform
from faceviz.heatmaps import SIGMA
from faceviz.scan import FaceScan
from faceviz.uncertainty import Calibration, heat_misfit


@dataclass(frozen=True, slots=True, eq=False)
class PreparedScan:
    """A scan with the cloud that the network sees, chosen once; poses are applied to this cloud.

    Attributes:
        scan: as it was given.
        points: (n, 3) in farthest-point order, the scan's frame and unit.
        surface: (m, 3) the denser points that landmarks are put back on, same frame and unit.
        centre: (3,) and ``radius``: the network's frame is ``(x - centre) / radius``.
        raw: the points are the scan's own and were not scaled.
        seconds: time per stage.
    """

    scan: FaceScan
    points: np.ndarray
    surface: np.ndarray
    centre: np.ndarray
    radius: float
    raw: bool = False
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def normalised(self) -> np.ndarray:
        """The cloud in the network's frame, (n, 3)."""
        return (self.points - self.centre) / self.radius

    @property
    def sigma(self) -> float:
        """Width of the heatmaps in the scan's unit."""
        return SIGMA * self.radius


@dataclass(frozen=True, eq=False)
class LandmarkPrediction:
    """68 landmarks of a scan in one pose.

    Attributes:
        landmarks: (68, 3) in the frame and unit of the scan as posed.
        confidence: (68,) highest heat of each landmark, in [0, 1].
        points: (n, 3) the network's cloud as posed; ``point_heatmaps`` (n, 68) float32 on it.
        prepared: what the prediction was made from; ``pose`` was applied to it.
        model: the network's name.
        seconds: time per stage.
        calibration: what tells the network's errors from its heat, where it is known.
    """

    landmarks: np.ndarray
    confidence: np.ndarray
    points: np.ndarray
    point_heatmaps: np.ndarray
    prepared: PreparedScan
    pose: RigidTransform
    model: str
    seconds: dict[str, float]
    calibration: Calibration | None = None

    @property
    def unit(self) -> str:
        return self.prepared.scan.unit

    @cached_property
    def deviation(self) -> np.ndarray | None:
        """(68,) the root-mean-square error to expect, in the scan's unit; None without calibration, or raw."""
        if self.calibration is None or self.prepared.raw:
            return None
        misfit = heat_misfit(self.point_heatmaps, self.points, self.landmarks, self.prepared.sigma)
        return self.prepared.radius * self.calibration.deviation(misfit, self.confidence)

    @property
    def covariance(self) -> np.ndarray | None:
        """(68, 3, 3) of the errors to expect, in the frame of ``landmarks``; its trace is ``deviation ** 2``."""
        deviation = self.deviation
        if deviation is None or self.calibration is None:
            return None
        return self.calibration.covariance(deviation, self.landmarks)

    @property
    def uncertainty_mm(self) -> np.ndarray | None:
        """``deviation`` in millimetres; None also where the unit is unknown."""
        deviation, scale = self.deviation, self.prepared.scan.mm_per_unit
        return None if deviation is None or scale is None else scale * deviation

    @property
    def heatmaps(self) -> np.ndarray:
        """Heatmaps (N, 68) float32 on the scan's own points by inverse-distance weights, zero outside the region."""
        if self.prepared.raw:
            return self.point_heatmaps
        points = self.prepared.scan.points
        heat = np.zeros((len(points), self.point_heatmaps.shape[1]), dtype=np.float32)
        inside = np.linalg.norm(points - self.prepared.centre, axis=1) <= self.prepared.radius
        if inside.any():
            heat[inside] = idw_interpolate(self.point_heatmaps, self.prepared.points, points[inside])
        return heat
