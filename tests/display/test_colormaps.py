from __future__ import annotations

import numpy as np
import pytest

from faceviz.display.colormaps import NAMES, lookup_table
from faceviz.errors import ConfigError

# sRGB seen with deuteranopia, on linear light (Machado, Oliveira and Fernandes 2009, severity 1).
DEUTERANOPIA = np.array(
    [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
)


def luminance(rgb: np.ndarray) -> np.ndarray:
    linear = (rgb / 255.0) ** 2.2
    return np.clip(linear @ DEUTERANOPIA.T, 0, None) @ [0.2126, 0.7152, 0.0722]


@pytest.mark.parametrize("name", NAMES)
def test_the_luminance_of_a_map_runs_one_way_also_for_the_colour_blind(name):
    steps = np.diff(luminance(lookup_table(name)[::8].astype(float)))
    assert np.all(steps > 0) or np.all(steps < 0)


@pytest.mark.parametrize("name", ["viridis", "magma", "cividis"])
def test_the_known_maps_are_matplotlibs(name):
    import matplotlib

    expected = np.array(matplotlib.colormaps[name].colors) * 255
    assert np.abs(lookup_table(name) - expected).max() <= 5


def test_a_map_that_does_not_exist_is_refused_and_the_nearest_is_named():
    with pytest.raises(ConfigError, match="did you mean 'viridis'"):
        lookup_table("virids")
