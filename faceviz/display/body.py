"""What carries the colours of a scene: the scan's surface, its points, or the network's own points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from faceviz.geometry.neighbours import knn, shepard_weights

if TYPE_CHECKING:
    from faceviz.pipeline import PreparedScan

#: More than this is thinned out (points) or shown as points (surfaces): a browser should stay fluent.
MAX_POINTS = 40_000
MAX_TRIANGLES = 200_000

_NEIGHBOURS = 4
_NORMAL_NEIGHBOURS = 14
_SPACING_NEIGHBOURS = 12


@dataclass(frozen=True, slots=True, eq=False)
class Body:
    """Points to be coloured, in the scan's frame and unit, and how heat on the network's points is carried to them.

    Args:
        points: (N, 3).
        normals: (N, 3) unit vectors pointing outwards.
        triangles: (M, 3) int64, or None where points are drawn.
        ids: (N,) which points of the scan (or of the network's cloud) these are.
        neighbours: (N, K) rows of the network's cloud.
        weights: (N, K), zero outside the face region, where the network saw nothing.
        spacing: distance between neighbouring points, for their drawn size.
    """

    points: np.ndarray
    normals: np.ndarray
    triangles: np.ndarray | None
    ids: np.ndarray
    neighbours: np.ndarray
    weights: np.ndarray
    spacing: float

    def spread(self, values: np.ndarray) -> np.ndarray:
        """Values (n,) on the network's points, on this body's points: (N,) float32."""
        return np.einsum("nk,nk->n", self.weights, values[self.neighbours]).astype(np.float32)


def make_body(prepared: PreparedScan, kind: str, *, front: np.ndarray | None = None) -> Body:
    """The body of a scene.

    Args:
        prepared: the scan, and the points that the network sees.
        kind: ``"surface"`` (points where there are no triangles or too many), ``"points"`` or ``"network"``.
        front: (3,) the direction the face looks, if known; it tells inside from outside.
    """
    scan = prepared.scan
    points = prepared.points if kind == "network" else scan.points
    triangles = scan.triangles if kind == "surface" else None
    if triangles is not None and (len(triangles) > MAX_TRIANGLES or len(points) > MAX_POINTS):
        triangles = None
    ids = np.arange(len(points)) if triangles is not None else _thinned(len(points))
    points = points[ids]
    anchor = points.mean(axis=0) - (0.0 if front is None else 0.6 * scan.radius * front)
    normals = point_normals(points, anchor) if triangles is None else surface_normals(points, triangles)
    neighbours, weights = _spreading(prepared, points)
    return Body(points, normals, triangles, ids, neighbours, weights, typical_spacing(points))


def surface_normals(points: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Area-weighted vertex normals, (N, 3); a vertex without triangles gets +z."""
    a, b, c = (points[triangles[:, i]] for i in range(3))
    of_face = np.cross(b - a, c - a)
    normals = np.zeros_like(points)
    for corner in range(3):
        np.add.at(normals, triangles[:, corner], of_face)
    return _unit(normals)


def point_normals(points: np.ndarray, anchor: np.ndarray) -> np.ndarray:
    """The direction of least spread of each point's neighbours, (N, 3), pointing away from an anchor inside."""
    k = min(_NORMAL_NEIGHBOURS, len(points))
    near, _ = knn(points, points, k)
    patch = points[near] - points[near].mean(axis=1, keepdims=True)
    _, axes = np.linalg.eigh(np.einsum("nki,nkj->nij", patch, patch))
    normals = axes[:, :, 0]
    outward = np.einsum("ni,ni->n", normals, points - anchor) >= 0
    return np.where(outward[:, None], normals, -normals)


def typical_spacing(points: np.ndarray) -> float:
    """Edge of the square that a point has for itself, ``d_k sqrt(pi / k)`` in the median; 0 for few points."""
    if len(points) <= _SPACING_NEIGHBOURS:
        return 0.0
    sample = points[:: max(1, len(points) // 2000)]
    reach = knn(points, sample, _SPACING_NEIGHBOURS + 1)[1][:, -1]  # the first neighbour is the point itself
    return float(np.median(reach) * np.sqrt(np.pi / _SPACING_NEIGHBOURS))


def _thinned(count: int) -> np.ndarray:
    if count <= MAX_POINTS:
        return np.arange(count)
    return np.sort(np.random.default_rng(0).choice(count, MAX_POINTS, replace=False))


def _spreading(prepared: PreparedScan, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    k = min(_NEIGHBOURS + 1, len(prepared.points))
    neighbours, distances = knn(prepared.points, points, k)
    if k == 1:
        return neighbours, np.ones((len(points), 1))
    weights = shepard_weights(distances)
    if not prepared.raw:
        weights[np.linalg.norm(points - prepared.centre, axis=1) > prepared.radius] = 0.0
    return neighbours[:, :-1], weights


def _unit(vectors: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.where(lengths > 0, vectors / np.where(lengths > 0, lengths, 1.0), [0.0, 0.0, 1.0])
