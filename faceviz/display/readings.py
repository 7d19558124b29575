"""The numbers beside the picture: one row a landmark, the worst first, and their summary."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from faceviz.landmarks import NAMES
from faceviz.metrics import heatmap_iou, landmark_error

#: Largest change of a heatmap under a motion that counts as rounding, in float32.
ROUNDING = 1e-5


@dataclass(frozen=True, slots=True)
class LandmarkRow:
    """One landmark.

    Args:
        index, name: of the landmark.
        confidence: of the prediction, in [0, 1].
        iou: at the threshold; None without truth, or where neither heatmap reaches the threshold.
        error: distance to the truth in ``LandmarkTable.unit``; None without truth.
    """

    index: int
    name: str
    confidence: float
    iou: float | None
    error: float | None


@dataclass(frozen=True, slots=True)
class LandmarkTable:
    """All rows and their summary; None where there is no truth."""

    rows: tuple[LandmarkRow, ...]
    unit: str
    mean_iou: float | None
    median_error: float | None
    worst_error: float | None


def landmark_table(
    confidence: np.ndarray,
    heatmaps: np.ndarray,
    truth_heat: np.ndarray | None,
    landmarks: np.ndarray,
    truth: np.ndarray | None,
    *,
    threshold: float,
    unit: str = "unknown",
    mm_per_unit: float | None = None,
) -> LandmarkTable:
    """Rows with the worst first: by error where the truth is known, else by confidence.

    Args:
        confidence: (68,).
        heatmaps, truth_heat: (n, 68) on the same points.
        landmarks, truth: (68, 3) in one frame.
        threshold: of the IoU.
        unit, mm_per_unit: of the positions; errors are given in mm where the unit is known.
    """
    scale, shown = (1.0, "units") if mm_per_unit is None else (mm_per_unit, "mm")
    iou = None if truth_heat is None else heatmap_iou(heatmaps, truth_heat, threshold)
    error = None if truth is None else scale * landmark_error(landmarks, truth)
    order = np.argsort(confidence if error is None else -error, kind="stable")
    rows = tuple(
        LandmarkRow(int(i), NAMES[i], float(confidence[i]), _at(iou, i), _at(error, i)) for i in order
    )
    return LandmarkTable(
        rows,
        shown,
        None if iou is None or np.isnan(iou).all() else float(np.nanmean(iou)),
        None if error is None else float(np.median(error)),
        None if error is None else float(error.max()),
    )


def log_fraction(value: float, low: float, high: float) -> float:
    """Where a value lies between two others on a logarithmic scale, from 0 to 1."""
    return float(np.clip(np.log(max(value, low) / low) / np.log(high / low), 0.0, 1.0))


def selected_row(rows: Sequence[LandmarkRow], landmark: int | None) -> int | None:
    """The place of a landmark in the table."""
    return next((i for i, row in enumerate(rows) if row.index == landmark), None)


def _at(values: np.ndarray | None, i: int) -> float | None:
    return None if values is None or np.isnan(values[i]) else float(values[i])
