"""Messages ``W^{lk}(x_j - x_i) f_j`` over grouped edges: forward and backward, portion by portion.

``W^{lk} = sum_J phi_J(d) Q_J Y_J``. The basis is contracted with the features first, ``T_J = (Q_J Y_J) f_j``; the
radial weights of a group of edges then act on all its T in one matrix product, for values and keys at once. Neither a
kernel of an edge nor T outlives its portion of edges: the backward pass forms them anew, and memory grows with
features alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from faceviz.models.published.edges import Chunk, GroupedEdges
from faceviz.models.published.fibers import Features, Fiber
from faceviz.models.published.radial import RadialNetwork, hidden_together, stacked_hidden

_HIDDEN_WEIGHTS = 8

#: By (degree in, degree out), radial weights at the knots (K, n_J C_in, C_value + C_key), or T, or a gradient of them.
Pairs = dict[tuple[int, int], Tensor]


class Kernels(nn.Module):
    """The kernels ``W^{lk}`` between two fibers: one radial network for each pair of degrees."""

    def __init__(self, source: Fiber, target: Fiber, hidden: int, inputs: int = 1) -> None:
        super().__init__()
        self.source, self.target = source, target

        def outputs(k: int, j: int) -> int:
            return target[j] * source[k] * (2 * min(k, j) + 1)

        self.radial = nn.ModuleDict(
            {f"{k}_{j}": RadialNetwork(outputs(k, j), hidden, inputs) for k in source for j in target}
        )


@dataclass(frozen=True)
class Layout:
    """How features lie side by side in one row.

    Attributes:
        source: of the sender, without the relative position.
        relative: what becomes of the relative position, ``add``, ``cat`` or ``none``.
        value, key: fibers of the messages.
        heads: rows of messages are (heads, dim / heads), in a head degree by degree, component by component.
    """

    source: Fiber
    relative: str
    value: Fiber
    key: Fiber
    heads: int

    @property
    def edges(self) -> Fiber:
        """What goes along an edge."""
        return with_relative(self.source, self.relative)

    @property
    def pairs(self) -> list[tuple[int, int]]:
        return [(k, j) for k in self.edges for j in self.value]

    def sent(self, rows: Tensor, offset: Tensor) -> Features:
        """Features (E, 2 k + 1, C) by degree k of rows (E, dim), with the relative position (E, 3)."""
        x = unpacked(rows.unsqueeze(1), self.source)
        if self.relative == "cat":
            x[1] = torch.cat([x[1], offset.unsqueeze(-1)], -1) if 1 in x else offset.unsqueeze(-1)
        elif self.adds:
            x[1] = torch.cat([x[1][..., :1] + offset.unsqueeze(-1), x[1][..., 1:]], -1)
        return x

    @property
    def adds(self) -> bool:
        return self.relative == "add" and self.source.get(1, 0) > 1

    def returned(self, grads: Features) -> Tensor:
        """The gradient (E, dim) of the rows from that of ``sent``."""
        return torch.cat([grads[k][..., :count].flatten(1) for k, count in self.source.items()], -1)

    def split(self, out: Features) -> tuple[Tensor, Tensor]:
        """Rows of values and of keys from messages (E, 2 l + 1, C_value + C_key) by degree l."""
        value = {j: out[j][..., :count] for j, count in self.value.items()}
        key = {j: out[j][..., self.value[j] :] for j in self.key}
        return tuple(packed(part, self.heads).flatten(1) for part in (value, key))

    def joined(self, value: Tensor, key: Tensor) -> Features:
        """The inverse of ``split``."""
        parts = [
            unpacked(rows.unflatten(1, (self.heads, -1)), fiber)
            for rows, fiber in ((value, self.value), (key, self.key))
        ]
        return {j: torch.cat([part[j] for part in parts if j in part], -1) for j in self.value}


def with_relative(source: Fiber, relative: str) -> Fiber:
    """The fiber with the relative position as one more vector, if it is so carried."""
    return Fiber({**source, 1: source.get(1, 0) + 1}) if relative == "cat" else source


def packed(x: Features, heads: int) -> Tensor:
    """(E, heads, dim / heads) of features (E, 2 l + 1, C) by degree, the channels divided among the heads."""
    parts = [value.unflatten(-1, (heads, -1)).movedim(-2, 1).flatten(2) for value in x.values()]
    return parts[0] if len(parts) == 1 else torch.cat(parts, -1)


def unpacked(rows: Tensor, fiber: Fiber) -> Features:
    """The inverse of ``packed``: features (E, 2 l + 1, C) of rows (E, heads, dim / heads)."""
    heads = rows.shape[1]
    sizes = [count // heads * (2 * degree + 1) for degree, count in fiber.items()]
    return {
        degree: part.unflatten(-1, (2 * degree + 1, -1)).movedim(1, -2).flatten(-2)
        for degree, part in zip(fiber, rows.split(sizes, -1), strict=True)
    }


def messages(
    value: Kernels, key: Kernels, layout: Layout, x: Features, edges: GroupedEdges, places: int
) -> tuple[Tensor, Tensor]:
    """Values (P, heads dim_value) and keys (P, heads dim_key) at the P places of the neighbour table, 0 in empty ones.

    Args:
        x: features (M, C, 2 l + 1) by degree of all points.
    """
    rows = packed({degree: part.transpose(1, 2) for degree, part in x.items()}, 1).squeeze(1)
    return _Messages.apply(layout, edges, places, rows, *_radial_weights(value, key, layout))


def _radial_weights(value: Kernels, key: Kernels, layout: Layout) -> list[Tensor]:
    """Weights of the hidden layers of all networks, then weight and bias of the last layers of each pair."""
    networks, last = [], []
    for k, j in layout.pairs:
        pair = [part.radial[f"{k}_{j}"] for part in (value, key) if j in part.target]
        counts = [part.target[j] for part in (value, key) if j in part.target]
        networks += pair
        last += _joined_last(pair, counts, layout.edges[k])
    return [*stacked_hidden(networks), *last]


def _joined_last(networks: Sequence[RadialNetwork], counts: Sequence[int], channels: int) -> list[Tensor]:
    """Last layers side by side: (hidden of all, n_J C_in sum C_out) and (n_J C_in sum C_out,)."""
    weights, biases, before, total = [], [], 0, sum(counts)
    for network, count in zip(networks, counts, strict=True):
        shape = (count, channels, -1)
        weight = network.last.weight.T.unflatten(1, shape).permute(0, 3, 2, 1)  # (hidden, n_J, C_in, C_out)
        weights.append(F.pad(weight, (before, total - before - count)).flatten(1))
        biases.append(network.last.bias.unflatten(0, shape).permute(2, 1, 0))
        before += count
    return [torch.cat(weights), torch.cat(biases, -1).flatten()]


def _tables(weights: Sequence[Tensor], layout: Layout, knots: Tensor) -> Pairs:
    hidden = hidden_together(weights[:_HIDDEN_WEIGHTS], knots)
    out, first = {}, 0
    for i, (k, j) in enumerate(layout.pairs):
        weight, bias = weights[_HIDDEN_WEIGHTS + 2 * i : _HIDDEN_WEIGHTS + 2 * i + 2]
        count = len(weight) // hidden.shape[-1]
        seen = hidden[first : first + count].transpose(0, 1).flatten(1)
        out[k, j] = torch.addmm(bias, seen, weight).view(
            len(knots), layout.edges[k] * (2 * min(k, j) + 1), -1
        )
        first += count
    return out


class _Messages(torch.autograd.Function):
    @staticmethod
    def forward(ctx, layout: Layout, edges: GroupedEdges, places: int, rows: Tensor, *weights: Tensor):  # noqa: ANN001, ANN205
        value = rows.new_zeros(places, layout.value.dim)
        key = rows.new_zeros(places, layout.key.dim)
        for chunk in edges.chunks():
            tables = _tables(weights, layout, edges.knots[chunk.knots])
            contracted = _contracted(layout, edges, chunk, rows)
            out = {j: _weighted(layout, edges, chunk, contracted, tables, j) for j in layout.value}
            for whole, part in zip((value, key), layout.split(out), strict=True):
                whole.index_copy_(0, edges.place[chunk.edges], part)
        ctx.layout, ctx.edges = layout, edges
        ctx.save_for_backward(rows, *weights)
        return value, key

    @staticmethod
    @once_differentiable
    def backward(ctx, value: Tensor, key: Tensor):  # noqa: ANN001, ANN205
        layout, edges = ctx.layout, ctx.edges
        rows, *weights = ctx.saved_tensors
        leaves = [weight.detach().requires_grad_() for weight in weights]
        to_rows, to_weights = torch.zeros_like(rows), [torch.zeros_like(weight) for weight in weights]
        for chunk in edges.chunks():
            with torch.enable_grad():
                tables = _tables(leaves, layout, edges.knots[chunk.knots])
            place, real = edges.place[chunk.edges], edges.real[chunk.edges]
            out = layout.joined(value[place] * real, key[place] * real)
            to_sent, to_tables = _chunk_backward(layout, edges, chunk, rows, tables, out)
            to_rows.index_add_(0, edges.source[chunk.edges], to_sent)
            pairs = layout.pairs
            grads = torch.autograd.grad([tables[p] for p in pairs], leaves, [to_tables[p] for p in pairs])
            for total, grad in zip(to_weights, grads, strict=True):
                total += grad
        return None, None, None, to_rows, *to_weights


def _contracted(layout: Layout, edges: GroupedEdges, chunk: Chunk, rows: Tensor) -> Pairs:
    """``T``: (groups, n (2 l + 1), n_J C_in)."""
    sent = layout.sent(rows[edges.source[chunk.edges]], edges.offset[chunk.edges])
    return {
        (k, j): torch.bmm(edges.basis[k, j][chunk.edges], sent[k]).view(
            chunk.groups, edges.size * (2 * j + 1), -1
        )
        for k, j in layout.pairs
    }


def _weighted(
    layout: Layout, edges: GroupedEdges, chunk: Chunk, contracted: Pairs, tables: Pairs, j: int
) -> Tensor:
    """Messages (E, 2 l + 1, C_value + C_key) of one degree l."""

    def acted(part: slice) -> Tensor:
        total = None
        for k in layout.edges:
            table = tables[k, j][part]
            total = contracted[k, j] @ table if total is None else total.baddbmm_(contracted[k, j], table)
        return total.view(chunk.groups * edges.size, 2 * j + 1, -1)

    if edges.size == 1:
        return acted(slice(None))
    return torch.lerp(acted(slice(0, -1)), acted(slice(1, None)), edges.share[chunk.edges].unsqueeze(-1))


def _chunk_backward(
    layout: Layout, edges: GroupedEdges, chunk: Chunk, rows: Tensor, tables: Pairs, out: Features
) -> tuple[Tensor, Pairs]:
    """Gradients of the rows that were sent (E, dim), and of the tables, from those of the messages."""
    contracted = _contracted(layout, edges, chunk, rows)
    to_sent: Features = {}
    to_tables = {}
    for k, j in layout.pairs:
        to_contracted, to_tables[k, j] = _product_backward(
            edges, chunk, contracted[k, j], tables[k, j].detach(), out[j]
        )
        basis = edges.basis[k, j][chunk.edges].transpose(1, 2)
        to_contracted = to_contracted.view(len(basis), basis.shape[-1], -1)
        if k in to_sent:
            to_sent[k].baddbmm_(basis, to_contracted)
        else:
            to_sent[k] = torch.bmm(basis, to_contracted)
    return layout.returned(to_sent), to_tables


def _product_backward(
    edges: GroupedEdges, chunk: Chunk, contracted: Tensor, table: Tensor, grad: Tensor
) -> tuple[Tensor, Tensor]:
    def rows(part: Tensor) -> Tensor:
        return part.reshape(chunk.groups, -1, part.shape[-1])

    t = contracted.transpose(1, 2)
    if edges.size == 1:
        return torch.bmm(rows(grad), table.transpose(1, 2)), torch.bmm(t, rows(grad))
    high = edges.share[chunk.edges].unsqueeze(-1) * grad
    low = grad - high
    to_table = torch.zeros_like(table)
    to_table[:-1] = torch.bmm(t, rows(low))
    to_table[1:] += torch.bmm(t, rows(high))
    to_contracted = torch.bmm(rows(low), table[:-1].transpose(1, 2))
    return to_contracted.baddbmm_(rows(high), table[1:].transpose(1, 2)), to_table
