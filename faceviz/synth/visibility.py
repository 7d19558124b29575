"""What a camera sees of a cloud with normals: an orthographic depth buffer, splatted with points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import grey_closing

_STEEPEST = 2.5  # slope above which the tolerance grows no more


def view_direction(yaw: float, pitch: float) -> np.ndarray:
    """Unit vector (3,) from the head to the camera; yaw turns to the subject's left, pitch up (radians)."""
    return np.array([np.sin(yaw) * np.cos(pitch), np.sin(pitch), np.cos(yaw) * np.cos(pitch)])


def _image_axes(direction: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    right = np.cross([0.0, 1.0, 0.0], direction)
    right /= np.linalg.norm(right)
    return right, np.cross(direction, right)


def _filled(height: np.ndarray) -> np.ndarray:
    """Empty pixels (-inf) that splatted ones surround take the lowest height about them."""
    return np.where(np.isneginf(height), grey_closing(height, size=3, mode="constant", cval=-np.inf), height)


@dataclass(frozen=True, slots=True, eq=False)
class DepthBuffer:
    """Nearest height along ``direction`` in each pixel; -inf where nothing is."""

    direction: np.ndarray  # (3,) unit, towards the camera
    axes: tuple[np.ndarray, np.ndarray]
    origin: np.ndarray  # (2,)
    pixel: float  # mm
    shape: tuple[int, int]
    height: np.ndarray  # (h * w,) mm, largest along direction

    @classmethod
    def of(cls, points: np.ndarray, direction: np.ndarray, pixel: float) -> DepthBuffer:
        """Splat points (N, 3) seen from ``direction`` into pixels of ``pixel`` mm."""
        axes = _image_axes(direction)
        u, v = points @ axes[0], points @ axes[1]
        origin = np.array([u.min(), v.min()])
        columns = ((u - origin[0]) / pixel).astype(np.int64)
        rows = ((v - origin[1]) / pixel).astype(np.int64)
        shape = (int(rows.max()) + 1, int(columns.max()) + 1)
        height = np.full(shape[0] * shape[1], -np.inf)
        np.maximum.at(height, rows * shape[1] + columns, points @ direction)
        return cls(direction, axes, origin, pixel, shape, _filled(height.reshape(shape)).ravel())

    def sees(self, points: np.ndarray, cosine: np.ndarray, strict: np.ndarray | None = None) -> np.ndarray:
        """Which points (N, 3) lie in front, (N,) bool.

        Args:
            points: mm.
            cosine: (N,) of the angle between normal and direction; slanted surfaces get more tolerance.
            strict: (N,) bool, points of cavities: 1.5 mm of tolerance, and only for cameras in front.
        """
        columns = np.floor((points @ self.axes[0] - self.origin[0]) / self.pixel).astype(np.int64)
        rows = np.floor((points @ self.axes[1] - self.origin[1]) / self.pixel).astype(np.int64)
        inside = (rows >= 0) & (rows < self.shape[0]) & (columns >= 0) & (columns < self.shape[1])
        pixels = np.where(inside, rows * self.shape[1] + columns, 0)
        nearest = np.where(inside, self.height[pixels], -np.inf)
        slope = np.minimum(np.sqrt(np.maximum(1.0 - cosine**2, 0.0)) / np.maximum(cosine, 1e-3), _STEEPEST)
        tolerance = 1.5 + self.pixel * slope
        if strict is not None:
            tolerance = np.where(strict, 1.5 if self.direction[2] > 0.2 else -np.inf, tolerance)
        with np.errstate(invalid="ignore"):  # a strict point outside the buffer: inf - inf, not seen
            return (points @ self.direction > nearest - tolerance) & (cosine > 0.12)
