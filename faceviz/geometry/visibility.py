"""Which points can be seen from outside."""

from __future__ import annotations

import numpy as np

from faceviz.geometry.sampling import farthest_point_order

_EYE_DISTANCE, _FLIP_RADIUS = 3.0, 100.0


def seen_from_outside(points: np.ndarray, viewpoints: int = 16) -> np.ndarray:
    """Mask (N,) of the points (N, 3) that some viewpoint around the cloud sees.

    Hidden point removal (Katz, Tal and Basri 2007; Open3D's) from viewpoints three radii away in the directions of
    ``viewpoints`` farthest points, which turn with the cloud. Surfaces inside a head, as in meshes made from CT, go.
    """
    import open3d as o3d

    centre = points.mean(axis=0)
    radius = float(np.linalg.norm(points - centre, axis=1).max())
    cloud = o3d.geometry.PointCloud(o3d.utility.Vector3dVector((points - centre) / radius))
    towards = (points[farthest_point_order(points, min(viewpoints, len(points)))] - centre) / radius
    towards /= np.maximum(np.linalg.norm(towards, axis=1, keepdims=True), 1e-12)
    seen = np.zeros(len(points), dtype=bool)
    for direction in towards:
        _, indices = cloud.hidden_point_removal(_EYE_DISTANCE * direction, _FLIP_RADIUS)
        seen[indices] = True
    return seen
