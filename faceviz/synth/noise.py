"""Smooth random fields and gentle random deformations of space."""

from __future__ import annotations

import numpy as np


def smooth_noise(
    points: np.ndarray,
    rng: np.random.Generator,
    wavelength: tuple[float, float],
    amplitude: float,
    waves: int = 4,
) -> np.ndarray:
    """f(x) = amplitude sqrt(2 / n) sum_i cos(k_i . x + phase_i), (N,); root mean square ``amplitude``.

    Args:
        points: (N, 3) mm.
        wavelength: shortest and longest, mm.
    """
    directions = rng.normal(size=(waves, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    k = directions * (2 * np.pi / rng.uniform(*wavelength, size=(waves, 1)))
    phase = rng.uniform(0.0, 2 * np.pi, waves)
    field = np.cos(points.astype(np.float32) @ k.T.astype(np.float32) + phase.astype(np.float32)).sum(axis=1)
    return (amplitude * np.sqrt(2.0 / waves) * field).astype(np.float64)


class SmoothWarp:
    """x -> s (A x + Q(x) + W(x)): size, anisotropy and shear A, quadratic Q, long waves W; drawn once, applied to many.

    The waves are linear and quadratic in coordinates over 100 mm and bounded outside the face.
    """

    def __init__(
        self,
        rng: np.random.Generator,
        size: float = 0.04,
        anisotropy: float = 0.03,
        bend: float = 1.5,
        wave: float = 1.0,
    ) -> None:
        self._matrix = (
            np.eye(3) + np.diag(rng.normal(0.0, anisotropy, 3)) + rng.normal(0.0, 0.3 * anisotropy, (3, 3))
        )
        self._matrix *= 1.0 + rng.uniform(-size, size)
        self._quadratic = rng.normal(0.0, bend, (6, 3))
        directions = rng.normal(size=(3, 4))
        directions /= np.linalg.norm(directions, axis=0)
        self._k = directions * (2 * np.pi / rng.uniform(90.0, 260.0, 4))
        self._phase = rng.uniform(0.0, 2 * np.pi, 4)
        self._wave = rng.normal(0.0, wave, (4, 3))

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """Warped points, (N, 3)."""
        u = np.clip(points / 100.0, -1.6, 1.6)
        x, y, z = u.T
        monomials = np.stack([x * x, y * y, z * z, x * y, y * z, x * z], axis=1)
        waves = np.cos(points @ self._k + self._phase)
        return points @ self._matrix.T + monomials @ self._quadratic + waves @ self._wave
