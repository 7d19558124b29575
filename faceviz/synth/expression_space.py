"""The space of expressions: principal displacements of the geometry image over random expressions of the heads."""

from __future__ import annotations

import numpy as np

from faceviz.geometry.geometry_image import POINTS
from faceviz.synth.correspondence import grid_map
from faceviz.synth.expressions import random_expression
from faceviz.synth.heads import ParametricHead


def expression_space(heads: list[ParametricHead], count: int, components: int, seed: int) -> np.ndarray:
    """(components, 16384, 3) float32 mm: what one standard deviation of each principal displacement moves.

    They are taken about zero, the neutral face, which is no mean: expressions are one-sided.

    Args:
        heads: from each, as many expressions.
        count: of expressions in all.
        seed: of those.
    """
    rng = np.random.default_rng(seed)
    moved = np.concatenate([_displacements(head, count // len(heads), rng) for head in heads])
    values, vectors = np.linalg.eigh(moved @ moved.T)
    chosen = vectors[:, ::-1][:, :components]  # (count, K)
    return ((chosen.T @ moved) / np.sqrt(len(moved))).reshape(components, POINTS, 3).astype(np.float32)


def _displacements(head: ParametricHead, count: int, rng: np.random.Generator) -> np.ndarray:
    """Of the grid by random expressions, (count, 16384 * 3) float32."""
    unit, grid = np.eye(len(head.ex_names), dtype=np.float32), grid_map(head)
    shapes = np.stack([(grid @ head.displacement(one)).ravel() for one in unit]).astype(np.float32)
    weights: list[np.ndarray] = []
    while len(weights) < count:
        drawn = random_expression(head.ex_names, rng)
        if drawn.any():
            weights.append(drawn)
    return np.stack(weights) @ shapes
