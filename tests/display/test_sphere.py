from __future__ import annotations

import numpy as np

from faceviz.display.sphere import mollweide


def test_the_front_is_the_middle_of_the_map_and_the_poles_its_ends():
    x, y = mollweide(np.array([[0.0, 0, 1], [0, 1, 0], [0, -1, 0], [1, 0, 0]]))
    np.testing.assert_allclose(x, [0, 0, 0, 0.5], atol=1e-9)
    np.testing.assert_allclose(y, [0, 1, -1, 0], atol=1e-9)


def test_equal_areas_of_the_sphere_are_equal_areas_of_the_map(rng):
    directions = rng.normal(size=(40_000, 3))
    x, y = mollweide(directions / np.linalg.norm(directions, axis=1, keepdims=True))
    radius = np.hypot(x, y)
    assert radius.max() <= 1 + 1e-9
    assert abs((radius < 0.5).mean() - 0.25) < 0.01
