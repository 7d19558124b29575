"""How near our outputs must come to those of the original code of SE3-Unet."""

from __future__ import annotations

import copy

import numpy as np


def assert_heat_is_the_original_s(heat, expected, network, points):
    """Within 1e-4 of the original's float32, all but a thousandth of the places within 1e-5.

    Where float64 is farther than 1e-4 from the original, its own rounding is; that distance is then allowed, in at most
    one place of ten thousand.
    """
    exact = copy.deepcopy(network).double().heatmaps(points).numpy()
    difference, allowed = np.abs(heat - expected), np.maximum(1e-4, np.abs(expected - exact))
    assert (difference <= allowed).all()
    assert (allowed > 1e-4).mean() < 1e-4
    assert (difference > 1e-5).mean() < 1e-3
