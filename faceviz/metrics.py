"""How good heatmaps and landmarks are: pure functions, and an accumulator over scans.

Directions: IoU, higher is better; landmark error and invariance error, lower is better.
"""

from __future__ import annotations

import numpy as np

from faceviz.errors import GeometryError, ShapeError

IOU_THRESHOLD = 0.2
CURVE_THRESHOLDS = np.round(np.arange(0.10, 0.951, 0.05), 2)


def heatmap_iou(predicted: np.ndarray, true: np.ndarray, threshold: float = IOU_THRESHOLD) -> np.ndarray:
    """``|P and T| / |P or T|`` per landmark, with ``P = {predicted >= threshold}`` and ``T = {true >= threshold}``.

    Where neither has any point above the threshold the ratio is 0/0: it is NaN, neither right nor wrong, and averages
    leave it out.

    Args:
        predicted, true: (N, L) heatmaps over the same points.

    Returns:
        (L,) in [0, 1] or NaN.
    """
    predicted, true = _heatmap_pair(predicted, true)
    inside_predicted, inside_true = predicted >= threshold, true >= threshold
    shared = (inside_predicted & inside_true).sum(axis=0)
    either = (inside_predicted | inside_true).sum(axis=0)
    return np.where(either > 0, shared / np.maximum(either, 1), np.nan)


def iou_curve(
    predicted: np.ndarray, true: np.ndarray, thresholds: np.ndarray = CURVE_THRESHOLDS
) -> np.ndarray:
    """IoU at each of T thresholds: (T, L)."""
    return np.stack([heatmap_iou(predicted, true, threshold) for threshold in thresholds])


def landmark_error(predicted: np.ndarray, true: np.ndarray) -> np.ndarray:
    """``|predicted_l - true_l|`` for (L, 3) positions: (L,), in their unit."""
    predicted, true = np.asarray(predicted, dtype=np.float64), np.asarray(true, dtype=np.float64)
    if predicted.shape != true.shape or predicted.ndim != 2 or predicted.shape[1] != 3:
        raise ShapeError(f"landmarks must both be (L, 3), got {predicted.shape} and {true.shape}")
    return np.linalg.norm(predicted - true, axis=1)


def invariance_error(heatmaps: np.ndarray, moved: np.ndarray) -> float:
    """The largest change over points and landmarks between the heatmaps of a scan and of the moved scan."""
    heatmaps, moved = _heatmap_pair(heatmaps, moved)
    return float(np.abs(heatmaps.astype(np.float64) - moved).max())


class HeatmapIoU:
    """Mean IoU per landmark over many scans, at one or several thresholds.

    >>> metric = HeatmapIoU()
    >>> metric.update(np.array([[1.0], [0.9], [0.0]]), np.array([[1.0], [0.1], [0.0]]))
    >>> metric.compute()
    array([0.5])
    """

    higher_is_better = True

    def __init__(self, thresholds: float | np.ndarray = IOU_THRESHOLD) -> None:
        self._scalar = np.ndim(thresholds) == 0
        self.thresholds = np.atleast_1d(np.asarray(thresholds, dtype=np.float64))  # (T,)
        self.reset()

    def reset(self) -> None:
        self._sum: np.ndarray | None = None  # (T, L)
        self._count: np.ndarray | None = None  # (T, L) scans whose IoU is defined

    def update(self, predicted: np.ndarray, true: np.ndarray) -> None:
        """Take in one scan: two (N, L) heatmaps; N may differ from scan to scan."""
        self.add(iou_curve(predicted, true, self.thresholds))

    def add(self, values: np.ndarray) -> None:
        """Take in one scan whose IoU (T, L) at the thresholds is known, NaN where undefined."""
        if self._sum is None or self._count is None:
            self._sum, self._count = np.zeros(values.shape), np.zeros(values.shape, dtype=np.int64)
        if values.shape != self._sum.shape:
            raise ShapeError(
                f"this scan has {values.shape[1]} landmarks, the former ones {self._sum.shape[1]}"
            )
        self._sum += np.nan_to_num(values)
        self._count += np.isfinite(values)

    def compute(self) -> np.ndarray:
        """(L,) for one threshold, (T, L) for several; NaN where no scan defines it.

        Raises:
            ShapeError: nothing was taken in, so there is no mean.
        """
        if self._sum is None or self._count is None:
            raise ShapeError("no scan was taken in; call update() before compute()")
        mean = np.where(self._count > 0, self._sum / np.maximum(self._count, 1), np.nan)
        return mean[0] if self._scalar else mean


def _heatmap_pair(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    first, second = np.asarray(first), np.asarray(second)
    if first.shape != second.shape or first.ndim != 2 or first.shape[0] == 0:
        raise ShapeError(f"heatmaps must both be (N, L) with N > 0, got {first.shape} and {second.shape}")
    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        raise GeometryError("a heatmap holds NaN or infinite values; no metric is defined on it")
    return first, second
