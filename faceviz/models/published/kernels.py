"""Messages ``W^{lk}(x_j - x_i) f_j`` over grouped edges: forward and backward, portion by portion.

``W^{lk} = sum_J phi_J(d) Q_J Y_J``. The basis is contracted with the features first, ``T_J = (Q_J Y_J) f_j``; the
radial weights of a group of edges then act on all its T in one matrix product, for values and keys at once. Neither a
kernel of an edge nor T outlives its portion of edges: the backward pass forms them anew, and memory grows with
features alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from faceviz.models.published.edges import Chunk, GroupedEdges
from faceviz.models.published.fibers import Features, Fiber
from faceviz.models.published.radial import RadialNetwork, hidden_together, stacked_hidden

_HIDDEN_WEIGHTS = 8

#: Radial weights at K knots by degree out, for values and, where it has any, for keys: (K, sum_k n_J C_k, C_out), the
#: degrees in one after the other.
Tables = dict[int, list[Tensor]]


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

    def network(self, k: int, j: int) -> RadialNetwork:
        """The radial network of a pair of degrees, in and out."""
        return cast(RadialNetwork, self.radial[f"{k}_{j}"])


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

    @property
    def networks(self) -> list[tuple[int, int, int]]:
        """Degrees in and out of all radial networks, 0 for values and 1 for keys."""
        fibers = (self.value, self.key)
        return [(k, j, part) for k, j in self.pairs for part in (0, 1) if j in fibers[part]]

    def terms(self, k: int, j: int) -> int:
        """``n_J C_k``: what the radial weights of a pair act on."""
        return (2 * min(k, j) + 1) * self.edges[k]

    def sent(self, columns: Tensor, offset: Tensor) -> Features:
        """Features (2 k + 1, C, E) by degree k of columns (dim, E), with the relative position (E, 3)."""
        sizes = [(2 * degree + 1) * count for degree, count in self.source.items()]
        x = {
            degree: part.unflatten(0, (2 * degree + 1, -1))
            for degree, part in zip(self.source, columns.split(sizes), strict=True)
        }
        if self.relative == "cat":
            position = offset.T.unsqueeze(1)
            x[1] = torch.cat([x[1], position], 1) if 1 in x else position
        elif self.adds:
            x[1][:, 0] += offset.T
        return x

    @property
    def adds(self) -> bool:
        return self.relative == "add" and self.source.get(1, 0) > 1

    def returned(self, grads: Features) -> Tensor:
        """The gradient (dim, E) of the columns from that of ``sent``."""
        return torch.cat([grads[k][:, :count].flatten(0, 1) for k, count in self.source.items()])

    def split(self, out: Features) -> tuple[Tensor, Tensor]:
        """Rows of values and of keys from messages (E, 2 l + 1, C_value + C_key) by degree l."""
        value = {j: out[j][..., :count] for j, count in self.value.items()}
        key = {j: out[j][..., self.value[j] :] for j in self.key}
        return packed(value, self.heads).flatten(1), packed(key, self.heads).flatten(1)

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
    columns = torch.cat([part.permute(2, 1, 0).flatten(0, 1) for part in x.values()])
    weights = _radial_weights(value, key, layout)
    return _Messages.apply(layout, edges, places, columns, *weights)  # type: ignore[no-untyped-call]


def _radial_weights(value: Kernels, key: Kernels, layout: Layout) -> list[Tensor]:
    """Weights of the hidden layers of all networks, then of each its last layer's weight and bias."""
    kernels = (value, key)
    networks = [kernels[part].network(k, j) for k, j, part in layout.networks]
    last = []
    for network, (k, j, part) in zip(networks, layout.networks, strict=True):
        shape = (kernels[part].target[j], layout.edges[k], -1)  # (C_out, C_in, n_J)
        last.append(network.last.weight.T.unflatten(1, shape).permute(0, 3, 2, 1).flatten(1))
        last.append(network.last.bias.unflatten(0, shape).permute(2, 1, 0).flatten())
    return [*stacked_hidden(networks), *last]


def _tables(weights: Sequence[Tensor], layout: Layout, knots: Tensor) -> Tables:
    hidden = hidden_together(weights[:_HIDDEN_WEIGHTS], knots)
    last = iter(weights[_HIDDEN_WEIGHTS:])
    parts: dict[int, tuple[list[Tensor], list[Tensor]]] = {j: ([], []) for j in layout.value}
    for seen, (k, j, part) in zip(hidden, layout.networks, strict=True):
        weight, bias = next(last), next(last)
        parts[j][part].append(torch.addmm(bias, seen, weight).unflatten(1, (layout.terms(k, j), -1)))
    return {j: [torch.cat(part, 1) for part in both if part] for j, both in parts.items()}


class _Messages(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, layout: Layout, edges: GroupedEdges, places: int, columns: Tensor, *weights: Tensor
    ) -> tuple[Tensor, Tensor]:
        value = columns.new_zeros(places, layout.value.dim)
        key = columns.new_zeros(places, layout.key.dim)
        for chunk in edges.chunks():
            tables = _tables(weights, layout, edges.knots[chunk.knots])
            sent = _sent(layout, edges, chunk, columns)
            out = {
                j: _weighted(edges, chunk, _contracted(layout, edges, chunk, sent, j), tables[j])
                for j in tables
            }
            for whole, part in zip((value, key), layout.split(out), strict=True):
                whole.index_copy_(0, edges.place[chunk.edges], part)
        ctx.layout, ctx.edges = layout, edges
        ctx.save_for_backward(columns, *weights)
        return value, key

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, value: Tensor, key: Tensor) -> tuple[Tensor | None, ...]:
        layout, edges = ctx.layout, ctx.edges
        columns, *weights = ctx.saved_tensors
        leaves = [weight.detach().requires_grad_() for weight in weights]
        to_columns, to_weights = torch.zeros_like(columns), [torch.zeros_like(weight) for weight in weights]
        for chunk in edges.chunks():
            with torch.enable_grad():
                tables = _tables(leaves, layout, edges.knots[chunk.knots])
            place, real = edges.place[chunk.edges], edges.real[chunk.edges]
            out = layout.joined(value[place] * real, key[place] * real)
            to_sent, to_tables = _chunk_backward(layout, edges, chunk, columns, tables, out)
            to_columns.index_add_(1, edges.source[chunk.edges], to_sent)
            parts, to_parts = ([p for j in tables for p in of[j]] for of in (tables, to_tables))
            grads = torch.autograd.grad(parts, leaves, to_parts)
            for total, grad in zip(to_weights, grads, strict=True):
                total += grad
        return None, None, None, to_columns, *to_weights


def _sent(layout: Layout, edges: GroupedEdges, chunk: Chunk, columns: Tensor) -> Features:
    return layout.sent(columns.index_select(1, edges.source[chunk.edges]), edges.offset[chunk.edges])


def _blocks(layout: Layout, whole: Tensor, j: int) -> Iterator[tuple[int, Tensor]]:
    """The parts (2 l + 1, n_J, C_k, E) of T by degree in k."""
    sizes = [layout.terms(k, j) for k in layout.edges]
    for (k, count), part in zip(layout.edges.items(), whole.split(sizes, 1), strict=True):
        yield k, part.unflatten(1, (-1, count))


def _contracted(layout: Layout, edges: GroupedEdges, chunk: Chunk, sent: Features, j: int) -> Tensor:
    """``T`` (2 l + 1, sum_k n_J C_k, E), edges last, so that the sum over 2 k + 1 components runs along them."""
    some = next(iter(sent.values()))
    total = sum(layout.terms(k, j) for k in layout.edges)
    out = some.new_empty(2 * j + 1, total, some.shape[-1])
    for k, block in _blocks(layout, out, j):
        basis = edges.basis[k, j][..., chunk.edges].unsqueeze(-2)  # (2 l + 1, n_J, 2 k + 1, 1, E)
        torch.mul(basis[:, :, 0], sent[k][0], out=block)
        for m in range(1, 2 * k + 1):
            block.addcmul_(basis[:, :, m], sent[k][m])
    return out


def _both_ends(edges: GroupedEdges, parts: list[Tensor]) -> Tensor:
    """Weights at the lower, then at the upper end of each group, (G, terms, 2 C); with one edge a group, its own."""
    if edges.size == 1:
        return torch.cat(parts, -1)
    return torch.cat([*(part[:-1] for part in parts), *(part[1:] for part in parts)], -1)


def _weighted(edges: GroupedEdges, chunk: Chunk, contracted: Tensor, parts: list[Tensor]) -> Tensor:
    """Messages (E, 2 l + 1, C_value + C_key) of one degree l."""
    table, count = _both_ends(edges, parts), sum(part.shape[-1] for part in parts)
    out = table.new_empty(contracted.shape[-1], len(contracted), count)
    for m, part in enumerate(contracted):
        product = part.view(-1, chunk.groups, edges.size).permute(1, 2, 0) @ table
        product = product.flatten(0, 1)
        if edges.size == 1:
            out[:, m] = product
        else:
            share = edges.share[chunk.edges]
            torch.lerp(product[:, :count], product[:, count:], share, out=out[:, m])
    return out


def _chunk_backward(
    layout: Layout, edges: GroupedEdges, chunk: Chunk, columns: Tensor, tables: Tables, out: Features
) -> tuple[Tensor, Tables]:
    """Gradients of the columns that were sent (dim, E), and of the tables, from those of the messages."""
    sent = _sent(layout, edges, chunk, columns)
    to_sent = {k: torch.zeros_like(part) for k, part in sent.items()}
    to_tables = {}
    for j, parts in tables.items():
        contracted, table = _contracted(layout, edges, chunk, sent, j), torch.cat(parts, -1).detach()
        to_contracted, to_table = _product_backward(edges, chunk, contracted, table, out[j])
        to_tables[j] = list(to_table.split([part.shape[-1] for part in parts], -1))
        for k, block in _blocks(layout, to_contracted, j):
            basis = edges.basis[k, j][..., chunk.edges].unsqueeze(-2)
            for term, part in zip(basis.flatten(0, 1), block.flatten(0, 1), strict=True):
                to_sent[k].addcmul_(term, part)
    return layout.returned(to_sent), to_tables


def _product_backward(
    edges: GroupedEdges, chunk: Chunk, contracted: Tensor, table: Tensor, grad: Tensor
) -> tuple[Tensor, Tensor]:
    """Gradients of T, with its shape, and of the table."""
    grouped, count = (-1, chunk.groups, edges.size), grad.shape[-1]
    ends = _both_ends(edges, [table])
    if edges.size > 1:
        high = grad * edges.share[chunk.edges].unsqueeze(-1)
        grad = torch.cat([grad - high, high], -1)
    to_contracted, to_ends = torch.empty_like(contracted), torch.zeros_like(ends)
    for m, part in enumerate(contracted):
        t = part.view(grouped).transpose(0, 1)  # (G, terms, n)
        rows = grad[:, m].unflatten(0, grouped[1:])
        to_contracted[m].view(grouped).copy_((ends @ rows.transpose(1, 2)).transpose(0, 1))
        to_ends.baddbmm_(t, rows)
    if edges.size == 1:
        return to_contracted, to_ends
    to_table = torch.zeros_like(table)
    to_table[:-1] += to_ends[..., :count]
    to_table[1:] += to_ends[..., count:]
    return to_contracted, to_table
