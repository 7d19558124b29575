import numpy as np
import pytest
import torch

from faceviz.errors import ConfigError, GeometryError
from faceviz.graph import collate
from faceviz.models.ordinary import EdgeConvolution, OrdinaryConfig, OrdinaryNet, placed_graph
from faceviz.testing import random_face

SMALL = {
    "sizes": (200, 64, 20), "k": 8, "channels": (16, 24, 32), "messages": (8, 16, 32), "encoder": (1, 1, 1),
    "decoder": (1, 1), "head": 32,
}  # fmt: skip


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return OrdinaryNet(OrdinaryConfig(**SMALL)).eval()


def face(count=200, seed=0):
    scan = random_face(seed, count)
    return (scan.points - scan.centroid) / scan.radius


def test_it_is_about_as_large_as_the_invariant_network():
    assert sum(p.numel() for p in OrdinaryNet().parameters()) == pytest.approx(1.5e6, rel=0.1)


@pytest.mark.parametrize("count", [60, 200, 333])
def test_any_number_of_points_gets_its_heatmaps(network, count):
    heat = network.heatmaps(face(count).astype(np.float32))
    assert heat.shape == (count, 68) and torch.isfinite(heat).all()


def test_the_default_takes_256_to_8192_points():
    network, rng = OrdinaryNet().eval(), np.random.default_rng(0)
    for count in (256, 8192):
        assert network.heatmaps(rng.normal(size=(count, 3)).astype(np.float32)).shape == (count, 68)


def test_clouds_of_a_batch_do_not_mix(network):
    clouds = np.stack([face(seed=seed) for seed in range(3)]).astype(np.float32)
    alone = torch.stack([network.heatmaps(cloud) for cloud in clouds])
    torch.testing.assert_close(network.heatmaps(clouds), alone, atol=1e-6, rtol=1e-5)


def test_the_order_of_the_points_does_not_matter_within_the_first_level():
    network = OrdinaryNet(OrdinaryConfig(**{**SMALL, "sizes": (200, 200, 200)})).double().eval()
    points, shuffle = face(), np.random.default_rng(0).permutation(200)
    torch.testing.assert_close(network.heatmaps(points[shuffle]), network.heatmaps(points)[shuffle])


def test_a_turned_or_shifted_cloud_is_another_input(network):
    points = face()
    turned = points @ np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    still = network.heatmaps(points)
    assert (network.heatmaps(turned) - still).abs().max() > 1e-3
    assert (network.heatmaps(points + 10.0) - still).abs().max() > 1e-3


def test_single_and_double_precision_agree(network):
    points = face()
    single = network.heatmaps(points.astype(np.float32))
    double = OrdinaryNet(network.config).double()
    double.load_state_dict(network.state_dict())
    heat = double.heatmaps(points)
    assert heat.dtype == torch.float64
    torch.testing.assert_close(heat.float(), single, atol=1e-5, rtol=0)


def test_an_edge_convolution_is_the_largest_over_the_edges_one_by_one():
    torch.manual_seed(1)
    layer, x, points = (
        EdgeConvolution(4, 5, 4).double(),
        torch.randn(1, 6, 4).double(),
        torch.randn(1, 6, 3).double(),
    )
    index = torch.tensor([[1, 2], [0, 3], [5, 4]])
    z = torch.cat([layer.norm(x), points], -1)[0]
    theta, phi = layer.theta.weight, layer.phi.weight + layer.theta.weight
    edges = [
        [theta @ (z[j] - z[i]) + phi @ z[i] + layer.phi.bias for j in row] for i, row in enumerate(index)
    ]
    expected = torch.stack(
        [x[0, i] + layer.mix(torch.stack(row).relu().amax(0)) for i, row in enumerate(edges)]
    )
    torch.testing.assert_close(layer(x, points, index)[0], expected)


def test_a_placed_graph_keeps_its_points_where_they_are():
    points = face() + [3.0, -4.0, 5.0]
    graph = placed_graph(points, OrdinaryConfig(**SMALL).graph)
    np.testing.assert_allclose(graph.points[0], points[graph.order[0]])


def test_graphs_placed_one_by_one_make_the_same_batch(network):
    clouds = np.stack([face(seed=seed) for seed in range(2)])
    one, two = network.graph_from_points(clouds), collate([network.graph_from_points(c) for c in clouds])
    torch.testing.assert_close(one.points, two.points)


def test_every_weight_learns(network):
    graph = network.graph_from_points(face().astype(np.float32))
    network.zero_grad()
    network(graph).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in network.parameters())


def test_a_spatial_transformer_in_front_changes_nothing_at_the_start(network):
    other = OrdinaryNet(OrdinaryConfig(**SMALL, transformer=True))
    other.load_state_dict(network.state_dict(), strict=False)
    points = face().astype(np.float32)
    torch.testing.assert_close(other.heatmaps(points), network.heatmaps(points))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"chanels": (1, 2)}, "did you mean 'channels'"),
        ({"channels": (64, 64)}, "channels needs 4 entries"),
        ({"decoder": (1,)}, "decoder needs 3 entries"),
        ({"sizes": (64, 128, 16, 4)}, "must not grow"),
        ({"k": 0}, "k must be at least 1"),
        ({"messages": (8, 8, 0, 8)}, "messages must be at least 1"),
    ],
)
def test_settings_that_cannot_work_are_refused(values, message):
    with pytest.raises(ConfigError, match=message):
        OrdinaryConfig.from_dict(values)


def test_too_few_points_are_refused(network):
    with pytest.raises(GeometryError, match="fewer than the 10"):
        network.heatmaps(face()[:9])
