from __future__ import annotations

import numpy as np
import pytest

from faceviz.synth.brush import blob, filled, noise, smooth_curve, strokes, window

SHAPE = (120, 160)


@pytest.mark.parametrize("cell", [0.5, 3.0, 12.0, (12.0, 3.0)])
def test_noise_has_about_the_strength_asked_for(rng, cell):
    values = noise(SHAPE, cell, 0.5, rng)
    assert values.shape == SHAPE and abs(values.std() - 0.5) < 0.08 and abs(values.mean()) < 0.25


def test_larger_cells_make_smoother_noise(rng):
    rough = [np.abs(np.diff(noise(SHAPE, cell, 1.0, rng))).mean() for cell in (1.5, 6.0, 24.0)]
    assert rough[0] > 2 * rough[1] > 4 * rough[2]


def test_a_blob_is_the_gaussian_of_its_formula():
    spot = blob(SHAPE, np.array([50.0, 40.0]), (8.0, 4.0), 3.0)
    assert spot[40, 50] == pytest.approx(3.0)
    assert spot[40, 58] == pytest.approx(3.0 * np.exp(-0.5)) and spot[44, 50] == pytest.approx(
        3.0 * np.exp(-0.5)
    )


def test_a_curve_goes_through_its_points():
    points = np.array([[0.0, 0.0], [10.0, 5.0], [20.0, -5.0], [30.0, 0.0]])
    curve = smooth_curve(points, 8)
    np.testing.assert_allclose(curve[::8], points, atol=1e-12)
    closed = smooth_curve(points, 8, closed=True)
    np.testing.assert_allclose(closed[::8], points, atol=1e-12)
    assert len(closed) == 32


def test_a_line_of_equal_steps_stays_straight():
    curve = smooth_curve(np.array([[0.0, 0.0], [1.0, 2.0], [2.0, 4.0]]), 5)
    np.testing.assert_allclose(curve[:, 1], 2 * curve[:, 0], atol=1e-12)


def test_an_outline_is_filled_inside_only():
    square = np.array([[30.0, 30.0], [90.0, 30.0], [90.0, 80.0], [30.0, 80.0]])
    area = filled(SHAPE, square, blur=1.0)
    assert area[55, 60] == pytest.approx(1.0) and area[10, 10] == 0.0
    assert area.sum() == pytest.approx(61 * 51, rel=0.02), "the rim's own pixels count"


def test_a_thin_stroke_is_fainter_than_a_thick_one():
    line = [np.array([[10.0, 60.0], [150.0, 60.0]])]
    thin, thick = (strokes(SHAPE, line, width, blur=0.5) for width in (0.3, 3.0))
    assert 0 < thin.sum() < thick.sum() and thick[60, 80] > 0.8 and thick[80, 80] == 0.0


def test_a_window_stays_inside_the_map():
    rows, columns = window(SHAPE, np.array([5.0, 115.0]), 20.0)
    assert (rows.start, rows.stop, columns.start, columns.stop) == (95, 120, 0, 25)
