"""How far a predicted landmark may lie from the truth, told by its own heat and calibrated on scans with known truth.

The root-mean-square error of landmark l is modelled as

    log s_l^2 = a_l + b_1 log(r_l + 0.02) + b_2 log(1 - c_l + 0.01)

with r_l the misfit of its heat to any single place (see ``heat_misfit``) and c_l its confidence; a_l, b_1 and b_2 are
fitted on scans with known landmarks (``faceviz.evaluation.calibration``). Lengths are in radii of the face region, so
that the model holds for any unit and any size of face, and for any pose, since r and c do not change with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from faceviz.errors import CheckpointError, GeometryError, ShapeError
from faceviz.geometry.alignment import procrustes
from faceviz.landmarks import INNER, LANDMARK_COUNT, MEAN_FACE

#: Coverage levels at which the calibration stores how many standard deviations hold that share of the truths.
LEVELS = np.array([0.05, *np.arange(0.1, 0.91, 0.1), 0.95, 0.98, 0.99, 0.995, 0.999])

FORMAT = 1
_MISFIT_FLOOR, _DOUBT_FLOOR = 0.02, 0.01
_NEAREST = 16


def heat_misfit(heatmaps: np.ndarray, points: np.ndarray, landmarks: np.ndarray, sigma: float) -> np.ndarray:
    """How badly the heat of the hottest points agrees with the distances to the landmark, (L,), in widths sigma.

    ``r^2 = sum_j w_j (|x - p_j| - d_j)^2`` with ``d_j = sigma sqrt(-2 ln h_j)`` and ``w_j ~ h_j^2``: 0 for the heat of
    one place.

    Args:
        heatmaps: (n, L) in [0, 1].
        points: (n, 3).
        landmarks: (L, 3), same frame and unit as the points.
        sigma: width of the heatmaps, same unit.
    """
    if heatmaps.ndim != 2 or points.shape != (len(heatmaps), 3) or landmarks.shape != (heatmaps.shape[1], 3):
        raise ShapeError(
            f"heatmaps (n, L), points (n, 3) and landmarks (L, 3) do not fit: {heatmaps.shape}, {points.shape}, "
            f"{landmarks.shape}"
        )
    count = min(_NEAREST, len(points))
    hottest = np.argpartition(-heatmaps, count - 1, axis=0)[:count].T
    heat = np.take_along_axis(heatmaps.T, hottest, axis=1).astype(np.float64)
    told = np.sqrt(-2.0 * np.log(np.clip(heat, 1e-6, 1.0)))
    lies = np.linalg.norm(points[hottest] - landmarks[:, None], axis=2) / sigma
    weight = heat**2 / np.maximum((heat**2).sum(axis=1, keepdims=True), 1e-300)
    return np.sqrt((weight * (lies - told) ** 2).sum(axis=1))


def doubt_features(misfit: np.ndarray, confidence: np.ndarray) -> np.ndarray:
    """What the model is linear in: misfit and confidence (..., L) to (..., L, 2)."""
    return np.stack([np.log(misfit + _MISFIT_FLOOR), np.log(1.0 - confidence + _DOUBT_FLOOR)], axis=-1)


def face_rotation(landmarks: np.ndarray) -> np.ndarray:
    """The rotation (3, 3) from the mean face's axes (x the subject's left, y up, z forward) to those of the landmarks.

    Raises:
        GeometryError: the landmarks lie on a line.
    """
    inner = list(INNER)
    return procrustes(MEAN_FACE[inner], landmarks[inner]).rotation


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """The fitted model of a network's errors.

    Args:
        offsets: (68,) the a of each landmark.
        slopes: (2,) the b, shared by all.
        shapes: (68, 3, 3) covariance of each landmark's error in the axes of the mean face, trace 1.
        quantiles: (T,) standard deviations within which a share ``LEVELS`` of the errors lies.
        usual: (68,) the median deviation of each landmark, in radii of the face region.
        weights: SHA-256 of the weights it was fitted for.
        record: on what it was fitted and how well it held on other scans; JSON-ready.
    """

    offsets: np.ndarray
    slopes: np.ndarray
    shapes: np.ndarray
    quantiles: np.ndarray
    usual: np.ndarray
    weights: str | None
    record: dict[str, Any]

    def deviation(self, misfit: np.ndarray, confidence: np.ndarray) -> np.ndarray:
        """Root-mean-square error (..., 68) to expect, in radii of the face region."""
        return np.exp(0.5 * (self.offsets + doubt_features(misfit, confidence) @ self.slopes))

    def covariance(self, deviation: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
        """Covariances (68, 3, 3) in the axes of the landmarks, in the deviations' unit squared.

        Round where the landmarks have no orientation.
        """
        try:
            turn = face_rotation(landmarks)
        except GeometryError:
            return deviation[:, None, None] ** 2 * np.eye(3) / 3.0
        return deviation[:, None, None] ** 2 * (turn @ self.shapes @ turn.T)

    def reach(self, level: float) -> float:
        """Standard deviations within which a share ``level`` of the truths lies, 0.05 to 0.999."""
        return float(np.interp(level, LEVELS, self.quantiles))

    def level(self, ratio: np.ndarray) -> np.ndarray:
        """The share of truths that lie nearer than ``ratio`` standard deviations; at most 0.999."""
        return np.interp(ratio, np.concatenate([[0.0], self.quantiles]), np.concatenate([[0.0], LEVELS]))

    def with_record(self, record: dict[str, Any]) -> Calibration:
        """The same, with how it was made."""
        return replace(self, record=record)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready; ``of`` reads it."""
        return {
            "format": FORMAT,
            "weights_sha256": self.weights,
            "model": "log s^2 = offset + slopes . (log(misfit + 0.02), log(1 - confidence + 0.01)); in region radii",
            "offsets": np.round(self.offsets, 5).tolist(),
            "slopes": np.round(self.slopes, 5).tolist(),
            "shapes": np.round(self.shapes, 5).tolist(),
            "levels": LEVELS.tolist(),
            "quantiles": np.round(self.quantiles, 5).tolist(),
            "usual": np.round(self.usual, 6).tolist(),
            "record": self.record,
        }

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Calibration:
        """The inverse of ``to_dict``.

        Raises:
            CheckpointError: it is of another format, or damaged.
        """
        if values.get("format") != FORMAT:
            raise CheckpointError(
                f"the calibration is of format {values.get('format')!r}, not {FORMAT}; make it anew with "
                "`faceviz calibrate landmarks`"
            )
        arrays = {name: _array(values, name, shape) for name, shape in _SHAPES.items()}
        record = values.get("record")
        return cls(
            **arrays, weights=values.get("weights_sha256"), record=record if isinstance(record, dict) else {}
        )


_SHAPES = {
    "offsets": (LANDMARK_COUNT,),
    "slopes": (2,),
    "shapes": (LANDMARK_COUNT, 3, 3),
    "quantiles": LEVELS.shape,
    "usual": (LANDMARK_COUNT,),
}


def _array(values: Mapping[str, Any], name: str, shape: tuple[int, ...]) -> np.ndarray:
    try:
        array = np.array(values.get(name), dtype=np.float64)
    except (TypeError, ValueError):
        array = np.zeros(0)
    if array.shape != shape or not np.isfinite(array).all():
        raise CheckpointError(
            f"the calibration's {name} are damaged; make it anew with `faceviz calibrate landmarks`"
        )
    return array
