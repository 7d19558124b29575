"""Every layer is equivariant, and equal to its formula written out edge by edge."""

from __future__ import annotations

import pytest
import torch

from faceviz.errors import ConfigError
from faceviz.geometry.transforms import random_rotation
from faceviz.models.published.attention import windowed_softmax
from faceviz.models.published.basis import change_of_basis, spherical_harmonics
from faceviz.models.published.edges import GroupedEdges
from faceviz.models.published.fibers import Fiber
from faceviz.models.published.layers import (
    AttentionLayer,
    AttentiveMix,
    LinearMix,
    Neighbourhoods,
    NormBias,
)
from faceviz.models.published.rounding import PlainEdges, harmonics_by_angles

POINTS, NEAR = 14, 6
MIXED = Fiber({0: 4, 1: 2, 2: 6, 3: 2})
SETTINGS = [
    {},
    {"relative": "cat"},
    {"relative": "none", "self_interaction": "att"},
    {"skip": "sum"},
    {"heads": 2},
    {"div": 2},
    {"plain": True},
]


@pytest.fixture(autouse=True)
def doubles():
    torch.manual_seed(0)
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


def cloud():
    return torch.randn(POINTS, 3)


def near(points, plain=False):
    distance, index = torch.cdist(points, points).sort(dim=1)
    index = index[:, 1 : NEAR + 1]
    offset = points[:, None] - points[index]
    window = 1 - (offset.norm(dim=-1) / distance[:, NEAR + 1, None]) ** 4
    if plain:
        return Neighbourhoods(index, window, PlainEdges.of(offset, offset, 3, "positive"))
    return Neighbourhoods(index, window, GroupedEdges.sorted(index, window, offset, offset, max_degree=3))


def features(fiber):
    return {degree: torch.randn(POINTS, count, 2 * degree + 1) for degree, count in fiber.items()}


@pytest.fixture
def rotation(rng):
    return torch.from_numpy(random_rotation(rng))


@pytest.fixture
def turned(wigner, rotation):
    """Features turned by ``rotation``, each degree by its own matrix."""
    return lambda x: {degree: value @ wigner(degree, rotation).T for degree, value in x.items()}


def assert_same(x, y, tolerance):
    assert x.keys() == y.keys()
    for degree in x:
        torch.testing.assert_close(x[degree], y[degree], rtol=0, atol=tolerance)


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@pytest.mark.parametrize("source", [MIXED, Fiber({1: 2})], ids=["degrees 0 to 3", "vectors"])
def test_attention_turns_with_the_cloud_and_ignores_translations(settings, source, turned, rotation):
    layer = AttentionLayer(source, MIXED, **settings)
    points, x, plain = cloud(), features(source), layer.plain
    expected = turned(layer(x, near(points, plain)))
    moved = points @ rotation.T + torch.tensor([5.0, -3.0, 8.0])
    assert_same(layer(turned(x), near(moved, plain)), expected, 1e-10)
    assert max(value.abs().max() for value in expected.values()) > 0.1


@pytest.mark.parametrize("layer", [LinearMix, AttentiveMix])
def test_self_interaction_turns_with_its_features(layer, turned):
    x = features(MIXED)
    mix = layer(MIXED, Fiber({0: 3, 1: 3, 2: 1, 3: 5}))
    assert_same(mix(turned(x)), turned(mix(x)), 1e-12)


@pytest.mark.parametrize("softness", [0.0, 0.1])
def test_the_norm_nonlinearity_turns_with_its_features(softness, turned):
    x = features(MIXED)
    layer = NormBias(MIXED, softness)
    assert_same(layer(turned(x)), turned(layer(x)), 1e-12)


@pytest.mark.parametrize("relative", ["add", "cat", "none"])
@pytest.mark.parametrize("heads", [1, 2])
def test_attention_equals_the_formula_with_a_kernel_for_each_edge(relative, heads):
    layer = AttentionLayer(MIXED, MIXED, relative=relative, heads=heads)
    points, x = cloud(), features(MIXED)
    assert_same(layer(x, near(points)), plain(layer, points, x), 1e-10)


def plain(layer, points, x):
    """``z_i = sum_j alpha_ij W_V f_j``, point by point and edge by edge."""
    query, edges = layer.query(x), near(points)
    rows = []
    for i in range(POINTS):
        q = heads(layer, {degree: value[i] for degree, value in query.items()})
        keys, values = [], []
        for j in edges.index[i].tolist():
            sent = {degree: value[j] for degree, value in x.items()}
            offset = (points[i] - points[j])[None]
            if layer.layout.relative == "cat":
                sent[1] = torch.cat([sent[1], offset])
            elif layer.layout.relative == "add":
                sent[1] = torch.cat([sent[1][:1] + offset, sent[1][1:]])
            keys.append(heads(layer, message(layer.key, sent, points[j] - points[i])))
            values.append(message(layer.value, sent, points[j] - points[i]))
        logits = (torch.stack(keys) * q).sum(-1) / layer.root  # (k, heads)
        alpha = edges.window[i][:, None] * logits.exp()
        alpha = alpha / alpha.sum(0)
        row = {}
        for degree in values[0]:
            stacked = torch.stack([value[degree] for value in values])
            weights = alpha.repeat_interleave(stacked.shape[1] // layer.layout.heads, 1)
            row[degree] = (weights[..., None] * stacked).sum(0)
        rows.append(row)
    z = {degree: torch.stack([row[degree] for row in rows]) for degree in rows[0]}
    return layer.project({degree: torch.cat([z[degree], x[degree]], 1) for degree in z})


def heads(layer, feature):
    return torch.cat([value.reshape(layer.layout.heads, -1) for value in feature.values()], -1)


def message(kernels, sent, span):
    """``sum_k W^{lk}(x_j - x_i) f_j^k`` with ``W^{lk} = sum_J phi_J(d) Q_J Y_J``."""
    distance, out = span.norm(), {}
    harmonics = spherical_harmonics(span / distance, 6)
    for target, count in kernels.target.items():
        total = torch.zeros(count, 2 * target + 1)
        for source, channels in kernels.source.items():
            js = range(abs(source - target), source + target + 1)
            phi = kernels.radial[f"{source}_{target}"](distance[None]).view(count, channels, len(js))
            for place, j in enumerate(js):
                q = torch.from_numpy(change_of_basis(j, source, target).copy())
                total += torch.einsum("pc,oiM,M,ci->po", phi[..., place], q, harmonics[j], sent[source])
        out[target] = total
    return out


def test_the_originals_order_of_operations_gives_the_same():
    plain_layer, layer = AttentionLayer(MIXED, MIXED, plain=True), AttentionLayer(MIXED, MIXED)
    state = plain_layer.state_dict()
    folded = {n: v.sum(1, keepdim=True) if n.endswith("first.weight") else v for n, v in state.items()}
    layer.load_state_dict(folded)
    points, x = cloud(), features(MIXED)
    assert_same(plain_layer(x, near(points, plain=True)), layer(x, near(points)), 1e-10)


def test_harmonics_by_angles_are_those_of_the_opposite_direction():
    spans = cloud()
    expected = spherical_harmonics(-spans / spans.norm(dim=-1, keepdim=True), 6)
    for ours, theirs in zip(harmonics_by_angles(spans, 6), expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12)


def test_single_precision_stays_near_double_precision():
    layer, points, x = AttentionLayer(MIXED, MIXED), cloud(), features(MIXED)
    expected = layer(x, near(points))
    single = layer.float()({d: value.float() for d, value in x.items()}, near(points.float()))
    assert_same({d: value.double() for d, value in single.items()}, expected, 1e-4)


def test_a_point_without_neighbours_receives_nothing():
    logits, window = torch.randn(3, 4, 2), torch.ones(3, 4)
    window[1] = 0
    alpha = windowed_softmax(logits, window)
    assert (alpha[1] == 0).all()
    torch.testing.assert_close(alpha[[0, 2]], logits[[0, 2]].softmax(1))


def test_every_parameter_of_a_layer_gets_a_gradient():
    layer = AttentionLayer(MIXED, MIXED, self_interaction="att")
    sum(value.square().sum() for value in layer(features(MIXED), near(cloud())).values()).backward()
    assert [name for name, p in layer.named_parameters() if p.grad is None or not p.grad.any()] == []


@pytest.mark.parametrize(
    ("settings", "cause"),
    [
        ({"relative": "ad"}, "did you mean 'add'"),
        ({"self_interaction": "1x2"}, "did you mean '1x1'"),
        ({"heads": 3}, "cannot be divided"),
        ({"skip": "sum", "source": Fiber({1: 9})}, "skip 'sum' cannot add 9 channels of degree 1"),
        ({"source": Fiber({3: 1}), "target": Fiber({0: 1})}, "keys need a degree"),
    ],
)
def test_layers_that_cannot_work_are_refused(settings, cause):
    source, target = settings.pop("source", MIXED), settings.pop("target", MIXED)
    with pytest.raises(ConfigError, match=cause):
        AttentionLayer(source, target, **settings)


@pytest.mark.parametrize("channels", [{4: 1}, {-1: 2}, {0: -1}, {}, {1: 0}])
def test_fibers_that_cannot_be_are_refused(channels):
    with pytest.raises(ConfigError):
        Fiber(channels)
