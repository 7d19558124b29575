"""Facial expressions as displacements of the geometry image, and the one that lays a neutral face on its image.

A face with an expression is ``X + sum_k e_k B_k``: ``X`` the neutral face, ``B`` the principal displacements of random
expressions of parametric heads, every ``e_k`` of variance one.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, get_args

import numpy as np

from faceviz import assets
from faceviz.errors import ShapeError
from faceviz.geometry.geometry_image import POINTS, landmarks
from faceviz.geometry.weak_perspective import WeakPerspective, fit_camera

#: Which expression a face is shown with: none, or that of the last image.
Wearing = Literal["neutral", "seen"]
WEARINGS: tuple[str, ...] = get_args(Wearing)

_ASSET = "expressions.npz"
# Of a landmark in the image plane: what is found wrongly, and what the neutral face is off.
_NOISE_MM = 2.0
_ROUNDS, _STEPS = 8, 5
_MOST = 8.0  # length of the weights: no face is farther from neutral, whatever landmarks say


@dataclass(frozen=True, slots=True, eq=False)
class Expression:
    """The expression in one image.

    Attributes:
        weights: (K,) of ``expression_basis``.
        camera: how the face with that expression lies in the image.
    """

    weights: np.ndarray
    camera: WeakPerspective

    def apply(self, points: np.ndarray) -> np.ndarray:
        """A neutral face (16384, 3) mm with this expression."""
        return np.asarray(points, dtype=np.float64) + np.tensordot(self.weights, expression_basis(), 1)


@lru_cache(maxsize=1)
def expression_basis() -> np.ndarray:
    """(K, 16384, 3) float32 mm a standard deviation, canonical frame; not to be written to."""
    with np.load(assets.path(_ASSET), allow_pickle=False) as file:
        basis = file["basis"].astype(np.float32).reshape(-1, POINTS, 3)
    basis.setflags(write=False)
    return basis


@lru_cache(maxsize=1)
def _landmark_basis() -> np.ndarray:
    return np.stack([landmarks(member) for member in expression_basis().astype(np.float64)])


def fit_expression(points: np.ndarray, pixels: np.ndarray) -> Expression:
    """The expression and camera that minimise ``sum_i |pi(x_i + sum_k e_k b_ik) - u_i|^2 / (scale n)^2 + |e|^2``.

    ``pi`` is a weak perspective camera, ``n`` 2 mm, and the last term the prior of the expressions. Camera and weights
    are fitted in turn, the weights by ridge regression; their length is at most 8, however landmarks lie. Landmarks in
    one place tell no expression.

    Args:
        points: (16384, 3) mm, a neutral face in the canonical frame.
        pixels: (68, 2) its image landmarks.

    Raises:
        ShapeError: the arrays have other shapes.
    """
    pixels = np.asarray(pixels, dtype=np.float64)
    basis, neutral = _landmark_basis(), landmarks(points)
    if pixels.shape != (len(neutral), 2):
        raise ShapeError(f"image landmarks must be (68, 2), got {pixels.shape}")
    weights, camera = np.zeros(len(basis)), fit_camera(neutral, pixels)
    for _ in range(_ROUNDS if camera.scale > 0.0 else 0):
        seen = _centred(basis @ camera.rotation[:2].T)
        left = _centred(pixels / camera.scale - neutral @ camera.rotation[:2].T)
        flat = seen.reshape(len(basis), -1)
        weights = np.linalg.solve(flat @ flat.T + _NOISE_MM**2 * np.eye(len(basis)), flat @ left.ravel())
        weights *= min(1.0, _MOST / max(float(np.linalg.norm(weights)), 1e-12))
        camera = fit_camera(neutral + np.tensordot(weights, basis, 1), pixels, _STEPS, camera.rotation)
    return Expression(weights, camera)


def _centred(places: np.ndarray) -> np.ndarray:
    """(..., 68, 2) about their mean: what is left once the camera may shift."""
    return places - places.mean(axis=-2, keepdims=True)
