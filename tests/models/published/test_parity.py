"""Outputs equal to those of the original code, where its references are at hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from faceviz.geometry.transforms import random_rotation
from faceviz.models.published.basis import change_of_basis, polar_kernels
from faceviz.models.published.config import AS_PUBLISHED, Compat, PublishedConfig
from faceviz.models.published.edges import GroupedEdges
from faceviz.models.published.fibers import Fiber
from faceviz.models.published.layers import AttentionLayer, Neighbourhoods, NormBias
from faceviz.models.published.original import from_original
from faceviz.models.published.unet import PublishedUnet

pytestmark = pytest.mark.shared

DEGREES = (0, 1, 2)
MIDDLE, VECTOR = Fiber.full(2, 5), Fiber({1: 1})
LAYERS = {
    "in_mid": (VECTOR, MIDDLE, {}),
    "mid_mid": (MIDDLE, MIDDLE, {}),
    "mid_out_att": (MIDDLE, VECTOR, {"self_interaction": "att"}),
    "mid_mid_att": (MIDDLE, MIDDLE, {"self_interaction": "att"}),
    "mid_mid_heads": (Fiber.full(2, 8), Fiber.full(2, 8), {"heads": 2, "div": 2}),
}


@pytest.fixture(scope="module")
def layer_references(shared_folder):
    with np.load(shared_folder / "data/report_a/layer_references.npz") as arrays:
        yield {name: arrays[name] for name in arrays.files}


def edges(references, precision):
    x = torch.from_numpy(references[f"{precision}/x"])
    source, target = (torch.from_numpy(references[f"{precision}/{end}"]) for end in ("src", "dst"))
    assert torch.equal(target, target.sort().values)
    index = source.view(len(x), -1)
    offset = x[:, None] - x[index]
    window = torch.ones_like(offset[..., 0])
    edges = GroupedEdges.sorted(index, window, offset, offset, max_degree=2, signs="svd")
    return Neighbourhoods(index, window, edges)


def features(references, prefix):
    return {
        degree: torch.from_numpy(references[f"{prefix}{degree}"])
        for degree in DEGREES
        if f"{prefix}{degree}" in references
    }


def filled(layer, references, prefix, dtype):
    weights = {
        name.removeprefix(f"{prefix}w:"): torch.from_numpy(value)
        for name, value in references.items()
        if name.startswith(f"{prefix}w:")
    }
    layer.to(dtype).load_state_dict(from_original(weights, layer.state_dict()))
    return layer


@pytest.mark.parametrize("precision", ["f64", "f32"])
@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_gives_the_originals_features(layer_references, name, precision):
    source, target, settings = LAYERS[name]
    prefix, dtype = f"{precision}/{name}/", {"f64": torch.float64, "f32": torch.float32}[precision]
    layer = filled(AttentionLayer(source, target, **settings), layer_references, prefix, dtype)
    out = layer(features(layer_references, prefix + "h"), edges(layer_references, precision))
    expected = features(layer_references, prefix + "out")
    assert out.keys() == expected.keys()
    for degree, value in expected.items():
        # The original computes its basis in single precision even here.
        torch.testing.assert_close(out[degree], value, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("precision", ["f64", "f32"])
def test_the_norm_nonlinearity_gives_the_originals_features(layer_references, precision):
    prefix = f"{precision}/normbias/"
    layer = NormBias(MIDDLE).to(getattr(torch, {"f64": "float64", "f32": "float32"}[precision]))
    for degree in DEGREES:
        bias = torch.from_numpy(layer_references[f"{prefix}b{degree}"])
        layer.bias[str(degree)].data = bias.flatten()
    for degree, value in layer(features(layer_references, prefix + "h")).items():
        expected = torch.from_numpy(layer_references[f"{prefix}out{degree}"])
        torch.testing.assert_close(value, expected, rtol=1e-5, atol=1e-6)


def test_the_change_of_basis_has_the_published_signs(shared_folder):
    with np.load(shared_folder / "data/report_a/basis_Q.npz") as arrays:
        for j, degree_in, degree_out in arrays["triples_J_din_dout"].tolist():
            expected = arrays[f"Q_J{j}_in{degree_in}_out{degree_out}"]
            ours = change_of_basis(j, degree_in, degree_out, "svd").reshape(expected.shape)
            np.testing.assert_allclose(ours, expected, atol=1e-12)


def kernels_along(edges, degree_in, degree_out):
    """``Q_J Y_J`` (E, out, in, J) from the frames of the edges and the kernels along the polar axis."""
    cells, first = torch.from_numpy(polar_kernels(degree_in, degree_out, edges.signs)), 0
    polar = cells.new_zeros(len(cells), 2 * degree_out + 1, 2 * degree_in + 1)
    for m in range(min(degree_in, degree_out) + 1):
        rows, n = slice(max(2 * m - 1, 0), 2 * m + 1), 2 if m else 1
        polar[:, rows, rows] = cells[:, first : first + n * n].view(-1, n, n)
        first += n * n
    return torch.einsum("aoe,jab,bie->eoij", edges.frames[degree_out], polar, edges.frames[degree_in])


def test_the_kernels_basis_is_the_originals(layer_references):
    near = edges(layer_references, "f64").edges
    order = near.place.argsort()
    for degree_in in DEGREES:
        for degree_out in DEGREES:
            expected = layer_references[f"basis/{degree_in},{degree_out}"][:, 0, :, 0]  # (E, out, in, J)
            ours = kernels_along(near, degree_in, degree_out)[order[: len(expected)]]
            np.testing.assert_allclose(ours, expected, atol=1e-5)


@pytest.fixture(scope="module")
def published(shared_folder):
    from faceviz.io.torch_checkpoint import read_torch_checkpoint

    weights = read_torch_checkpoint(shared_folder / "data/report_a/checkpoint-35-v0.3.0.7.pth")
    network = PublishedUnet(AS_PUBLISHED).eval()
    network.load_state_dict(from_original(weights, network.state_dict()))
    return network


def test_the_published_weights_are_all_taken(published):
    assert sum(parameter.numel() for parameter in published.parameters()) == 224_075


@pytest.mark.slow
def test_the_published_weights_give_the_originals_heatmaps(published, shared_folder):
    with np.load(shared_folder / "data/report_a/network_reference.npz") as reference:
        pyramid = published.graph_from_points(reference["points"])
        np.testing.assert_array_equal(pyramid.levels[0].kept, reference["pool.fp_idx"])
        heat = published.heatmaps(reference["points"]).numpy()
        np.testing.assert_allclose(heat, reference["heatmaps"][0], atol=1e-4)


def with_mistakes(published, compat):
    """The published weights in a network with other mistakes."""
    network = PublishedUnet(PublishedConfig(signs="checkpoint", compat=compat)).eval()
    state = {
        name: value.sum(1, keepdim=True) if name.endswith("first.weight") else value
        for name, value in published.state_dict().items()
    }
    network.load_state_dict(state)
    return network


@pytest.mark.slow
def test_the_quick_way_gives_the_same_but_for_the_rounding(published, shared_folder):
    quick = published.without_original_rounding()
    assert quick.without_original_rounding() is quick
    with np.load(shared_folder / "data/report_a/network_reference.npz") as reference:
        heat = quick.heatmaps(reference["points"]).numpy()
        np.testing.assert_allclose(heat, reference["heatmaps"][0], atol=1e-3)


@pytest.mark.slow
def test_the_published_weights_move_with_the_pose_only_where_the_mistakes_are_on(
    published, shared_folder, rng
):
    with np.load(shared_folder / "data/report_a/network_reference.npz") as reference:
        points = reference["points"]
    turn, shift = random_rotation(rng), np.array([3.0, -2.0, 5.0])
    order = rng.permutation(len(points))
    moved = (points @ turn.T).astype(np.float32), (points + shift).astype(np.float32), points[order]
    back = [slice(None), slice(None), np.argsort(order)]

    def changes(network):
        still = network.heatmaps(points)
        return [float((network.heatmaps(x)[b] - still).abs().max()) for x, b in zip(moved, back, strict=True)]

    mistaken = published.without_original_rounding()
    assert min(changes(mistaken)) > 0.1
    assert max(changes(with_mistakes(published, Compat()))) < 1e-5
