"""Directions on a map of the sphere."""

from __future__ import annotations

import numpy as np

_STEPS = 60


def mollweide(directions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mollweide's equal-area projection of unit vectors (N, 3): x and y in [-1, 1], the ellipse scaled to a circle.

    ``x = lambda / pi cos(theta)``, ``y = sin(theta)`` with ``2 theta + sin(2 theta) = pi sin(phi)``; the middle of the
    map is +z (where a face looks), its top +y.
    """
    longitude = np.arctan2(directions[:, 0], directions[:, 2])
    goal = np.pi * np.clip(directions[:, 1], -1.0, 1.0)
    low, high = np.full(len(goal), -np.pi / 2), np.full(len(goal), np.pi / 2)
    for _ in range(_STEPS):
        theta = (low + high) / 2
        under = 2 * theta + np.sin(2 * theta) < goal
        low, high = np.where(under, theta, low), np.where(under, high, theta)
    return longitude / np.pi * np.cos(theta), np.sin(theta)
