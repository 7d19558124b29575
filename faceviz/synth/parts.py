"""Which part of the head a vertex belongs to, worked out on the mean head."""

from __future__ import annotations

import numpy as np

from faceviz.synth.heads import PART
from faceviz.synth.topology import vertex_normals
from faceviz.synth.visibility import DepthBuffer, view_direction

_PIXEL = 2.0  # mm
_VIEWS = [(yaw, pitch) for yaw in np.radians(range(-180, 180, 30)) for pitch in np.radians([-50, -20, 0, 25])]


def mark_parts(
    vertices: np.ndarray, triangles: np.ndarray, lm68: np.ndarray, labels: np.ndarray
) -> np.ndarray:
    """Labels (V,) int8 with neck, ears and interior added to those given.

    The neck is what lies below the chin and behind it; interior is what no camera around the closed head sees.
    """
    labels = labels.copy()
    chin, ears = vertices[lm68[8]], vertices[lm68[[0, 16]]]
    body = np.isin(labels, [PART["head"], PART["face"]])
    below = vertices[:, 1] < chin[1] - 8.0 + 0.35 * np.maximum(chin[2] - vertices[:, 2], 0.0) * (
        vertices[:, 2] < chin[2]
    )
    below &= vertices[:, 1] < ears[:, 1].mean() - 45.0
    labels[body & below & (vertices[:, 2] < chin[2] - 15.0) | (body & (vertices[:, 1] < chin[1] - 25.0))] = (
        PART["neck"]
    )
    labels[np.isin(labels, [PART["head"], PART["face"]]) & _ear_box(vertices, ears)] = PART["ears"]
    hidden = ~seen_from_outside(vertices, triangles)
    labels[hidden & (labels != PART["eyeballs"])] = PART["interior"]
    return labels


def _ear_box(vertices: np.ndarray, ears: np.ndarray) -> np.ndarray:
    """What sticks out behind the ends of the jaw line, from the height of the eyes down to the nose."""
    y, z = ears[:, 1].mean(), ears[:, 2].mean()
    out = np.abs(vertices[:, 0]) > 1.02 * np.abs(ears[:, 0]).mean()
    return (
        out
        & (vertices[:, 1] > y - 62.0)
        & (vertices[:, 1] < y + 10.0)
        & (vertices[:, 2] < z - 6.0)
        & (vertices[:, 2] > z - 52.0)
    )


def seen_from_outside(vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Vertices (V,) bool seen by at least one of the cameras all round."""
    normals = vertex_normals(vertices, triangles)
    corners = vertices[triangles]
    dense = np.concatenate([vertices, _inner_points(corners)])
    seen = np.zeros(len(vertices), dtype=bool)
    for yaw, pitch in _VIEWS:
        direction = view_direction(yaw, pitch)
        buffer = DepthBuffer.of(dense, direction, _PIXEL)
        seen |= buffer.sees(vertices, normals @ direction)
    return seen


def _inner_points(corners: np.ndarray) -> np.ndarray:
    """Points inside each triangle (M, 3, 3), so that large triangles splat too."""
    weights = np.array(
        [[1, 1, 1], [4, 1, 1], [1, 4, 1], [1, 1, 4], [2, 2, 0.2], [2, 0.2, 2], [0.2, 2, 2]], dtype=float
    )
    weights /= weights.sum(axis=1, keepdims=True)
    return np.einsum("kc,mcd->mkd", weights, corners).reshape(-1, 3)
