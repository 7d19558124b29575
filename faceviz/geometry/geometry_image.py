"""The geometry image: a face as 128 x 128 points of which each is the same place on every face.

The grid was laid once on the mean MakeHuman head (CC0), see ``faceviz.synth.parametrisation``. Row 0 runs along the
hairline, row 127 under the chin; column 0 is at the subject's right ear, column 127 at the left. Point ``i`` of the
cloud of 16,384 is row ``i // 128``, column ``i % 128``.

Canonical frame: millimetres, +x the subject's left, +y up, +z forward, the origin at the mean of the inner 51 landmarks
of the mean face. Another face is brought to it by the rigid motion that lays its points nearest to the mean face's.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from faceviz import assets
from faceviz.errors import ShapeError
from faceviz.geometry.alignment import procrustes

GRID = 128
POINTS = GRID * GRID
_ASSET = "face_grid.npz"
_ACROSS = np.array([-1.0, 1.0, 1.0])


@lru_cache(maxsize=1)
def _grid() -> tuple[np.ndarray, np.ndarray]:
    with np.load(assets.path(_ASSET), allow_pickle=False) as file:
        arrays = file["points"].astype(np.float64), file["landmarks"].astype(np.float64)
    for array in arrays:
        array.setflags(write=False)
    return arrays


def mean_face() -> np.ndarray:
    """The face that the grid was laid on, (128, 128, 3) mm in the canonical frame; not to be written to."""
    return _grid()[0]


def landmark_cells() -> np.ndarray:
    """Fractional row and column (68, 2) of each landmark."""
    return _grid()[1]


@lru_cache(maxsize=1)
def triangles() -> np.ndarray:
    """Triangles (32258, 3) int64 of the grid, counter-clockwise from outside; diagonals run to the corners."""
    index = np.arange(POINTS).reshape(GRID, GRID)
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, :-1], index[1:, 1:]
    falling = np.stack([a, c, d, a, d, b], axis=-1)  # diagonal from a to d
    rising = np.stack([a, c, b, b, c, d], axis=-1)
    upper = np.arange(GRID - 1) < (GRID - 1) // 2
    left = np.arange(GRID - 1) <= (GRID - 1) // 2  # the middle column keeps one diagonal
    cells = np.where((upper[:, None] == left)[..., None], falling, rising)
    out = np.ascontiguousarray(cells.reshape(-1, 3))
    out.setflags(write=False)
    return out


def as_image(points: np.ndarray) -> np.ndarray:
    """A cloud (16384, 3) as the image (128, 128, 3) it is.

    Raises:
        ShapeError: another number of points.
    """
    points = np.asarray(points)
    if points.shape not in ((POINTS, 3), (GRID, GRID, 3)):
        raise ShapeError(f"a geometry image is ({POINTS}, 3) or ({GRID}, {GRID}, 3), got {points.shape}")
    return points.reshape(GRID, GRID, 3)


def landmarks(points: np.ndarray) -> np.ndarray:
    """The 68 landmarks (68, 3) of a geometry image, between its points by bilinear weights."""
    image = as_image(points)
    cells = np.clip(landmark_cells(), 0.0, GRID - 1.000001)
    row, column = cells.astype(int).T
    v, u = (cells % 1.0).T[:, :, None]
    upper = (1 - u) * image[row, column] + u * image[row, column + 1]
    lower = (1 - u) * image[row + 1, column] + u * image[row + 1, column + 1]
    return (1 - v) * upper + v * lower


def mirrored(points: np.ndarray) -> np.ndarray:
    """The geometry image (128, 128, 3) of the mirrored face."""
    return as_image(points)[:, ::-1] * _ACROSS


def canonical(points: np.ndarray) -> np.ndarray:
    """A geometry image (128, 128, 3) mm turned and shifted, not scaled, onto the mean face."""
    image = as_image(points)
    motion = procrustes(image.reshape(-1, 3), mean_face().reshape(-1, 3))
    return motion.apply(image.reshape(-1, 3)).reshape(GRID, GRID, 3)


def to_shape(points: np.ndarray) -> tuple[np.ndarray, float]:
    """What a picture can show of a face, and what it cannot: shape (128, 128, 3) and size.

    ``canonical(points) = c + size (shape - c)``, c the centroid of the mean face: the shape is the face turned, shifted
    and scaled onto the mean face; size 1.05 is five percent larger than that.
    """
    image, centre = canonical(points), _centroid()
    offset, mean = image - centre, mean_face() - centre
    size = float((offset**2).sum() / (offset * mean).sum())
    return centre + offset / size, size


def from_shape(shape: np.ndarray, size: float) -> np.ndarray:
    """The canonical points (128, 128, 3) mm of a shape and a size, see `to_shape`."""
    return _centroid() + size * (as_image(shape) - _centroid())


@lru_cache(maxsize=1)
def _centroid() -> np.ndarray:
    return mean_face().reshape(-1, 3).mean(axis=0)


def areas(points: np.ndarray) -> np.ndarray:
    """Area of each triangle (32258,), in the points' unit squared."""
    corners = as_image(points).reshape(-1, 3)[triangles()]
    return 0.5 * np.linalg.norm(
        np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1
    )
