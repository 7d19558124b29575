"""A flat map of a parametric head on which skin is painted: cylindrical, with the landmarks' places."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from faceviz.synth.heads import ParametricHead
from faceviz.synth.topology import vertex_normals

ATLAS_SHAPE = (544, 608)  # rows, columns; about 0.6 mm a pixel
_WIDEST = np.radians(125.0)  # azimuth at the left and right edge
_BELOW_CHIN, _ABOVE_BROW = 75.0, 125.0  # mm
_RAYS, _REACH = 48, 70.0  # of the ambient occlusion: rays a vertex, mm


@dataclass(frozen=True, slots=True, eq=False)
class FaceAtlas:
    """Where each vertex of a head lies on the flat map, worked out once on the mean head."""

    uv: np.ndarray  # (V, 2) float32 pixels, column and row
    marks: np.ndarray  # (68, 2) float32 pixels of the landmarks
    openness: (
        np.ndarray
    )  # (V,) float32, share of the sky that a vertex sees: 0 in cavities, 1 on a convex surface
    scale: float  # pixels per mm at the landmarks


@lru_cache(maxsize=4)
def face_atlas(head: ParametricHead) -> FaceAtlas:
    """The flat map of a head: column by azimuth about an axis between the ears, row by height."""
    mesh = head.mesh()
    marks = mesh.landmarks
    axis_z = marks[[0, 16], 2].mean() - 15.0
    azimuth = np.arctan2(mesh.vertices[:, 0], mesh.vertices[:, 2] - axis_z)
    rows, columns = ATLAS_SHAPE
    top, bottom = marks[17:27, 1].mean() + _ABOVE_BROW, marks[8, 1] - _BELOW_CHIN
    u = (np.clip(azimuth / _WIDEST, -1.0, 1.0) + 1.0) / 2.0 * (columns - 1)
    v = np.clip((top - mesh.vertices[:, 1]) / (top - bottom), 0.0, 1.0) * (rows - 1)
    uv = np.stack([u, v], axis=1).astype(np.float32)
    openness = sky_share(mesh.vertices, mesh.triangles)
    return FaceAtlas(uv, uv[head.lm68], openness, float((rows - 1) / (top - bottom)))


def sky_share(vertices: np.ndarray, triangles: np.ndarray, rays: int = _RAYS) -> np.ndarray:
    """Share of cosine-weighted rays that leave a vertex unhindered for 70 mm, (V,) float32."""
    normals = vertex_normals(vertices, triangles)
    scene = ray_scene(vertices, triangles)
    rng = np.random.default_rng(0)
    free = np.zeros(len(vertices), dtype=np.float32)
    origins = vertices + 0.3 * normals
    for _ in range(rays):
        sphere = rng.normal(size=vertices.shape)
        sphere /= np.linalg.norm(sphere, axis=1, keepdims=True)
        directions = normals + 0.98 * sphere
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        batch = tensor(np.concatenate([origins, directions], axis=1))
        free += ~scene.test_occlusions(batch, tfar=_REACH).numpy()
    return free / rays


def ray_scene(vertices: np.ndarray, triangles: np.ndarray) -> Any:
    """An Open3D scene of one mesh for ray casting, on one thread."""
    import open3d as o3d

    scene = o3d.t.geometry.RaycastingScene(nthreads=1)
    scene.add_triangles(tensor(vertices, np.float32), tensor(triangles, np.uint32))
    return scene


def tensor(values: Any, kind: Any = np.float32) -> Any:
    """An array as Open3D takes it."""
    import open3d as o3d

    return o3d.core.Tensor(np.ascontiguousarray(values, dtype=kind))
