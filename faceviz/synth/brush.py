"""Brushes on a flat map: soft spots, smooth noise, filled outlines and fine strokes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

_CUBIC_LOSS = 1.16  # noise of deviation one, enlarged by cubic interpolation, has 1 / 1.16
_SHIFT = 4  # binary places of a pixel in which OpenCV takes coordinates


def noise(
    shape: tuple[int, int], cell: float | tuple[float, float], sigma: float, rng: np.random.Generator
) -> np.ndarray:
    """Smooth noise (H, W) float32 of about standard deviation ``sigma``.

    Args:
        cell: size of its grains in pixels, the same or rows and columns.
    """
    import cv2

    tall, wide = cell if isinstance(cell, tuple) else (cell, cell)
    rows, columns = shape
    coarse = rng.standard_normal((int(rows / tall) + 3, int(columns / wide) + 3), dtype=np.float32)
    if max(tall, wide) <= 1.0:
        return sigma * coarse[:rows, :columns]
    return (_CUBIC_LOSS * sigma) * cv2.resize(coarse, (columns, rows), interpolation=cv2.INTER_CUBIC)


def blob(
    shape: tuple[int, int], centre: np.ndarray, radii: Sequence[float] | np.ndarray, amount: float
) -> np.ndarray:
    """amount exp(-(dx^2 / rx^2 + dy^2 / ry^2) / 2), (H, W) float32."""
    rows, columns = (np.arange(n, dtype=np.float32) for n in shape)
    y = np.exp(-0.5 * ((rows - centre[1]) / radii[1]) ** 2)
    x = np.exp(-0.5 * ((columns - centre[0]) / radii[0]) ** 2)
    return (amount * np.outer(y, x)).astype(np.float32)


def window(shape: tuple[int, int], centre: np.ndarray, radius: float) -> tuple[slice, slice]:
    """Rows and columns within ``radius`` pixels of a place (column, row)."""
    low = np.maximum(np.floor(centre - radius), 0).astype(int)
    high = np.minimum(np.ceil(centre + radius), [shape[1], shape[0]]).astype(int)
    return slice(low[1], high[1]), slice(low[0], high[0])


def smooth_curve(points: np.ndarray, steps: int, closed: bool = False) -> np.ndarray:
    """Catmull-Rom curve through points (N, 2), ``steps`` samples a span."""
    points = np.asarray(points, dtype=np.float64)
    if closed:
        ends = points[np.arange(-1, len(points) + 2) % len(points)]
    else:
        ends = np.concatenate([2 * points[:1] - points[1:2], points, 2 * points[-1:] - points[-2:-1]])
    a, b, c, d = ends[:-3], ends[1:-2], ends[2:-1], ends[3:]
    t = np.linspace(0.0, 1.0, steps, endpoint=False)[:, None, None]
    spans = 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
    curve = spans.transpose(1, 0, 2).reshape(-1, 2)
    return curve if closed else np.concatenate([curve, points[-1:]])


def filled(shape: tuple[int, int], outline: np.ndarray, blur: float) -> np.ndarray:
    """Inside of an outline (N, 2), soft by ``blur`` pixels, (H, W) float32 0..1."""
    import cv2

    image = np.zeros(shape, np.uint8)
    cv2.fillPoly(image, [_fixed(outline)], 255, lineType=cv2.LINE_AA, shift=_SHIFT)
    return cv2.GaussianBlur(image, (0, 0), max(blur, 0.3)).astype(np.float32) / 255.0


def strokes(shape: tuple[int, int], lines: Sequence[np.ndarray], width: float, blur: float) -> np.ndarray:
    """Lines (each (N, 2)) of a width and softness in pixels, (H, W) float32 0..1."""
    import cv2

    image = np.zeros(shape, np.uint8)
    shade = int(np.clip(255 * width, 0, 255))  # a line of less than a pixel is a fainter one
    thickness = max(1, round(width))
    cv2.polylines(image, [_fixed(line) for line in lines], False, shade, thickness, cv2.LINE_AA, _SHIFT)
    return cv2.GaussianBlur(image, (0, 0), max(blur, 0.3)).astype(np.float32) / 255.0


def _fixed(points: np.ndarray) -> np.ndarray:
    return np.round(np.asarray(points) * (1 << _SHIFT)).astype(np.int32).reshape(-1, 1, 2)
