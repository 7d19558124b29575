"""From a parametric head to its geometry image: which place of the head each point of the grid is.

The grid lies on the mean MakeHuman head. For another head it is bent to that head's mean once: by splines through the
landmarks, then towards the nearest surface along the normal, stiff at first and softer in the end. What comes out is a
sparse map of barycentric weights, ``points = map @ vertices``, good for every face of that head.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import Any

import numpy as np
from scipy import sparse
from scipy.interpolate import RBFInterpolator
from scipy.sparse.linalg import splu

from faceviz.errors import ShapeError
from faceviz.geometry import geometry_image
from faceviz.geometry.geometry_image import GRID, POINTS
from faceviz.landmarks import LANDMARK_COUNT, REGIONS
from faceviz.synth.cache import cached_arrays
from faceviz.synth.heads import ParametricHead
from faceviz.synth.parametrisation import ray_scene, visible_triangles
from faceviz.synth.topology import vertex_normals

#: Raised whenever maps come out otherwise than before; part of the cache's key.
MAP_VERSION = 1

# Sets of landmarks disagree most on the brows and along the jaw: there the splines may miss them.
_LOOSE = {"right_brow": 30.0, "left_brow": 30.0, "jaw": 300.0}
_TIGHT = 0.5
_STIFFNESS = (300.0, 100.0, 30.0, 10.0, 10.0, 3.0, 3.0, 1.0, 1.0, 1.0)
_OPPOSITE = 0.3  # cosine between normals below which a surface is not the one looked for


def geometry_image_of(head: ParametricHead, vertices: np.ndarray) -> np.ndarray:
    """The geometry image (128, 128, 3) mm, in the canonical frame, of a head's vertices (V, 3) mm.

    Raises:
        ShapeError: the vertices are not that head's.
    """
    vertices = np.asarray(vertices, dtype=np.float64)
    if vertices.shape != (len(head.labels), 3):
        raise ShapeError(f"the head {head.name!r} has vertices ({len(head.labels)}, 3), got {vertices.shape}")
    return geometry_image.canonical(grid_map(head) @ vertices)


def grid_map(head: ParametricHead) -> sparse.csr_matrix:
    """Barycentric weights (16384, V) of the grid's points on the head's vertices."""
    return _grid_map(_Keyed(head))


class _Keyed:
    """A head that equals another with the same mean, for the cache."""

    def __init__(self, head: ParametricHead) -> None:
        self.head = head
        digest = hashlib.sha256(np.ascontiguousarray(head.mean).tobytes())
        digest.update(np.ascontiguousarray(head.triangles).tobytes())
        self.key = f"geometry-image-{head.name}-{digest.hexdigest()[:12]}-{MAP_VERSION}"

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Keyed) and other.key == self.key


@lru_cache(maxsize=4)
def _grid_map(keyed: _Keyed) -> sparse.csr_matrix:
    arrays = cached_arrays(keyed.key, lambda: _register(keyed.head))
    rows = np.repeat(np.arange(POINTS), 3)
    shape = (POINTS, len(keyed.head.labels))
    return sparse.csr_matrix(
        (arrays["weights"].ravel().astype(np.float64), (rows, arrays["corners"].ravel())), shape
    )


def _register(head: ParametricHead) -> dict[str, np.ndarray]:
    """Corners (16384, 3) and barycentric weights (16384, 3) of every point of the grid."""
    surface = _Surface(head)
    start = _bent(geometry_image.mean_face().reshape(-1, 3), head)
    points, stiff = start, _bending_matrix()
    for stiffness in _STIFFNESS:
        target, weight = surface.along_normals(points)
        system = sparse.diags(weight) + stiffness * stiff
        points = splu(system.tocsc()).solve(weight[:, None] * target + stiffness * (stiff @ start))
    corners, weights = surface.nearest(points)
    return {"corners": corners.astype(np.int32), "weights": weights.astype(np.float32)}


def _bent(grid: np.ndarray, head: ParametricHead) -> np.ndarray:
    """The grid's points (16384, 3) carried by splines from the mean face's landmarks to the head's."""
    smoothing = np.full(LANDMARK_COUNT, _TIGHT)
    for region, slack in _LOOSE.items():
        smoothing[list(REGIONS[region])] = slack
    source, target = geometry_image.landmarks(grid), head.mesh().landmarks
    spline = RBFInterpolator(source, target - source, smoothing=smoothing, kernel="linear", degree=1)
    return grid + spline(grid)


def _bending_matrix() -> sparse.csr_matrix:
    """L^T L of the grid's graph Laplacian, (16384, 16384): zero for a grid moved as a whole."""
    path = sparse.diags([np.ones(GRID - 1)], [1], shape=(GRID, GRID))
    path = path + path.T
    eye = sparse.eye(GRID)
    adjacency = sparse.kron(path, eye) + sparse.kron(eye, path)
    laplacian = sparse.diags(np.asarray(adjacency.sum(axis=1)).ravel()) - adjacency
    return (laplacian.T @ laplacian).tocsr()


class _Surface:
    """The visible surface of a head's mean."""

    def __init__(self, head: ParametricHead) -> None:
        mesh = head.mesh()
        self.vertices, self.triangles = mesh.vertices, mesh.triangles[visible_triangles(mesh)]
        self.normals = vertex_normals(mesh.vertices, mesh.triangles)
        self.scene = ray_scene(mesh)

    def nearest(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Corners (N, 3) and barycentric weights (N, 3) of the nearest places."""
        from open3d import core

        found: dict[str, Any] = self.scene.compute_closest_points(core.Tensor(points.astype(np.float32)))
        second, third = found["primitive_uvs"].numpy().astype(np.float64).T
        corners = self.triangles[found["primitive_ids"].numpy().astype(np.int64)]
        return corners, np.stack([1.0 - second - third, second, third], axis=1)

    def along_normals(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Where the points (N, 3) meet the plane of the nearest place, along its normal, and how sure that is (N,)."""
        corners, weights = self.nearest(points)
        place = np.einsum("nk,nkd->nd", weights, self.vertices[corners])
        normal = np.einsum("nk,nkd->nd", weights, self.normals[corners])
        normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
        own = vertex_normals(points, geometry_image.triangles())
        alike = (own * normal).sum(axis=1) > _OPPOSITE
        height = ((place - points) * normal).sum(axis=1, keepdims=True)
        return points + height * normal, alike.astype(np.float64)
