from __future__ import annotations

import numpy as np

from faceviz.geometry.expression import expression_basis
from faceviz.synth.correspondence import grid_map
from faceviz.synth.expression_space import expression_space
from faceviz.synth.expressions import random_expression


def test_members_stand_on_each_other_and_the_first_moves_most(anny):
    space = expression_space([anny], 60, 6, seed=0)
    assert space.shape == (6, 16384, 3) and space.dtype == np.float32
    flat = space.reshape(6, -1).astype(np.float64)
    squares = flat @ flat.T
    assert np.all(np.diff(np.diag(squares)) < 0)
    np.testing.assert_allclose(squares - np.diag(np.diag(squares)), 0.0, atol=1e-3 * squares[0, 0])
    np.testing.assert_array_equal(space, expression_space([anny], 60, 6, seed=0))


def test_the_basis_that_comes_along_holds_most_of_new_expressions(head):
    basis = expression_basis().reshape(len(expression_basis()), -1).astype(np.float64)
    rng, grid = np.random.default_rng(123), grid_map(head)
    moved = np.stack([grid @ head.displacement(random_expression(head.ex_names, rng)) for _ in range(40)])
    moved = moved.reshape(40, -1)
    weights = np.linalg.lstsq(basis.T, moved.T, rcond=None)[0]
    left = moved - weights.T @ basis
    assert (left**2).sum() < 0.05 * (moved**2).sum()
