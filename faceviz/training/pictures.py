"""Pictures changed at random, so that a network meets more of the world than the renderer shows."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch

from faceviz.landmarks import MIRROR
from faceviz.models.reconstruction.stream import face_template, square_about


@dataclass(frozen=True, slots=True)
class PictureChanges:
    """How far pictures are changed; all zero leaves them as they are.

    Attributes:
        zoom: largest factor of the crop, up or down, as its logarithm.
        shift: of the crop, in shares of its side; ``turn`` in degrees.
        light: of brightness, contrast, gamma and white balance.
        blur: chance of a blur or of a loss of resolution; ``noise`` of the sensor, in grey levels.
        occlusion: chance of one to three patches over the picture.
        grey: chance of a picture without colours.
    """

    zoom: float = 0.16
    shift: float = 0.07
    turn: float = 12.0
    light: float = 1.0
    blur: float = 0.35
    noise: float = 8.0
    occlusion: float = 0.3
    grey: float = 0.1


UNCHANGED = PictureChanges(0, 0, 0, 0, 0, 0, 0, 0)


def cut(
    image: np.ndarray,
    landmarks: np.ndarray,
    size: int,
    changes: PictureChanges,
    rng: np.random.Generator,
    mirror: bool = False,
    focus: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """A changed crop and its landmarks.

    Args:
        image: (S, S, 3) uint8 RGB; ``landmarks`` (68, 2) in its pixels.
        size: of the crop, pixels.
        mirror: left and right exchanged, the landmarks renamed.
        focus: the crop is about the square that the landmarks fill (``square_about``), moved half as far.

    Returns:
        (size, size, 3) float32 in [0, 1], (68, 2) float32 in shares of the crop's side.
    """
    if focus:
        matrix = _focused(landmarks, size, changes, rng, mirror)
    else:
        matrix = _affine(image.shape[0], size, changes, rng, mirror)
    border = cv2.BORDER_REFLECT_101 if rng.random() < 0.5 else cv2.BORDER_REPLICATE
    source = image
    if (
        image.shape[0] >= 2 * size
    ):  # area averages, so that nothing aliases; matrix counts pixels of the original
        half = cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        source, matrix_used = half, matrix @ np.diag([2.0, 2.0, 1.0])
    else:
        matrix_used = matrix
    centred = _at_pixel_centres(matrix_used)
    crop = cv2.warpAffine(source, centred, (size, size), flags=cv2.INTER_LINEAR, borderMode=border)
    marks = (landmarks @ matrix[:, :2].T + matrix[:, 2]) / size
    if mirror:
        marks = marks[MIRROR]
    return _developed(crop, changes, rng), marks.astype(np.float32)


def _affine(
    side: int, size: int, changes: PictureChanges, rng: np.random.Generator, mirror: bool
) -> np.ndarray:
    """(2, 3) from the picture's coordinates to the crop's, both with pixel centres at one half."""
    scale = size / side * np.exp(rng.uniform(-changes.zoom, changes.zoom))
    angle = np.radians(rng.uniform(-changes.turn, changes.turn))
    linear = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    if mirror:
        linear = linear * np.array([-1.0, 1.0])
    middle = size * (0.5 + rng.uniform(-changes.shift, changes.shift, 2))
    return np.column_stack([linear, middle - linear @ np.full(2, side / 2)])


def _focused(
    landmarks: np.ndarray, size: int, changes: PictureChanges, rng: np.random.Generator, mirror: bool
) -> np.ndarray:
    """The same about the square that the landmarks fill."""
    marks = landmarks[MIRROR] * [-1.0, 1.0] if mirror else landmarks
    linear, corner = (
        part[0].double().numpy()
        for part in square_about(torch.from_numpy(marks[None]).float(), face_template())
    )
    back = size * np.linalg.inv(linear)
    square = np.column_stack([back, -back @ corner])
    if mirror:
        square[:, 0] *= -1.0
    less = replace(changes, zoom=changes.zoom / 2, shift=changes.shift / 2, turn=changes.turn / 2)
    moved = _affine(size, size, less, rng, mirror=False)
    return moved @ np.vstack([square, [0.0, 0.0, 1.0]])


def _at_pixel_centres(matrix: np.ndarray) -> np.ndarray:
    """The same map for OpenCV, whose pixel centres are at whole numbers."""
    shifted = matrix.copy()
    shifted[:, 2] += matrix[:, :2] @ np.full(2, 0.5) - 0.5
    return shifted


def _developed(crop: np.ndarray, changes: PictureChanges, rng: np.random.Generator) -> np.ndarray:
    image = crop.astype(np.float32) / 255.0
    if rng.random() < changes.occlusion:
        _occlude(image, rng)
    if changes.light:
        image = _relit(image, changes.light, rng)
    if rng.random() < changes.grey:
        image = np.repeat(image.mean(axis=2, keepdims=True), 3, axis=2)
    if rng.random() < changes.blur:
        image = _blurred(image, rng)
    if changes.noise:
        level = changes.noise / 255.0 * rng.random() ** 2
        image = image + level * rng.standard_normal(image.shape, dtype=np.float32)
    return np.clip(image, 0.0, 1.0).astype(np.float32)


def _relit(image: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    gain = np.exp(strength * rng.normal(0.0, 0.12, 3) + strength * rng.normal(0.0, 0.25)).astype(np.float32)
    gamma = np.float32(np.exp(strength * rng.normal(0.0, 0.2)))
    image = np.clip(image * gain, 0.0, 1.0) ** gamma
    if rng.random() < 0.4 * strength:  # a slanting light
        height, width = image.shape[:2]
        y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
        angle = rng.uniform(0, 2 * np.pi)
        slope = rng.uniform(0.1, 0.5) * (np.cos(angle) * x + np.sin(angle) * y)
        image = image * (1.0 + slope[..., None]).astype(np.float32)
    return image


def _blurred(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    size = image.shape[0]
    if rng.random() < 0.5:
        return cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 1.8) * size / 128)
    small = int(size * rng.uniform(0.25, 0.7))
    reduced = cv2.resize(image, (small, small), interpolation=cv2.INTER_AREA)
    return cv2.resize(reduced, (size, size), interpolation=cv2.INTER_LINEAR)


def _occlude(image: np.ndarray, rng: np.random.Generator) -> None:
    """Draw one to three patches of colour or of the picture itself, in place."""
    size = image.shape[0]
    for _ in range(rng.integers(1, 4)):
        height, width = (rng.uniform(0.08, 0.35, 2) * size).astype(int)
        y, x = rng.integers(0, size - height), rng.integers(0, size - width)
        patch = image[y : y + height, x : x + width]
        if rng.random() < 0.5:
            patch[:] = rng.random(3)
        else:
            v, u = rng.integers(0, size - height), rng.integers(0, size - width)
            patch[:] = image[v : v + height, u : u + width].copy()
