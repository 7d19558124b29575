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
    xyz = np.ascontiguousarray((points - points.mean(axis=0)).T)  # (3, N)
    start = int((xyz * xyz).sum(axis=0).argmin()) if start is None else start
    order = np.empty(count, dtype=np.int64)
    nearest = np.full(xyz.shape[1], np.inf)
    delta, distance = np.empty_like(xyz), np.empty(xyz.shape[1])
    current = start
    for i in range(count):
        order[i] = current
        np.subtract(xyz, xyz[:, current : current + 1], out=delta)
        np.einsum("ij,ij->j", delta, delta, out=distance)
        np.minimum(nearest, distance, out=nearest)
        current = int(nearest.argmax())
    return order


def is_farthest_point_order(points: np.ndarray, count: int, tolerance: float = 1e-4) -> bool:
    """Whether the first ``count`` points already are in farthest-point order, up to a tolerance relative to the radius.

    A cloud sampled by farthest points keeps its order when it is moved in single precision, where exact comparison
    would flip near ties.
    """
    centred = points - points.mean(axis=0)
    norms = np.linalg.norm(centred, axis=1)
    slack = tolerance * float(norms.max())
    if norms[0] > norms.min() + slack:
        return False
    nearest = np.full(len(points), np.inf)
    for i in range(count):
        if i and np.sqrt(nearest[i]) < np.sqrt(nearest.max()) - slack:
            return False
        delta = centred - centred[i]
        np.minimum(nearest, np.einsum("ij,ij->i", delta, delta), out=nearest)
    return True


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
