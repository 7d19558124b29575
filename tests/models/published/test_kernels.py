"""Messages over grouped edges: as exact as asked for, with the gradients of the formula, whatever the backend."""

from __future__ import annotations

import sys

import pytest
import torch

from faceviz.errors import MissingDependencyError
from faceviz.geometry.transforms import random_rotation
from faceviz.models.published import edges as grouping
from faceviz.models.published.attention import DglAttention
from faceviz.models.published.edges import GroupedEdges
from faceviz.models.published.fibers import Fiber
from faceviz.models.published.layers import AttentionLayer, Neighbourhoods
from faceviz.models.published.rounding import PlainEdges

MIXED = Fiber({0: 4, 1: 2, 2: 2})


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def tables(count, k, dtype=torch.float64):
    """Neighbours of a random surface, their weights and ``x_i - x_j``."""
    points = torch.nn.functional.normalize(torch.randn(count, 3, dtype=dtype), dim=1)
    points[:, 2] = points[:, 2].abs()
    distance, index = torch.cdist(points, points).sort(dim=1)
    index = index[:, 1 : k + 1]
    window = (1 - (distance[:, 1 : k + 1] / distance[:, k + 1, None]) ** 4) ** 2
    return index, window, points[:, None] - points[index]


def grouped(index, window, offset, size, batch=1):
    return GroupedEdges.sorted(index, window, offset, offset, max_degree=2, size=size, batch=batch)


def features(fiber, count, dtype=torch.float64):
    return {
        degree: torch.randn(count, channels, 2 * degree + 1, dtype=dtype, requires_grad=True)
        for degree, channels in fiber.items()
    }


def outputs_and_gradients(layer, x, near):
    """Features out, then gradients of the features in and of all weights, of a sum of squares."""
    out = layer(x, near)
    wanted = [*x.values(), *layer.parameters()]
    gradients = torch.autograd.grad(sum(value.square().sum() for value in out.values()), wanted)
    return [*out.values(), *gradients]


def assert_all_close(ours, expected, tolerance):
    """Within ``tolerance`` of the largest value of each."""
    for a, b in zip(ours, expected, strict=True):
        assert (a - b).abs().max() <= tolerance * b.abs().max().clamp_min(1e-3)


@pytest.mark.parametrize("relative", ["add", "cat", "none"])
@pytest.mark.parametrize("source", [MIXED, Fiber({1: 1})], ids=["mixed", "vector"])
def test_gradients_are_those_of_the_formula_with_a_kernel_for_each_edge(relative, source):
    index, window, offset = tables(12, 4)
    plain = AttentionLayer(source, MIXED, relative=relative, heads=2, hidden=8, plain=True).double()
    layer = AttentionLayer(source, MIXED, relative=relative, heads=2, hidden=8).double()
    state = plain.state_dict()
    layer.load_state_dict(
        {n: v.sum(1, keepdim=True) if n.endswith("first.weight") else v for n, v in state.items()}
    )
    x = features(source, 12)
    edges = PlainEdges.of(offset, offset, 2, "positive")
    expected = outputs_and_gradients(plain, x, Neighbourhoods(index, window, edges))
    ours = outputs_and_gradients(layer, x, Neighbourhoods(index, window, grouped(index, window, offset, 1)))
    names = ["out"] * len(MIXED) + ["in"] * len(source) + [name for name, _ in layer.named_parameters()]
    for name, a, b in zip(names, ours, expected, strict=True):
        b = b[:, :1] if name.endswith("first.weight") else b  # both columns have one gradient
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-9)


def test_gradients_between_knots_are_those_of_finite_differences(monkeypatch):
    monkeypatch.setattr(grouping, "_TAIL", 1)
    index, window, offset = tables(8, 4)
    layer = AttentionLayer(Fiber({0: 1, 1: 1}), Fiber({0: 1, 1: 2}), relative="cat", hidden=4).double()
    near = Neighbourhoods(index, window, grouped(index, window, offset, 3))
    x = features(layer.layout.source, 8)
    wanted = [*x.values(), *layer.value.parameters(), *layer.key.parameters()]

    def function(*_):
        return tuple(layer(x, near).values())

    assert torch.autograd.gradcheck(function, wanted, fast_mode=True)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-5), (torch.float32, 1e-5)])
def test_a_thousand_points_between_knots_stay_within_1e_5_of_exact(dtype, tolerance):
    index, window, offset = tables(1024, 40)
    fiber = Fiber.full(2, 5)
    layer, x = AttentionLayer(fiber, fiber).double(), features(fiber, 1024)
    with torch.no_grad():
        exact = layer(x, Neighbourhoods(index, window, grouped(index, window, offset, 1)))
        near = Neighbourhoods(index, window.to(dtype), grouped(index, window.to(dtype), offset.to(dtype), 16))
        ours = layer.to(dtype)({degree: value.to(dtype) for degree, value in x.items()}, near)
    assert near.edges.knots.numel() < 3500
    assert_all_close([value.double() for value in ours.values()], exact.values(), tolerance)


def test_portions_and_batches_change_nothing(monkeypatch):
    parts = [tables(20, 6), tables(20, 6)]
    layer = AttentionLayer(MIXED, MIXED, hidden=8).double()
    x = features(MIXED, 40)
    index, window, offset = (torch.cat(both) for both in zip(*parts, strict=True))
    index = torch.cat([parts[0][0], parts[1][0] + 20])
    window[3] = 0.0  # a point without neighbours
    together = Neighbourhoods(index, window, grouped(index, window, offset, 4, batch=2))
    expected = outputs_and_gradients(layer, x, together)
    second = Neighbourhoods(parts[1][0], parts[1][1], grouped(*parts[1], 4))
    alone = layer({degree: value[20:] for degree, value in x.items()}, second)
    assert_all_close(alone.values(), [value[20:] for value in expected[:3]], 1e-12)
    monkeypatch.setattr(grouping, "_CHUNK_EDGES", 12)
    assert_all_close(outputs_and_gradients(layer, x, together), expected, 1e-12)


def test_training_keeps_less_than_a_kilobyte_of_each_edge():
    """A kernel of every edge would take 1,125 numbers for values and as many for keys."""
    count, k, fiber = 200, 20, Fiber.full(2, 5)
    index, window, offset = tables(count, k, torch.float32)
    layer, x = AttentionLayer(fiber, fiber), features(fiber, count, torch.float32)
    near = Neighbourhoods(index, window, grouped(index, window, offset, 2))
    kept = {parameter.untyped_storage().data_ptr(): 0 for parameter in layer.parameters()}

    def pack(tensor):
        storage = tensor.untyped_storage()
        kept.setdefault(storage.data_ptr(), storage.nbytes())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        out = layer(x, near)
    assert 0 < sum(kept.values()) < 1000 * count * k
    assert all(value.requires_grad for value in out.values())


def test_groups_hold_every_edge_once_and_in_order_of_length():
    index, window, offset = tables(200, 30)
    window[5:9] = 0.0
    edges = grouped(index, window, offset, 7)
    real = edges.real.flatten() > 0
    assert torch.equal(edges.place[real].sort().values, torch.nonzero(window.flatten()).flatten())
    lengths = offset.norm(dim=-1).flatten()[edges.place]
    assert (lengths[real].diff() >= 0).all()
    assert (edges.knots.diff() >= 0).all() and edges.share.min() >= 0 and edges.share.max() <= 1
    group = torch.arange(edges.groups[0]).repeat_interleave(edges.size)
    between = torch.lerp(edges.knots[group], edges.knots[group + 1], edges.share.flatten())
    torch.testing.assert_close(between, lengths, rtol=0, atol=1e-14)


@pytest.mark.parametrize("size", [1, 3])
def test_a_graph_without_edges_gives_nothing_to_attend_to(size):
    index, window, offset = tables(12, 4)
    near = Neighbourhoods(index, 0 * window, grouped(index, 0 * window, offset, size))
    layer, x = AttentionLayer(MIXED, MIXED, hidden=8).double(), features(MIXED, 12)
    empty = {degree: torch.zeros_like(value) for degree, value in x.items()}
    joined = layer.project({degree: torch.cat([empty[degree], x[degree]], 1) for degree in x})
    assert_all_close(layer(x, near).values(), joined.values(), 1e-12)


@pytest.mark.parametrize("size", [1, 3])
def test_features_turn_along_edges_without_a_direction_too(size, wigner, rng):
    index, window, offset = tables(12, 4)
    offset[:, :2] = 0.0  # two of four neighbours are where the point is
    layer, x = AttentionLayer(MIXED, MIXED, hidden=8).double(), features(MIXED, 12)
    rotation = torch.from_numpy(random_rotation(rng))
    moved = offset @ rotation.T
    turned = layer(
        {degree: value @ wigner(degree, rotation).T for degree, value in x.items()},
        Neighbourhoods(index, window, grouped(index, window, moved, size)),
    )
    for degree, value in layer(
        x, Neighbourhoods(index, window, grouped(index, window, offset, size))
    ).items():
        expected = value @ wigner(degree, rotation).T
        torch.testing.assert_close(turned[degree], expected, rtol=0, atol=1e-11)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-11), (torch.float32, 1e-5)])
@pytest.mark.parametrize("heads", [1, 2])
def test_attention_by_dgl_equals_dense_attention_and_so_do_its_gradients(heads, dtype, tolerance):
    pytest.importorskip("dgl", reason="DGL has no wheel for this Python")
    index, window, offset = tables(60, 8, dtype)
    window[4] = 0.0
    edges = grouped(index, window, offset, 1)
    layer, x = AttentionLayer(MIXED, MIXED, heads=heads, hidden=8).to(dtype), features(MIXED, 60, dtype)
    dense = outputs_and_gradients(layer, x, Neighbourhoods(index, window, edges))
    by_dgl = Neighbourhoods(index, window, edges, DglAttention(index, window))
    assert_all_close(outputs_and_gradients(layer, x, by_dgl), dense, tolerance)


def test_the_backend_says_so_where_dgl_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "dgl", None)
    index, window, _ = tables(12, 4)
    with pytest.raises(MissingDependencyError, match=r"pip install \"faceviz\[dgl\]\""):
        DglAttention(index, window)
