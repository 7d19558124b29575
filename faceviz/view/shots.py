"""What a PyVista plotter shows, as an array: at a checked size, with smooth edges, with or without paper."""

from __future__ import annotations

from typing import Any

import numpy as np

from faceviz.errors import ShapeError

OVERSAMPLING = 2  # edges are smoothed by drawing larger; VTK's own multisampling is slow in software
_SMALLEST, _LARGEST = 64, 5000  # pixels


def check_size(size: tuple[int, int]) -> None:
    """Refuses pictures that nobody could look at, or that no memory holds.

    Raises:
        ShapeError: with the sizes there may be.
    """
    width, height = size
    if min(size) < _SMALLEST or max(size) > _LARGEST:
        which, limit = (
            ("small", f"least is {_SMALLEST}") if min(size) < _SMALLEST else ("large", f"most is {_LARGEST}")
        )
        raise ShapeError(f"a picture of {width} x {height} pixels is too {which}; the {limit} each way")


def shot(plotter: Any, size: tuple[int, int], paper: str | None = None) -> np.ndarray:
    """What a plotter of ``scene_plotter`` shows, on its own or another paper, (height, width, 3) uint8."""
    width, height = size
    if paper is not None:
        plotter.set_background(paper, all_renderers=True)
    plotter.render()  # else the screenshot may show a former frame
    large = np.asarray(plotter.screenshot(return_img=True))[..., :3]
    blocks = large.reshape(height, OVERSAMPLING, width, OVERSAMPLING, 3)
    return np.round(blocks.mean(axis=(1, 3))).astype(np.uint8)


def cut_out(on_black: np.ndarray, on_white: np.ndarray) -> np.ndarray:
    """``a = 1 - (w - b)`` and ``c = b / a``: colour and opacity from the picture on two papers."""
    black, white = on_black.astype(np.float64), on_white.astype(np.float64)
    alpha = 1.0 - np.clip((white - black).mean(axis=-1, keepdims=True) / 255, 0.0, 1.0)
    colour = np.clip(black / np.maximum(alpha, 1 / 255), 0, 255)
    return np.round(np.concatenate([colour, 255 * alpha], axis=-1)).astype(np.uint8)
