"""Landmarks to heatmaps on points, and back."""

from __future__ import annotations

import numpy as np

from faceviz.errors import ShapeError

#: Width of a heatmap in normalised units (radius of the cloud = 1), as in Ferraretto (2024), eq. 5.
SIGMA = 0.095

_FIT_POINTS = 16
_FIT_STEPS = 6
_DAMPING = 0.5


def landmarks_to_heatmaps(points: np.ndarray, landmarks: np.ndarray, sigma: float = SIGMA) -> np.ndarray:
    """``h = exp(-d^2 / (2 sigma^2))``, d the distance of a point to a landmark (Ferraretto 2024, eq. 5).

    Args:
        points: (N, 3).
        landmarks: (L, 3), same frame and unit.
        sigma: width, same unit.

    Returns:
        (N, L) in [0, 1].
    """
    if points.ndim != 2 or points.shape[1] != 3 or landmarks.ndim != 2 or landmarks.shape[1] != 3:
        raise ShapeError(
            f"points and landmarks must be (N, 3) and (L, 3), got {points.shape} and {landmarks.shape}"
        )
    squared = ((points[:, None] - landmarks[None]) ** 2).sum(axis=-1)
    return np.exp(-squared / (2.0 * sigma**2))


def heatmaps_to_landmarks(
    heatmaps: np.ndarray, points: np.ndarray, sigma: float = SIGMA
) -> tuple[np.ndarray, np.ndarray]:
    """Landmark positions between the points, by trilateration.

    The heat of a point tells its distance to the landmark, ``d^2 = -2 sigma^2 ln h``; the position minimises
    ``sum_j h_j^2 (|x - p_j|^2 - d_j^2)^2`` over the hottest points (Levenberg-Marquardt from their weighted mean,
    damped so that it stays there in the direction across the surface, which the distances do not determine).

    Args:
        heatmaps: (N, L) in [0, 1].
        points: (N, 3).
        sigma: width of the heatmaps, unit of the points.

    Returns:
        Positions (L, 3) and confidences (L,): the highest heat, 1 for a sharp peak and 0 for none.
    """
    if heatmaps.ndim != 2 or points.shape != (len(heatmaps), 3):
        raise ShapeError(f"heatmaps (N, L) and points (N, 3) do not fit: {heatmaps.shape} and {points.shape}")
    count = min(_FIT_POINTS, len(points))
    hottest = np.argpartition(-heatmaps, count - 1, axis=0)[:count].T  # (L, K)
    heat = np.take_along_axis(heatmaps.T, hottest, axis=1).astype(np.float64)
    peak = heat.max(axis=1)
    near = points[hottest] / sigma  # (L, K, 3)
    weight = heat**2 / np.maximum((heat**2).sum(axis=1, keepdims=True), 1e-300)
    start = (weight[..., None] * near).sum(axis=1)
    squared = -2.0 * np.log(np.clip(heat, 1e-6, 1.0))
    position = start
    for _ in range(_FIT_STEPS):
        offset = position[:, None] - near
        residual = (offset**2).sum(axis=-1) - squared
        jacobian = 2.0 * offset
        normal = np.einsum("lk,lki,lkj->lij", weight, jacobian, jacobian) + _DAMPING * np.eye(3)
        gradient = np.einsum("lk,lk,lki->li", weight, residual, jacobian) + _DAMPING * (position - start)
        position = position - np.linalg.solve(normal, gradient[..., None])[..., 0]
    drift = position - start
    length = np.linalg.norm(drift, axis=1, keepdims=True)
    position = start + drift * np.minimum(1.0, 1.0 / np.maximum(length, 1e-12))
    return position * sigma, np.clip(peak, 0.0, 1.0)
