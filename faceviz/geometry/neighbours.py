"""Nearest neighbours, and interpolation between points."""

from __future__ import annotations

import numpy as np

from faceviz.errors import GeometryError


def knn(points: np.ndarray, queries: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The k nearest points of each query, by Euclidean distance.

    Args:
        points: (N, 3).
        queries: (Q, 3), same unit.
        k: how many, at most N.

    Returns:
        Indices (Q, k) int64 and distances (Q, k) float64, nearest first. A query that is itself one of the points has
        itself as first neighbour.

    Raises:
        GeometryError: k is not between 1 and N.
    """
    if not 1 <= k <= len(points):
        raise GeometryError(f"k={k} neighbours of {len(points)} points; the largest valid k is {len(points)}")
    from scipy.spatial import cKDTree

    distances, indices = cKDTree(points).query(queries, k=k)
    return indices.reshape(len(queries), k).astype(np.int64), distances.reshape(len(queries), k)


def shepard_weights(distances: np.ndarray, power: float = 2.0) -> np.ndarray:
    """Inverse-distance weights that sum to one and fade out at the last neighbour.

    ``w_j ~ ((D - d_j) / (D d_j))^p`` for the first k of k + 1 sorted distances, D the last one (Franke and Nielson
    1980, the local form of Shepard's w = d^-p). Because a weight is zero at D, a change of neighbours causes no jump.

    Args:
        distances: (Q, k + 1), sorted ascending.
        power: the exponent p.

    Returns:
        Weights (Q, k). A query on a point takes that point's value, on several points their mean.
    """
    near = np.maximum(distances[:, :-1] / np.maximum(distances[:, -1:], 1e-300), 1e-9)  # d_j / D
    weights = (1.0 / near - 1.0) ** power
    total = weights.sum(axis=1, keepdims=True)
    equal = np.full_like(weights, 1.0 / weights.shape[1])
    return np.where(total > 0.0, weights / np.where(total > 0.0, total, 1.0), equal)


def idw_interpolate(
    values: np.ndarray, points: np.ndarray, queries: np.ndarray, *, power: float = 2.0, k: int = 4
) -> np.ndarray:
    """Values (M, C) known at points (M, 3), carried to queries (Q, 3) by local inverse-distance weighting: (Q, C)."""
    if len(points) == 1:
        return np.repeat(values, len(queries), axis=0)
    indices, distances = knn(points, queries, min(k + 1, len(points)))
    weights = shepard_weights(distances, power)
    return np.einsum("qk,qkc->qc", weights, values[indices[:, :-1]])


def project_to_surface(queries: np.ndarray, points: np.ndarray, *, reach: float, k: int = 12) -> np.ndarray:
    """Queries (Q, 3) moved onto the surface that points (N, 3) lie on.

    They move along the normal of the plane through the k nearest points.

    The plane is the weighted least-squares fit with weights ``(1 - (d / D)^2)^2``,
    D the distance of the farthest of the k.
    A query with no point within ``reach`` stays where it is: there the surface was not scanned.
    """
    indices, distances = knn(points, queries, min(k, len(points)))
    near = points[indices]
    weights = (1.0 - (distances / np.maximum(distances[:, -1:] * 1.0001, 1e-300)) ** 2) ** 2
    weights = (weights / weights.sum(axis=1, keepdims=True))[..., None]
    centre = (weights * near).sum(axis=1)
    offset = near - centre[:, None]
    _, axes = np.linalg.eigh(np.einsum("qki,qkj->qij", weights * offset, offset))
    normal = axes[:, :, 0]
    height = ((queries - centre) * normal).sum(axis=1, keepdims=True)
    return np.where(distances[:, :1] < reach, queries - height * normal, queries)
