from __future__ import annotations

import numpy as np
import pytest

from faceviz.synth.noise import SmoothWarp, smooth_noise


def test_smooth_noise_has_the_amplitude_asked_for_and_no_steps(rng):
    points = rng.uniform(-500, 500, (20000, 3))
    field = smooth_noise(points, np.random.default_rng(1), (20.0, 60.0), 2.0)
    assert np.sqrt((field**2).mean()) == pytest.approx(2.0, rel=0.1)
    near = smooth_noise(points + 0.1, np.random.default_rng(1), (20.0, 60.0), 2.0)
    assert np.abs(near - field).max() < 0.4


def test_a_warp_changes_the_size_by_a_few_percent_and_never_folds_space(rng):
    points = rng.uniform(-160, 160, (3000, 3))
    for seed in range(20):
        warp = SmoothWarp(np.random.default_rng(seed))
        step = 1e-3
        columns = [(warp(points + step * axis) - warp(points)) / step for axis in np.eye(3)]
        volume = np.linalg.det(np.stack(columns, axis=-1))
        assert volume.min() > 0.4 and volume.max() < 2.0
