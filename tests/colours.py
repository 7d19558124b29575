"""Are the colours of a picture those of a colour map? Light makes them darker, and does nothing else."""

from __future__ import annotations

import numpy as np

from faceviz.display.colormaps import lookup_table


def off_the_map(pixels: np.ndarray, colormap: str) -> np.ndarray:
    """Distance (n,), in [0, 255], of pixels (n, 3) from the nearest colour of the map in any shade."""
    return _nearest(pixels, colormap)[1]


def heat_of(pixels: np.ndarray, colormap: str) -> np.ndarray:
    """The heat (n,), in [0, 1], whose colour in some shade is nearest."""
    return _nearest(pixels, colormap)[0] / 255


def _nearest(pixels: np.ndarray, colormap: str) -> tuple[np.ndarray, np.ndarray]:
    table = lookup_table(colormap).astype(float)
    pixels, back = np.unique(pixels.reshape(-1, 3).astype(float), axis=0, return_inverse=True)
    shade = np.clip(pixels @ table.T / (table**2).sum(axis=1), 0.0, 1.02)  # (n, 256)
    apart = np.linalg.norm(pixels[:, None] - shade[..., None] * table, axis=-1)
    best = apart.argmin(axis=1)
    distance = np.take_along_axis(apart, best[:, None], axis=1)[:, 0]
    return best[back.ravel()].astype(float), distance[back.ravel()]


def inside(picture: np.ndarray, margin: int = 3) -> np.ndarray:
    """(H, W) where a picture on white paper shows something, its rim left out."""
    from scipy.ndimage import binary_erosion

    return binary_erosion((255 - picture.astype(int)).max(axis=-1) > 40, iterations=margin)
