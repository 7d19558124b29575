"""The mended network is invariant by construction; each mistake of the original breaks it in its own way."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
import torch

from faceviz.errors import ConfigError, GeometryError, ShapeError
from faceviz.geometry.transforms import RigidTransform, random_rotation
from faceviz.models.published.config import AS_PUBLISHED, BACKENDS, Compat, PublishedConfig
from faceviz.models.published.pyramid import Pyramid
from faceviz.models.published.unet import PublishedUnet
from faceviz.testing import assert_equivariant, equivariance_error, random_face

SMALL = PublishedConfig(k=10, hidden=3, radial=8, head_hidden=32)
VARIANTS = [
    {},
    {"levels": 2, "head_scalars": 2, "head_vectors": 3, "between": 2},
    {"levels": 0},
    {"pooling": "mean", "max_degree": 1, "skip": "sum", "between": 3},
    {"pooling": "max", "relative": "cat", "power": 3.0},
    {"max_degree": 3, "heads": 3, "pooling_ratio": 0.6},
    {"signs": "checkpoint", "layers": 1},
    {"levels": 3, "pooling_ratio": 0.5, "hidden": 4, "div": 2, "heads": 2, "self_interaction": "att"},
    {"knots": 100, "relative": "none", "last_self_interaction": "1x1"},
]


def network(dtype=torch.float64, config=SMALL, **compat):
    """Random weights and lukewarm heat, of which a change of the logits changes most."""
    torch.manual_seed(0)
    model = PublishedUnet(replace(config, compat=Compat(**compat)))
    torch.nn.init.zeros_(model.head[-1].bias)
    return model.to(dtype).eval()


def cloud(seed=0, count=96, dtype=np.float64):
    face = random_face(seed, count)
    return ((face.points - face.centroid) / face.radius).astype(dtype)


def heat_of(model):
    return lambda x: model.heatmaps(x).numpy()


@pytest.mark.parametrize("changes", VARIANTS, ids=str)
def test_heatmaps_do_not_change_with_pose_in_double_precision(changes):
    heat_function, points = heat_of(network(config=replace(SMALL, **changes))), cloud()
    assert np.ptp(heat_function(points), axis=0).max() > 1e-3
    assert_equivariant(heat_function, points, poses=4)


@pytest.mark.parametrize("seed", range(3))
def test_heatmaps_do_not_change_with_pose_in_single_precision(seed):
    assert_equivariant(
        heat_of(network(torch.float32)),
        cloud(seed, dtype=np.float32),
        poses=5,
        max_translation=1.0,
        seed=seed,
    )


def moves(rng):
    turn = RigidTransform(random_rotation(rng), np.zeros(3))
    shift = RigidTransform(np.eye(3), np.array([3.0, -2.0, 5.0]))
    return turn, shift


def test_absolute_input_breaks_under_translation_alone(rng):
    turn, shift = moves(rng)
    heat = heat_of(network(absolute_input=True))
    assert equivariance_error(heat, cloud(), turn) < 1e-10
    assert equivariance_error(heat, cloud(), shift) > 1e-3


def test_a_head_on_vector_components_breaks_under_rotation_alone(rng):
    turn, shift = moves(rng)
    heat = heat_of(network(vector_head=True))
    assert equivariance_error(heat, cloud(), turn) > 1e-3
    assert equivariance_error(heat, cloud(), shift) < 1e-10


@pytest.mark.parametrize("mistake", ["mistaken_pool_positions", "mistaken_up_distances"])
def test_mistaken_indices_make_the_answer_depend_on_the_order_of_the_points(mistake, rng):
    points = cloud()
    order = rng.permutation(len(points))

    def change(model):
        return (model.heatmaps(points[order]) - model.heatmaps(points)[order]).abs().max()

    assert change(network()) < 1e-10
    assert change(network(**{mistake: True})) > 1e-5


def test_mistaken_indices_make_the_answer_depend_on_the_place_in_a_batch():
    clouds = np.stack([cloud(0), cloud(1)])

    def change(model):
        return (model.heatmaps(clouds)[1] - model.heatmaps(clouds[1])).abs().max()

    assert change(network()) < 1e-10
    assert change(network(mistaken_pool_positions=True)) > 1e-5


@pytest.mark.parametrize("mistake", ["aggregated_skip", "hard_edges", "sharp_norm"])
def test_other_mistakes_change_the_heatmaps_but_not_their_invariance(mistake):
    model = network(**{mistake: True})
    assert (model.heatmaps(cloud()) - network().heatmaps(cloud())).abs().max() > 1e-5
    assert_equivariant(heat_of(model), cloud(), poses=3)


def test_componentwise_maxima_break_under_rotation(rng):
    config = replace(SMALL, pooling="max")
    heat = heat_of(network(config=config, componentwise_max=True))
    assert equivariance_error(heat, cloud(), moves(rng)[0]) > 1e-5


def test_a_mirrored_cloud_gives_other_heatmaps():
    model = network()
    assert (model.heatmaps(cloud()) - model.heatmaps(cloud() * [-1.0, 1.0, 1.0])).abs().max() > 1e-4


def test_the_same_graph_twice_gives_the_same_answer():
    model = network()
    pyramid = model.graph_from_points(cloud())
    assert torch.equal(model(pyramid), model(pyramid))


def test_duplicate_points_are_taken():
    points = np.concatenate([cloud(), cloud()[:5]])
    heat = network().heatmaps(points)
    assert torch.isfinite(heat).all()
    torch.testing.assert_close(heat[:5], heat[-5:], rtol=0, atol=1e-6)


def test_points_whose_neighbours_all_lie_on_them_are_taken():
    """All edges have length zero, and no direction."""
    points = np.repeat(cloud(count=8), 12, axis=0)
    published = PublishedUnet(replace(AS_PUBLISHED, k=10)).double().eval()
    assert torch.isfinite(published.heatmaps(points)).all()
    heat = network(config=replace(SMALL, pooling_ratio=0.0)).heatmaps(points)
    assert torch.isfinite(heat).all()
    torch.testing.assert_close(heat[::12], heat[5::12], rtol=0, atol=1e-9)


@pytest.mark.parametrize("config", [SMALL, replace(AS_PUBLISHED, k=10)], ids=["mended", "published"])
def test_a_coarse_level_may_have_points_without_neighbours(config):
    config = replace(config, k=2, levels=2, pooling_ratio=0.8)
    pyramid = Pyramid.from_points(cloud(), config)
    assert (pyramid.levels[1].window.sum(1) == 0).any()
    assert torch.isfinite(network(config=config).heatmaps(cloud())).all()


@pytest.mark.parametrize("count", [11, 12, 50])
def test_k_may_be_as_large_as_the_cloud_allows(count):
    heat = network().heatmaps(cloud(count=count))
    assert heat.shape == (count, 68) and torch.isfinite(heat).all()


def test_k_larger_than_the_cloud_is_refused():
    with pytest.raises(GeometryError, match="10 points are fewer than the 11"):
        network().heatmaps(cloud(count=10))


def test_points_of_another_shape_are_refused():
    with pytest.raises(ShapeError, match=r"got \(4, 2\)"):
        network().graph_from_points(np.zeros((4, 2)))


@pytest.mark.parametrize("changes", [{}, {"levels": 2, "pooling": "max", "knots": 200}], ids=str)
def test_each_cloud_of_a_batch_and_any_order_of_points_gives_what_it_gives_alone(changes, rng):
    model = network(config=replace(SMALL, **changes))
    clouds = np.stack([cloud(0), cloud(1), cloud(2)])
    together, order = model.heatmaps(clouds), rng.permutation(96)
    for alone, heat in zip(clouds, together, strict=True):
        torch.testing.assert_close(model.heatmaps(alone), heat, rtol=0, atol=1e-12)
    torch.testing.assert_close(model.heatmaps(clouds[2][order]), together[2][order], rtol=0, atol=1e-10)


def test_knots_change_heatmaps_by_less_than_1e_5():
    points = cloud(count=600)
    exact, between = (network(config=replace(SMALL, knots=knots)).heatmaps(points) for knots in (0, 2000))
    assert 0 < (exact - between).abs().max() < 1e-5


def test_knots_that_a_batch_shares_in_training_change_outputs_by_1e_5_and_gradients_by_1e_4_at_most():
    clouds = np.stack([cloud(seed, 400) for seed in range(3)])
    found = []
    for knots in (0, 2000):
        model = network(config=replace(SMALL, k=20, knots=knots)).train()
        heat = model(model.graph_from_points(clouds)).sigmoid()
        gradients = torch.autograd.grad(heat.square().mean(), list(model.parameters()))
        found.append((heat.detach(), torch.cat([gradient.flatten() for gradient in gradients])))
    (exact, expected), (between, ours) = found
    assert 0 < (between - exact).abs().max() < 1e-5
    assert (ours - expected).norm() < 1e-4 * expected.norm()


@pytest.mark.parametrize("count", [1, 2])
def test_the_backend_dgl_gives_the_same_heatmaps(count):
    pytest.importorskip("dgl", reason="DGL has no wheel for this Python")
    clouds = np.stack([cloud(seed) for seed in range(count)])
    dense, by_dgl = (network(config=replace(SMALL, backend=name)).heatmaps(clouds) for name in BACKENDS)
    torch.testing.assert_close(by_dgl, dense, rtol=0, atol=1e-11)


def test_published_mistakes_on_several_levels_and_in_batches_depend_on_the_batch_but_never_fail():
    config = replace(AS_PUBLISHED, k=10, hidden=3, radial=8, levels=2, pooling_ratio=0.5)
    torch.manual_seed(0)
    model = PublishedUnet(config).double().eval()
    clouds = np.stack([cloud(0), cloud(1)])
    together, first = model.heatmaps(clouds), model.heatmaps(clouds[0])
    assert torch.isfinite(together).all() and together.shape == (2, 96, 68)
    assert (together[1] - model.heatmaps(clouds[1])).abs().max() > 1e-5
    assert torch.equal(model.heatmaps(clouds[0]), first)


def test_every_parameter_gets_a_gradient():
    model = network().train()
    model(model.graph_from_points(cloud())).square().mean().backward()
    silent = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert silent == []


def test_a_configuration_survives_the_way_to_json_and_back():
    assert PublishedConfig.from_dict(AS_PUBLISHED.to_dict()) == AS_PUBLISHED
    assert all(getattr(AS_PUBLISHED.compat, entry.name) for entry in fields(Compat))


@pytest.mark.parametrize(
    ("values", "cause"),
    [
        ({"poling": "sum"}, "did you mean 'pooling'"),
        ({"compat": {"absolut_input": True}}, "did you mean 'absolute_input'"),
        ({"compat": True}, "compat must hold"),
        ({"pooling": "median"}, "pooling cannot be 'median'"),
        ({"pooling_ratio": 1.0}, "fraction dropped"),
        ({"max_degree": 4}, "max_degree must be 1 to 3"),
        ({"backend": "dlg"}, "did you mean 'dgl'"),
        ({"knots": -1}, "cannot be negative"),
        ({"hidden": 5, "heads": 2}, "cannot be divided"),
        ({"k": 0}, "k must be at least 1"),
        ({"power": 0.0}, "power must be positive"),
        ({"head_vectors": 0}, "at least one channel"),
        ({"head_vectors": 2, "compat": {"vector_head": True}}, "vector_head needs"),
    ],
)
def test_settings_that_cannot_work_are_refused(values, cause):
    with pytest.raises(ConfigError, match=cause):
        PublishedConfig.from_dict(values)
