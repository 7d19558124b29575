import numpy as np
import pytest

from faceviz.errors import GeometryError
from faceviz.geometry.neighbours import idw_interpolate, knn, project_to_surface, shepard_weights
from faceviz.geometry.transforms import random_pose


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
    with pytest.raises(GeometryError, match="k=0"):
        knn(np.eye(4, 3), np.eye(4, 3), 0)


@pytest.mark.parametrize("k", [1, 4])
def test_one_neighbour_is_a_table_as_well_and_all_of_them_are_allowed(k):
    indices, distances = knn(np.eye(4, 3), np.eye(2, 3), k)
    assert indices.shape == distances.shape == (2, k)
    assert indices.dtype == np.int64
    np.testing.assert_array_equal(indices[:, 0], [0, 1])


def test_weights_add_up_to_one():
    distances = np.sort(np.random.default_rng(1).uniform(0.1, 2.0, (50, 6)), axis=1)
    weights = shepard_weights(distances)
    np.testing.assert_allclose(weights.sum(axis=1), 1.0)
    assert (weights >= 0).all()


@pytest.mark.parametrize("power", [1.0, 2.0, 3.5])
def test_weights_are_those_of_franke_and_nielson(power):
    distances = np.sort(np.random.default_rng(7).uniform(0.1, 2.0, (20, 5)), axis=1)
    near, last = distances[:, :-1], distances[:, -1:]
    expected = (1 / near - 1 / last) ** power
    expected /= expected.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(shepard_weights(distances, power), expected)
    if power == 2.0:
        np.testing.assert_allclose(shepard_weights(distances), expected)


def test_weights_do_not_depend_on_the_unit():
    distances = np.sort(np.random.default_rng(8).uniform(0.1, 2.0, (20, 5)), axis=1)
    np.testing.assert_allclose(shepard_weights(1e-6 * distances), shepard_weights(distances))


def test_a_query_on_several_points_at_once_takes_their_mean():
    np.testing.assert_allclose(
        shepard_weights(np.array([[0.0, 0.0, 1.0, 2.0]])), [[0.5, 0.5, 0.0]], atol=1e-12
    )
    np.testing.assert_allclose(shepard_weights(np.zeros((1, 4))), np.full((1, 3), 1 / 3))


def test_points_that_all_coincide_share_equally_and_give_no_nan():
    points, values = (
        np.vstack([np.zeros((6, 3)), np.eye(3)]),
        np.vstack([np.full((6, 1), 2.0), np.ones((3, 1))]),
    )
    np.testing.assert_allclose(idw_interpolate(values, points, np.zeros((1, 3))), [[2.0]])


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


@pytest.mark.parametrize("k", [2, 4])
def test_interpolation_is_the_weighted_sum_over_the_nearest_k(k):
    rng = np.random.default_rng(9)
    points, queries, values = rng.normal(size=(40, 3)), rng.normal(size=(6, 3)), rng.normal(size=(40, 2))
    found = idw_interpolate(values, points, queries, k=k, power=3.0)
    for query, value in zip(queries, found, strict=True):
        distance = np.linalg.norm(points - query, axis=1)
        order = np.argsort(distance)
        weight = (1 / distance[order[:k]] - 1 / distance[order[k]]) ** 3
        np.testing.assert_allclose(value, weight @ values[order[:k]] / weight.sum())
    if k == 4:
        squared = idw_interpolate(values, points, queries, power=2.0, k=4)
        np.testing.assert_array_equal(idw_interpolate(values, points, queries), squared)


@pytest.mark.parametrize("count", [1, 2, 4])
def test_interpolation_from_few_points_makes_do_with_them(count):
    points, queries = np.eye(4, 3)[:count], np.full((5, 3), 0.9)
    found = idw_interpolate(np.full((count, 2), 7.0), points, queries)
    np.testing.assert_allclose(found, np.full((5, 2), 7.0))


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


def test_a_query_moves_along_the_normal_of_the_weighted_plane_as_numpys_covariance_has_it():
    rng = np.random.default_rng(6)
    points = rng.normal(size=(200, 3)) * [1, 1, 0.05] + [5, -3, 2]
    queries = points[:8] + [0, 0, 0.1]
    moved = project_to_surface(queries, points, reach=1.0)
    for query, found in zip(queries, moved, strict=True):
        distance = np.linalg.norm(points - query, axis=1)
        order = np.argsort(distance)[:12]
        weight = (1 - (distance[order] / distance[order[-1]]) ** 2) ** 2
        normal = np.linalg.svd(np.cov(points[order].T, aweights=weight))[0][:, 2]
        height = (query - np.average(points[order], axis=0, weights=weight)) @ normal
        np.testing.assert_allclose(found, query - height * normal, atol=1e-4)


@pytest.mark.parametrize("count", [4, 30])
def test_points_beside_a_plane_are_put_onto_it_also_by_few_points(count):
    rng = np.random.default_rng(10)
    pose = random_pose(rng)
    plane = pose.apply(np.hstack([rng.uniform(-1, 1, (count, 2)), np.zeros((count, 1))]))
    queries = plane + 0.1 * pose.rotation[:, 2]
    np.testing.assert_allclose(project_to_surface(queries, plane, reach=0.5), plane, atol=1e-9)


def test_a_query_stays_from_the_reach_on():
    plane = np.array([[x, y, 0.0] for x in range(5) for y in range(5)])
    queries = np.array([[2.0, 2.0, 0.5]])
    np.testing.assert_array_equal(project_to_surface(queries, plane, reach=0.5), queries)
    np.testing.assert_allclose(project_to_surface(queries, plane, reach=0.501), [[2, 2, 0]], atol=1e-9)
