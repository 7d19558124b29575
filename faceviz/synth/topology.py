"""Sparse operators of a fixed mesh: Catmull-Clark subdivision, neighbour averaging; and its normals."""

from __future__ import annotations

import numpy as np
from scipy import sparse


def catmull_clark(quads: np.ndarray, count: int) -> tuple[sparse.csr_matrix, np.ndarray]:
    """One Catmull-Clark step of a quad mesh with boundary, as a matrix.

    face point = mean of its corners; edge point = mean of its ends and its faces' points (boundary: of its ends);
    vertex = (Q + 2 R + (n - 3) P) / n (boundary: 3/4 P + 1/8 of each boundary neighbour).

    Args:
        quads: (F, 4) vertex ids.
        count: number of vertices V0; the first V0 rows of the result are the old vertices.

    Returns:
        the matrix (V0 + E + F, V0) and the quads (4 F, 4) of the finer mesh.
    """
    faces = len(quads)
    sides = np.stack([quads, np.roll(quads, -1, axis=1)], axis=-1).reshape(-1, 2)
    edges, edge_of_side, uses = np.unique(
        np.sort(sides, axis=1), axis=0, return_inverse=True, return_counts=True
    )
    edge_of_side = edge_of_side.reshape(faces, 4)
    face_rows = _rows(np.repeat(np.arange(faces), 4), quads.ravel(), 0.25, (faces, count))
    middles = _rows(np.repeat(np.arange(len(edges)), 2), edges.ravel(), 0.5, (len(edges), count))
    side_faces = (
        _rows(edge_of_side.ravel(), np.repeat(np.arange(faces), 4), 0.5, (len(edges), faces)) @ face_rows
    )
    inner = uses == 2
    edge_rows = (
        sparse.diags(np.where(inner, 0.5, 1.0)) @ middles
        + sparse.diags(np.where(inner, 0.5, 0.0)) @ side_faces
    )
    vertex_rows = _vertex_rows(quads, edges, inner, face_rows, middles, count)
    matrix = sparse.vstack([vertex_rows, edge_rows, face_rows]).tocsr().astype(np.float32)
    e = edge_of_side + count
    f = np.broadcast_to(np.arange(faces)[:, None] + count + len(edges), (faces, 4))
    fine = np.stack([quads, e, f, np.roll(e, 1, axis=1)], axis=-1).reshape(-1, 4)
    return matrix, fine


def _rows(rows: np.ndarray, columns: np.ndarray, value: float, shape: tuple[int, int]) -> sparse.csr_matrix:
    return sparse.coo_matrix((np.full(len(rows), value), (rows, columns)), shape=shape).tocsr()


def _vertex_rows(
    quads: np.ndarray,
    edges: np.ndarray,
    inner: np.ndarray,
    face_rows: sparse.csr_matrix,
    middles: sparse.csr_matrix,
    count: int,
) -> sparse.csr_matrix:
    """Rows of the moved old vertices, (V0, V0)."""
    ends = edges.ravel()
    edge_ids = np.repeat(np.arange(len(edges)), 2)
    valence = np.maximum(np.bincount(ends, minlength=count), 1)
    face_valence = np.maximum(np.bincount(quads.ravel(), minlength=count), 1)
    on_boundary = np.zeros(count, dtype=bool)
    on_boundary[edges[~inner].ravel()] = True
    mean_faces = sparse.diags(1.0 / face_valence) @ _rows(
        quads.ravel(), np.repeat(np.arange(len(quads)), 4), 1.0, (count, len(quads))
    ) @ face_rows  # fmt: skip
    mean_middles = sparse.diags(1.0 / valence) @ _rows(ends, edge_ids, 1.0, (count, len(edges))) @ middles
    smooth = sparse.diags(1.0 / valence) @ (mean_faces + 2.0 * mean_middles + sparse.diags(valence - 3.0))
    border = edges[~inner]
    along = _rows(border.ravel(), border[:, ::-1].ravel(), 1.0, (count, count))
    border_count = np.maximum(np.asarray(along.sum(axis=1)).ravel(), 1.0)
    crease = 0.75 * sparse.eye(count) + sparse.diags(0.25 / border_count) @ along
    return (
        sparse.diags(np.where(on_boundary, 0.0, 1.0)) @ smooth
        + sparse.diags(np.where(on_boundary, 1.0, 0.0)) @ crease
    )


def quads_to_triangles(quads: np.ndarray) -> np.ndarray:
    """Each quad cut along its first diagonal, (2 F, 3) int64."""
    return np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]]).astype(np.int64)


def neighbour_average(triangles: np.ndarray, count: int) -> sparse.csr_matrix:
    """The matrix (V, V) that replaces each vertex by the mean of its neighbours; lonely vertices stay."""
    rows = triangles.ravel()
    ones = np.ones(len(rows), dtype=np.float32)
    half = sparse.coo_matrix((ones, (rows, np.roll(triangles, 1, axis=1).ravel())), shape=(count, count))
    adjacency = ((half + half.T) > 0).astype(np.float32).tocsr()
    degree = np.asarray(adjacency.sum(axis=1)).ravel()
    lonely = sparse.diags((degree == 0).astype(np.float32))
    return (sparse.diags(1.0 / np.maximum(degree, 1.0)) @ adjacency + lonely).tocsr().astype(np.float32)


def face_normals(vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Normals (M, 3) whose length is twice the triangle's area."""
    a, b, c = vertices[triangles[:, 0]], vertices[triangles[:, 1]], vertices[triangles[:, 2]]
    return np.cross(b - a, c - a)


def vertex_normals(vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Unit normals (V, 3), area weighted; zero where a vertex has no triangle."""
    faces = np.repeat(face_normals(vertices, triangles), 3, axis=0)
    corners = triangles.ravel()
    total = np.stack([np.bincount(corners, faces[:, i], minlength=len(vertices)) for i in range(3)], axis=1)
    return total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-12)


def incidence(triangles: np.ndarray, count: int) -> sparse.csr_matrix:
    """The matrix (V, M) of ones where a triangle touches a vertex: times face normals it gives vertex normals."""
    ones = np.ones(triangles.size, dtype=np.float32)
    columns = np.repeat(np.arange(len(triangles)), 3)
    return sparse.coo_matrix((ones, (triangles.ravel(), columns)), shape=(count, len(triangles))).tocsr()
