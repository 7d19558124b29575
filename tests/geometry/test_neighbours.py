import numpy as np
import pytest

from faceviz.errors import GeometryError
from faceviz.geometry.neighbours import idw_interpolate, knn, project_to_surface, shepard_weights


def test_nearest_neighbours_agree_with_brute_force():
    rng = np.random.default_rng(0)
    points, queries = rng.normal(size=(100, 3)), rng.normal(size=(20, 3))
    indices, distances = knn(points, queries, 5)
    exact = np.linalg.norm(queries[:, None] - points[None], axis=2)
    np.testing.assert_array_equal(indices, np.argsort(exact, axis=1)[:, :5])
    np.testing.assert_allclose(distances, np.sort(exact, axis=1)[:, :5])


def test_more_neighbours_than_points_is_an_error():
    with pytest.raises(GeometryError, match="largest valid k is 4"):
        knn(np.eye(4, 3), np.eye(4, 3), 5)


def test_weights_add_up_to_one():
    distances = np.sort(np.random.default_rng(1).uniform(0.1, 2.0, (50, 6)), axis=1)
    weights = shepard_weights(distances)
    np.testing.assert_allclose(weights.sum(axis=1), 1.0)
    assert (weights >= 0).all()


def test_a_neighbour_at_the_edge_weighs_nothing():
    assert shepard_weights(np.array([[0.1, 0.5, 0.5]]))[0, 1] == pytest.approx(0.0, abs=1e-12)


def test_a_query_on_a_point_takes_its_value():
    rng = np.random.default_rng(2)
    points, values = rng.normal(size=(40, 3)), rng.normal(size=(40, 2))
    np.testing.assert_allclose(idw_interpolate(values, points, points), values, atol=1e-6)


def test_interpolation_reproduces_a_constant_and_stays_between_the_values():
    rng = np.random.default_rng(3)
    points, queries = rng.normal(size=(40, 3)), rng.normal(size=(60, 3))
    np.testing.assert_allclose(idw_interpolate(np.full((40, 1), 3.5), points, queries), 3.5)
    values = rng.uniform(size=(40, 1))
    between = idw_interpolate(values, points, queries)
    assert values.min() <= between.min() and between.max() <= values.max()


def test_equidistant_neighbours_share_equally():
    assert shepard_weights(np.array([[1.0, 1.0, 1.0]])) == pytest.approx(0.5)


def test_points_off_a_sphere_are_put_back_on_it():
    rng = np.random.default_rng(4)
    sphere = rng.normal(size=(4000, 3))
    sphere /= np.linalg.norm(sphere, axis=1, keepdims=True)
    queries = sphere[:50] * rng.uniform(0.95, 1.05, (50, 1))
    back = project_to_surface(queries, sphere, reach=0.2)
    np.testing.assert_allclose(np.linalg.norm(back, axis=1), 1.0, atol=4e-3)
    assert np.linalg.norm(back - sphere[:50], axis=1).max() < 0.03


def test_a_query_far_from_every_point_stays():
    points = np.random.default_rng(5).normal(size=(50, 3))
    far = np.array([[100.0, 0.0, 0.0]])
    np.testing.assert_array_equal(project_to_surface(far, points, reach=1.0), far)
