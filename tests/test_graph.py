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


def test_a_graph_goes_to_dgl_and_back(cloud):
    pytest.importorskip("dgl", reason="DGL has no wheel for this Python")
    clouds = np.stack([cloud, cloud[::-1] * [1.0, 1.1, 0.9]])[:, :200]
    graph = SurfaceGraph.from_points(clouds, SMALL)
    back = SurfaceGraph.from_dgl([graph.to_dgl(level) for level in range(3)], k_up=3)
    for name in ("points", "order", "extra"):
        assert torch.equal(getattr(back, name), getattr(graph, name))
    for name in ("within", "up"):
        assert all(torch.equal(*pair) for pair in zip(getattr(back, name), getattr(graph, name), strict=True))


def test_a_knn_graph_made_by_dgl_is_taken(cloud):
    dgl = pytest.importorskip("dgl", reason="DGL has no wheel for this Python")
    points = torch.from_numpy(cloud[:60].copy())
    made = dgl.knn_graph(points, 9, exclude_self=True)
    made.ndata["x"] = points
    ours = SurfaceGraph.from_dgl(made).within[0][0]
    exact = torch.cdist(points, points).argsort(dim=1)[:, 1:11]
    assert torch.equal(ours.sort(dim=1).values, exact.sort(dim=1).values)
    assert torch.equal(ours[:, -1], exact[:, -1])


def test_dgl_graphs_that_are_no_neighbourhoods_are_refused(cloud):
    dgl = pytest.importorskip("dgl", reason="DGL has no wheel for this Python")
    points = torch.from_numpy(cloud[:20].copy())
    isolated = dgl.graph(([1, 2], [0, 1]), num_nodes=20)
    with pytest.raises(GeometryError, match="no positions"):
        SurfaceGraph.from_dgl(isolated)
    isolated.ndata["x"] = points
    with pytest.raises(GeometryError, match="as many neighbours as the others, got 0 to 1"):
        SurfaceGraph.from_dgl(isolated)
    fine, coarse = (dgl.knn_graph(x, 5, exclude_self=True) for x in (points, points[5:15]))
    fine.ndata["x"], coarse.ndata["x"] = points, points[5:15]
    with pytest.raises(GeometryError, match="must be the first of the finer"):
        SurfaceGraph.from_dgl([fine, coarse])
