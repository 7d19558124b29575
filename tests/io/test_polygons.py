from __future__ import annotations

import numpy as np
import pytest

from faceviz.io.polygons import check_triangles, fan
from faceviz.io.problems import Limits, Problem


def test_polygons_become_fans_in_their_order():
    triangles = fan(np.array([3, 5, 4]), np.array([0, 1, 2, 9, 8, 7, 6, 5, 1, 2, 3, 4]), 10, Limits())
    np.testing.assert_array_equal(
        triangles, [[0, 1, 2], [9, 8, 7], [9, 7, 6], [9, 6, 5], [1, 2, 3], [1, 3, 4]]
    )


def test_a_fan_covers_the_area_of_its_polygon():
    angles = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    corners = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    a, b, c = corners[fan(np.array([12]), np.arange(12), 12, Limits())].transpose(1, 0, 2)
    area = 0.5 * np.abs(_cross(b - a, c - a)).sum()
    np.testing.assert_allclose(area, 0.5 * 12 * np.sin(2 * np.pi / 12))


def _cross(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]


def test_no_polygons_are_no_triangles():
    assert fan(np.empty(0, np.int64), np.empty(0, np.int64), 5, Limits()) is None
    assert check_triangles(np.empty((0, 3), np.int64), 5, Limits()) is None


def test_the_face_with_a_bad_index_is_named():
    with pytest.raises(Problem, match=r"face 1 of 2 \(the first is 0\) points to vertex 7, but .* 0 to 4"):
        fan(np.array([3, 4]), np.array([0, 1, 2, 3, 4, 0, 7]), 5, Limits())


def test_more_triangles_than_allowed_are_refused():
    with pytest.raises(Problem, match="9 faces, more than the 8 allowed"):
        fan(np.array([11]), np.zeros(11, np.int64), 1, Limits(points=2))
