"""Where the face is, and whether it is one, as told by the landmarks alone."""

from __future__ import annotations

import numpy as np

from faceviz.geometry.alignment import procrustes
from faceviz.landmarks import INNER, MEAN_FACE

#: Radius of the face region, in root-mean-square radii of the 51 inner landmarks: about 115 mm on an adult.
REGION_SCALE = 2.4

#: Fewest points of a scan that make a face region.
REGION_POINTS = 256


def face_sphere(landmarks: np.ndarray, weights: np.ndarray | None = None) -> tuple[np.ndarray, float]:
    """Centre (3,) and radius of the face region.

    The centre is the mean of the inner landmarks, the radius ``REGION_SCALE`` times their root-mean-square radius.

    Args:
        landmarks: (68, 3), any frame and unit.
        weights: (68,) trust in each landmark; equal if not given.
    """
    inner = landmarks[list(INNER)]
    weight = np.ones(len(inner)) if weights is None else weights[list(INNER)]
    weight = weight / weight.sum()
    centre = weight @ inner
    spread = np.sqrt(weight @ ((inner - centre) ** 2).sum(axis=1))
    return centre, float(REGION_SCALE * spread)


def face_deviation(landmarks: np.ndarray) -> float:
    """Root-mean-square distance of the inner landmarks to the mean face's, both at RMS radius 1 and best aligned.

    Faces, with any expression, stay below 0.2 (all of 200 synthetic ones but one, three real heads, all predictions
    on them); landmarks that a network sees in boxes, tori or noise lie above.

    Args:
        landmarks: (68, 3), any frame and unit.
    """
    face, mean = _unit_size(landmarks[list(INNER)]), _unit_size(MEAN_FACE[list(INNER)])
    aligned = procrustes(mean, face).apply(mean)
    return float(np.sqrt(((aligned - face) ** 2).sum(axis=1).mean()))


def _unit_size(points: np.ndarray) -> np.ndarray:
    centred = points - points.mean(axis=0)
    return centred / max(float(np.sqrt((centred**2).sum(axis=1).mean())), 1e-12)
