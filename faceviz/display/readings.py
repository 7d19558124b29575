"""The numbers beside the picture: one row a landmark, the worst first, and their summary."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from faceviz.landmarks import NAMES
from faceviz.metrics import heatmap_iou, landmark_error

if TYPE_CHECKING:
    from faceviz.evaluation.audit import TruthAudit

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
        uncertainty: root-mean-square error to expect, same unit; None without calibration.
        suspect: why its truth is not to be believed; empty where it is, or cannot be judged.
    """

    index: int
    name: str
    confidence: float
    iou: float | None
    error: float | None
    uncertainty: float | None = None
    suspect: str = ""


@dataclass(frozen=True, slots=True)
class LandmarkTable:
    """All rows and their summary; None where there is no truth.

    Args:
        check: the five landmarks that one should look at first, the least certain for their kind; empty without
            calibration.
        suspects: how many true landmarks are suspect; None where they cannot be judged.
        whole: what is wrong with the truth as a whole; empty if nothing is.
    """

    rows: tuple[LandmarkRow, ...]
    unit: str
    mean_iou: float | None
    median_error: float | None
    worst_error: float | None
    check: tuple[int, ...] = ()
    suspects: int | None = None
    whole: str = ""


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
    deviation: np.ndarray | None = None,
    usual: np.ndarray | None = None,
    audit: TruthAudit | None = None,
) -> LandmarkTable:
    """Rows with the worst first: by error where the truth is known, else by uncertainty, else by confidence.

    Args:
        confidence: (68,).
        heatmaps, truth_heat: (n, 68) on the same points.
        landmarks, truth: (68, 3) in one frame.
        threshold: of the IoU.
        unit, mm_per_unit: of the positions; errors are given in mm where the unit is known.
        deviation: (68,) error to expect, in the positions' unit; ``usual`` (68,) what is common for each landmark.
        audit: of the truth.
    """
    scale, shown = (1.0, "units") if mm_per_unit is None else (mm_per_unit, "mm")
    iou = None if truth_heat is None else heatmap_iou(heatmaps, truth_heat, threshold)
    error = None if truth is None else scale * landmark_error(landmarks, truth)
    doubt = None if deviation is None else scale * deviation
    first = -error if error is not None else confidence if doubt is None else -doubt
    why = {} if audit is None else {suspect.landmark: suspect.sentence for suspect in audit.suspects}
    whole = "" if audit is None else audit.whole
    rows = tuple(
        LandmarkRow(
            int(i),
            NAMES[i],
            float(confidence[i]),
            _at(iou, i),
            _at(error, i),
            _at(doubt, i),
            why.get(i, whole),
        )
        for i in np.argsort(first, kind="stable")
    )
    return LandmarkTable(
        rows,
        shown,
        None if iou is None or np.isnan(iou).all() else float(np.nanmean(iou)),
        None if error is None else float(np.median(error)),
        None if error is None else float(error.max()),
        check=() if deviation is None or usual is None else least_certain(deviation / usual),
        suspects=None if audit is None else len(audit.flagged),
        whole=whole,
    )


def least_certain(doubt: np.ndarray, count: int = 5) -> tuple[int, ...]:
    """The landmarks with the greatest doubt (68,), the greatest first."""
    return tuple(int(i) for i in np.argsort(-doubt, kind="stable")[:count])


def log_fraction(value: float, low: float, high: float) -> float:
    """Where a value lies between two others on a logarithmic scale, from 0 to 1."""
    return float(np.clip(np.log(max(value, low) / low) / np.log(high / low), 0.0, 1.0))


def selected_row(rows: Sequence[LandmarkRow], landmark: int | None) -> int | None:
    """The place of a landmark in the table."""
    return next((i for i, row in enumerate(rows) if row.index == landmark), None)


def _at(values: np.ndarray | None, i: int) -> float | None:
    return None if values is None or np.isnan(values[i]) else float(values[i])
