import numpy as np
import pytest
import torch

from faceviz.errors import GeometryError
from faceviz.geometry.sampling import farthest_point_order
from faceviz.graph import GraphSettings, SurfaceGraph, collate
from faceviz.testing import random_face

SMALL = GraphSettings(sizes=(200, 60, 20), k=8, k_up=3)


@pytest.fixture(scope="module")
def cloud():
    face = random_face(0, 400)
    return (face.points - face.centroid) / face.radius


def test_levels_are_prefixes_of_the_farthest_point_order(cloud):
    graph = SurfaceGraph.from_points(cloud, SMALL)
    expected = cloud[farthest_point_order(cloud, 200)]
    np.testing.assert_allclose(graph.points[0, :200].numpy() + cloud.mean(axis=0), expected)
    assert graph.sizes == (200, 60, 20)


def test_neighbours_are_those_of_brute_force(cloud):
    graph = SurfaceGraph.from_points(cloud, SMALL)
    points = graph.points[0, :60].numpy()
    exact = np.linalg.norm(points[:, None] - points[None], axis=2)
    np.fill_diagonal(exact, np.inf)
    np.testing.assert_array_equal(graph.within[1][0].numpy(), np.argsort(exact, axis=1)[:, :9])


def test_the_coarsest_level_sees_all_other_points(cloud):
    table = SurfaceGraph.from_points(cloud, SMALL).within[-1][0].numpy()
    assert [sorted({i, *row}) for i, row in enumerate(table.tolist())] == [list(range(20))] * 20


def test_values_go_back_to_the_order_of_the_input(cloud):
    graph = SurfaceGraph.from_points(cloud, SMALL)
    back = graph.scatter_back(graph.points)[0].numpy()
    np.testing.assert_allclose(back, cloud - cloud.mean(axis=0))


def test_a_batch_is_its_graphs_side_by_side(cloud):
    other = cloud[::-1] * [1.0, 1.1, 0.9]
    both = SurfaceGraph.from_points(np.stack([cloud, other]), SMALL)
    one = collate([SurfaceGraph.from_points(c, SMALL) for c in (cloud, other)])
    torch.testing.assert_close(both.points, one.points)
    for left, right in zip(both.within, one.within, strict=True):
        torch.testing.assert_close(left, right)


def test_the_cloud_given_is_left_as_it_was(cloud):
    before = cloud.copy()
    SurfaceGraph.from_points(cloud, SMALL)
    np.testing.assert_array_equal(cloud, before)


def test_duplicate_points_do_not_have_themselves_as_neighbours():
    cloud = np.repeat(random_face(1, 60).points, 3, axis=0)
    table = SurfaceGraph.from_points(cloud, SMALL).within[0][0].numpy()
    assert not (table == np.arange(len(table))[:, None]).any()


def test_too_few_points_are_refused_with_the_number_needed():
    with pytest.raises(GeometryError, match="9 points are fewer than the 10"):
        SurfaceGraph.from_points(random_face(0, 9).points, SMALL)


def test_equal_points_are_refused():
    with pytest.raises(GeometryError, match="equal"):
        SurfaceGraph.from_points(np.full((300, 3), 2.0), SMALL)


def test_points_on_a_line_are_refused():
    line = np.linspace(0, 1, 300)[:, None] * [1.0, 2.0, 3.0]
    with pytest.raises(GeometryError, match="line"):
        SurfaceGraph.from_points(line, SMALL)


def test_points_that_are_not_finite_are_refused(cloud):
    broken = cloud.copy()
    broken[7, 0] = np.inf
    with pytest.raises(GeometryError, match="NaN or infinite"):
        SurfaceGraph.from_points(broken, SMALL)


def test_dgl_sees_the_same_graph(cloud):
    dgl = pytest.importorskip("dgl", reason="DGL has no wheel for this Python")
    graph = SurfaceGraph.from_points(np.stack([cloud, cloud[::-1] * [1.0, 1.1, 0.9]]), SMALL)
    level = graph.to_dgl(1)
    assert level.batch_size == 2 and level.num_nodes() == 120 and level.num_edges() == 120 * 8
    first, second = dgl.unbatch(level)
    reference = dgl.knn_graph(second.ndata["x"], 9, exclude_self=False)
    pairs = {
        pair for pair in zip(*(e.tolist() for e in reference.edges()), strict=True) if pair[0] != pair[1]
    }
    assert set(zip(*(e.tolist() for e in second.edges()), strict=True)) == pairs
    torch.testing.assert_close(first.ndata["x"], graph.points[0, :60])


def test_averaging_over_neighbours_in_dgl_equals_the_dense_table(cloud):
    dgl = pytest.importorskip("dgl", reason="DGL has no wheel for this Python")
    graph = SurfaceGraph.from_points(cloud, SMALL)
    level = graph.to_dgl(0)
    level.update_all(dgl.function.copy_u("x", "m"), dgl.function.mean("m", "mean"))
    dense = graph.points[0, :200][graph.within[0][0, :, :-1]].mean(dim=1)
    torch.testing.assert_close(level.ndata["mean"], dense)
