"""Which way a face looks, told by its landmarks: scans lie in any orientation, a picture begins from the front."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from faceviz.landmarks import REGIONS


@dataclass(frozen=True, slots=True, eq=False)
class Front:
    """Unit vectors (3,) in the scan's frame, at right angles."""

    forward: np.ndarray
    up: np.ndarray


#: Of a canonical scan.
CANONICAL = Front(np.array([0.0, 0.0, 1.0]), np.array([0.0, 1.0, 0.0]))


def front_of(landmarks: np.ndarray) -> Front:
    """From the eyes, the mouth and the subject's left and right; canonical where they coincide.

    Args:
        landmarks: (68, 3).
    """

    def centre(name: str) -> np.ndarray:
        return landmarks[list(REGIONS[name])].mean(axis=0)

    left = centre("left_eye") - centre("right_eye")
    up = (centre("left_eye") + centre("right_eye")) / 2 - centre("outer_lip")
    forward = np.cross(left, up)
    size = np.linalg.norm(left) * np.linalg.norm(up)
    if not size > 0 or np.linalg.norm(forward) < 0.05 * size:
        return CANONICAL
    forward = forward / np.linalg.norm(forward)
    up = np.cross(forward, left)
    return Front(forward, up / np.linalg.norm(up))
