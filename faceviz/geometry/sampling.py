"""Choosing points: farthest point sampling, and sampling a surface."""

from __future__ import annotations

import numpy as np

from faceviz.errors import GeometryError


def farthest_point_order(points: np.ndarray, count: int, start: int | None = None) -> np.ndarray:
    """Indices (count,) of points (N, 3), each the farthest from all chosen before it (Eldar et al. 1997).

    Every prefix of the order is the farthest point sample of its size, so one order serves every level of a pyramid.

    Args:
        points: (N, 3).
        count: how many to choose, at most N.
        start: the first index; the point nearest the centroid if not given.

    Raises:
        GeometryError: count is not between 1 and N.
    """
    if not 1 <= count <= len(points):
        raise GeometryError(
            f"cannot choose {count} of {len(points)} points; the largest valid count is {len(points)}"
        )
    distances = _NearestChosen(points)
    current = distances.most_central if start is None else start
    order = np.empty(count, dtype=np.int64)
    for i in range(count):
        order[i] = current
        current = int(distances.choose(current).argmax())
    return order


def is_farthest_point_order(points: np.ndarray, count: int, tolerance: float = 1e-4) -> bool:
    """Whether the first ``count`` points already are in farthest-point order, up to a tolerance relative to the radius.

    A cloud sampled by farthest points keeps its order when it is moved in single precision, where exact comparison
    would flip near ties.
    """
    distances = _NearestChosen(points)
    slack = tolerance * distances.radius
    if np.sqrt(distances.from_centroid[0]) > np.sqrt(distances.from_centroid.min()) + slack:
        return False
    nearest = distances.choose(0)
    for i in range(1, count):
        if np.sqrt(nearest[i]) < np.sqrt(nearest.max()) - slack:
            return False
        nearest = distances.choose(i)
    return True


class _NearestChosen:
    """The squared distance of every point to the nearest point chosen so far."""

    def __init__(self, points: np.ndarray) -> None:
        self._xyz = np.ascontiguousarray((points - points.mean(axis=0)).T)  # (3, N)
        self._delta, self._squared = np.empty_like(self._xyz), np.empty(self._xyz.shape[1])
        self._nearest = np.full(self._xyz.shape[1], np.inf)
        self.from_centroid = (self._xyz**2).sum(axis=0)

    @property
    def most_central(self) -> int:
        return int(self.from_centroid.argmin())

    @property
    def radius(self) -> float:
        return float(np.sqrt(self.from_centroid.max()))

    def choose(self, index: int) -> np.ndarray:
        """(N,) after one more point was chosen; the array is written anew by the next call."""
        np.subtract(self._xyz, self._xyz[:, index : index + 1], out=self._delta)
        np.einsum("ij,ij->j", self._delta, self._delta, out=self._squared)
        return np.minimum(self._nearest, self._squared, out=self._nearest)


def sample_surface(
    vertices: np.ndarray, triangles: np.ndarray, count: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Points uniform by area on a triangle mesh.

    Returns:
        Points (count, 3) and the index of the triangle each lies on, (count,) int64.

    Raises:
        GeometryError: the mesh has no area.
    """
    corners = vertices[triangles]  # (M, 3, 3)
    edge_u, edge_v = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    cumulative = np.cumsum(np.linalg.norm(np.cross(edge_u, edge_v), axis=1))
    if not len(cumulative) or cumulative[-1] <= 0.0:
        raise GeometryError("the mesh has no surface to sample: its triangles have no area")
    face = np.searchsorted(cumulative, rng.random(count) * cumulative[-1], side="right")
    face = np.minimum(face, len(triangles) - 1)
    u, v = rng.random((2, count, 1))
    outside = u + v > 1.0
    u, v = np.where(outside, 1.0 - u, u), np.where(outside, 1.0 - v, v)
    return corners[face, 0] + u * edge_u[face] + v * edge_v[face], face
