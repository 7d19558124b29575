"""A camera far away: how a face must be turned, scaled and shifted to lie on its image landmarks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from faceviz.errors import GeometryError, ShapeError

_DOWN = np.diag([1.0, -1.0, -1.0])  # from x right, y up, z forward to an image's x right, y down


@dataclass(frozen=True, slots=True, eq=False)
class WeakPerspective:
    """``pixel = scale (R x)_{1,2} + offset``, R a rotation into the image's axes: x right, y down, z away.

    Attributes:
        scale: pixels a millimetre (or whatever unit the points have).
        rotation: (3, 3).
        offset: (2,) pixels.
        rms: root mean square distance in pixels between the landmarks and the projected points.
    """

    scale: float
    rotation: np.ndarray
    offset: np.ndarray
    rms: float

    def project(self, points: np.ndarray) -> np.ndarray:
        """Pixels (N, 2) of points (N, 3)."""
        return self.scale * (points @ self.rotation.T)[:, :2] + self.offset


def fit_camera(
    points: np.ndarray, pixels: np.ndarray, steps: int = 30, start: np.ndarray | None = None
) -> WeakPerspective:
    """The camera that minimises ``sum_i |scale (R x_i)_{1,2} + offset - u_i|^2``.

    The hidden third coordinate of each pixel is set to what the present camera gives it, and the best similarity of the
    points onto these is taken, again and again; every step lowers the sum.

    Args:
        points: (N, 3), x to the subject's left, y up, z forward; not in a plane.
        pixels: (N, 2), x right, y down, of a picture in which the subject's left is on the right.
        start: (3, 3) a rotation to begin with; a face seen from the front if not given.

    Raises:
        ShapeError: the arrays do not pair.
        GeometryError: fewer than four points, or points in one place.
    """
    points, pixels = np.asarray(points, dtype=np.float64), np.asarray(pixels, dtype=np.float64)
    if points.ndim != 2 or points.shape[1] != 3 or pixels.shape != (len(points), 2):
        raise ShapeError(f"points (N, 3) and pixels (N, 2) must pair, got {points.shape} and {pixels.shape}")
    if len(points) < 4 or np.ptp(points, axis=0).max() == 0:
        raise GeometryError("a camera needs at least four points that differ; give all 68 landmarks")
    offset = points - points.mean(axis=0)
    goal = pixels - pixels.mean(axis=0)
    rotation = _DOWN if start is None else start
    turned, scale = offset @ rotation.T, 1.0
    for _ in range(steps):
        scale = float((turned[:, :2] * goal).sum() / (turned[:, :2] ** 2).sum())
        lifted = np.column_stack([goal / max(scale, 1e-12), turned[:, 2]])
        rotation = _rotation(offset, lifted)
        turned = offset @ rotation.T
    scale = float((turned[:, :2] * goal).sum() / (turned[:, :2] ** 2).sum())
    shift = pixels.mean(axis=0) - scale * (rotation @ points.mean(axis=0))[:2]
    rms = float(np.sqrt(((scale * turned[:, :2] - goal) ** 2).sum(axis=1).mean()))
    return WeakPerspective(scale, rotation, shift, rms)


def _rotation(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The rotation nearest to turning centred points (N, 3) into others (Kabsch 1976)."""
    u, _, vt = np.linalg.svd(target.T @ source)
    return u @ np.diag([1.0, 1.0, np.sign(np.linalg.det(u @ vt))]) @ vt
