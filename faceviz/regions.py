"""The face region: a sphere around the landmarks, whatever the crop of the scan was."""

from __future__ import annotations

import numpy as np

from faceviz.landmarks import INNER

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
