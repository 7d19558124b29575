"""Procedural surroundings of a portrait: walls, gradients, blurred things, stripes, foliage."""

from __future__ import annotations

import numpy as np

from faceviz.synth.brush import noise


def random_background(size: int, rng: np.random.Generator) -> np.ndarray:
    """A picture (size, size, 3) float32, linear, with no face in it."""
    image = _gradient(size, rng)
    kind = rng.choice(["plain", "shapes", "noise", "stripes", "things"], p=[0.2, 0.3, 0.15, 0.1, 0.25])
    if kind in ("shapes", "things"):
        image = _shapes(image, int(rng.integers(4, 40)), rng)
    if kind in ("noise", "things"):
        cell = float(np.exp(rng.uniform(np.log(2.0), np.log(60.0))))
        for channel in range(3):
            image[..., channel] *= np.exp(noise((size, size), cell, 0.25, rng))
        image *= np.exp(noise((size, size), 0.5 * cell + 1.0, 0.35, rng))[..., None]
    if kind == "stripes":
        image *= _stripes(size, rng)[..., None]
    return np.clip(_out_of_focus(image, rng), 0.0, 1.5).astype(np.float32)


def _gradient(size: int, rng: np.random.Generator) -> np.ndarray:
    corners = _colour(rng) * np.exp(rng.normal(0.0, 0.35, (2, 2, 3)))
    t = np.linspace(0.0, 1.0, size)
    rows = corners[0][None] + t[:, None, None] * (corners[1] - corners[0])[None]
    left, right = rows[:, :1], rows[:, 1:]
    return (left + t[None, :, None] * (right - left)).astype(np.float32)


def _colour(rng: np.random.Generator) -> np.ndarray:
    """A linear colour, more often greyish than not, any brightness."""
    grey = np.exp(rng.uniform(np.log(0.01), np.log(0.9)))
    return np.clip(grey * np.exp(rng.normal(0.0, rng.choice([0.06, 0.3], p=[0.6, 0.4]), 3)), 0.002, 1.0)


def _shapes(image: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Ellipses, boxes and lines of any colour."""
    import cv2

    image = np.ascontiguousarray(image)
    size = len(image)
    for _ in range(count):
        centre = rng.integers(-20, size + 20, 2).tolist()
        extent = (size * rng.beta(1.0, 4.0, 2) * 0.6 + 3).astype(int)
        colour = [float(c) for c in _colour(rng)]
        match rng.integers(3):
            case 0:
                cv2.ellipse(
                    image,
                    centre,
                    extent.tolist(),
                    float(rng.uniform(0, 180)),
                    0,
                    360,
                    colour,
                    -1,
                    cv2.LINE_AA,
                )
            case 1:
                box = cv2.boxPoints(
                    (centre, (2.0 * extent).tolist(), float(rng.choice([0.0, rng.uniform(0, 90)])))
                )
                cv2.fillPoly(image, [box.astype(np.int32)], colour, cv2.LINE_AA)
            case _:
                end = rng.integers(-20, size + 20, 2).tolist()
                cv2.line(image, centre, end, colour, int(rng.integers(1, 14)), cv2.LINE_AA)
    return image


def _stripes(size: int, rng: np.random.Generator) -> np.ndarray:
    angle, wave = rng.uniform(0.0, np.pi), rng.uniform(5.0, 60.0)
    y, x = np.mgrid[:size, :size]
    phase = (x * np.cos(angle) + y * np.sin(angle)) * 2 * np.pi / wave
    return np.exp(rng.uniform(0.1, 0.8) * np.tanh(3.0 * np.sin(phase))).astype(np.float32)


def _out_of_focus(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    import cv2

    blur = rng.choice([rng.uniform(0.4, 2.0), rng.uniform(2.0, 14.0)])
    return cv2.GaussianBlur(image, (0, 0), blur)
