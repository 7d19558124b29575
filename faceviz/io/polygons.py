"""Faces with any number of corners, to triangles."""

from __future__ import annotations

import numpy as np

from faceviz.io.problems import Limits, Problem
from faceviz.io.text import list_of


def fan(sizes: np.ndarray, corners: np.ndarray, vertex_count: int, limits: Limits) -> np.ndarray | None:
    """Polygons (a, b, c, d, ...) cut into the triangles (a, b, c), (a, c, d), ..., in the order of the polygons.

    Args:
        sizes: (F,) number of corners of each polygon.
        corners: (sum of sizes,) vertex indices of all polygons, one after the other.
        vertex_count: number of vertices that the indices point into.

    Returns:
        (M, 3) int64, or None without polygons.
    """
    if not len(sizes):
        return None
    _check(sizes, corners, vertex_count)
    per_polygon = sizes - 2
    limits.check_triangles(int(per_polygon.sum()))
    first = np.repeat(np.cumsum(sizes) - sizes, per_polygon)
    step = np.arange(len(first)) - np.repeat(np.cumsum(per_polygon) - per_polygon, per_polygon)
    return corners[np.stack([first, first + step + 1, first + step + 2], axis=1)]


def check_triangles(triangles: np.ndarray, vertex_count: int, limits: Limits) -> np.ndarray | None:
    """Triangles as (M, 3) int64 with valid indices, or None without triangles."""
    if triangles.size == 0:
        return None
    if triangles.ndim != 2 or triangles.shape[1] != 3 or triangles.dtype.kind not in "iu":
        raise Problem(
            f"holds {triangles.dtype} triangles of shape {triangles.shape}", "store integers as (M, 3)"
        )
    limits.check_triangles(len(triangles))
    return fan(np.full(len(triangles), 3), _as_int64(triangles).ravel(), vertex_count, limits)


def _as_int64(indices: np.ndarray) -> np.ndarray:
    if indices.dtype.kind == "u" and indices.dtype.itemsize == 8:
        indices = np.minimum(indices, np.uint64(np.iinfo(np.int64).max))
    return indices.astype(np.int64)


def _check(sizes: np.ndarray, corners: np.ndarray, vertex_count: int) -> None:
    small = np.flatnonzero(sizes < 3)
    if len(small):
        raise Problem(
            f"face {small[0]} of {len(sizes)} (the first is 0) has {sizes[small[0]]} corners",
            "remove faces with fewer than three",
        )
    bad = np.flatnonzero((corners < 0) | (corners >= vertex_count))
    if len(bad):
        face = list_of(sizes, bad[0])
        raise Problem(
            f"face {face} of {len(sizes)} (the first is 0) points to vertex {corners[bad[0]]}, "
            f"but the vertices run from 0 to {vertex_count - 1}",
            "the file is damaged: export it again",
        )
