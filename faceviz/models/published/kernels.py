"""Messages ``W^{lk}(x_j - x_i) f_j`` over grouped edges: forward and backward, chunk by chunk.

``W^{lk} = sum_J phi_J(d) Q_J Y_J``. Features are turned so that the edge becomes the polar axis, where a kernel mixes
the orders m and -m alone (Passaro and Zitnick 2023): ``W = D_l^T K D_k``, ``K = sum_J phi_J(d) Q_J Y_J(polar)``. The
radial weights of a group of edges act on all degrees of an order in one matrix product, for values and keys at once.
Neither a kernel of an edge nor what it acts on outlives its chunk of edges: the backward pass forms them anew, and
memory grows with features alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from faceviz.models.published.basis import polar_kernels
from faceviz.models.published.edges import Chunk, GroupedEdges
from faceviz.models.published.fibers import Features, Fiber
from faceviz.models.published.radial import RadialNetwork, hidden_together, stacked_hidden

_HIDDEN_WEIGHTS = 8

#: Radial weights at K knots by order |m|: (K, sum_l n C_l, sum_k n C_k) with n = 2 orders, or 1 for m = 0. Of a degree
#: l out, values come before keys in each order.
Tables = list[Tensor]


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

    @property
    def messages(self) -> dict[int, int]:
        """Channels of values and keys together."""
        return {j: count + self.key.get(j, 0) for j, count in self.value.items()}

    @property
    def orders(self) -> range:
        """|m| of what kernels carry."""
        return range(min(max(self.edges), max(self.value)) + 1)

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
        """Rows of values and of keys from messages (2 l + 1, C_value + C_key, E) by degree l."""
        value = {j: out[j][:, :count].permute(2, 0, 1) for j, count in self.value.items()}
        key = {j: out[j][:, self.value[j] :].permute(2, 0, 1) for j in self.key}
        return packed(value, self.heads).flatten(1), packed(key, self.heads).flatten(1)

    def joined(self, value: Tensor, key: Tensor) -> Features:
        """The inverse of ``split``."""
        parts = [
            unpacked(rows.unflatten(1, (self.heads, -1)), fiber)
            for rows, fiber in ((value, self.value), (key, self.key))
        ]
        return {
            j: torch.cat([part[j].permute(1, 2, 0) for part in parts if j in part], 1) for j in self.value
        }


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
    """Weights of the hidden layers of all networks, then of each its last layer (hidden + 1, C_out, C_in, n_J)."""
    kernels = (value, key)
    networks = [kernels[part].network(k, j) for k, j, part in layout.networks]
    last = []
    for network, (k, j, part) in zip(networks, layout.networks, strict=True):
        both = torch.cat([network.last.weight, network.last.bias[:, None]], 1)
        last.append(both.T.unflatten(1, (kernels[part].target[j], layout.edges[k], -1)).contiguous())
    return [*stacked_hidden(networks), *last]


def _blocks(weights: Sequence[Tensor], layout: Layout, knots: Tensor, signs: str) -> list[Tensor]:
    """The parts (K, n, C_out, n, C_in) of the tables in the order of ``_places``."""
    hidden = hidden_together(weights[:_HIDDEN_WEIGHTS], knots)
    resting, blocks = (knots == 0).unsqueeze(-1), []
    some = bool(resting.any())
    for seen, last, (k, j, _) in zip(hidden, weights[_HIDDEN_WEIGHTS:], layout.networks, strict=True):
        polar = torch.from_numpy(polar_kernels(k, j, signs)).to(last)
        found = _evaluated(seen, last, polar, min(k, j))
        if some:  # there is no direction, and J = 0 alone
            polar = torch.cat([polar[:1] * (k == j), torch.zeros_like(polar[1:])])
            still = _evaluated(seen, last, polar, min(k, j))
            found = [
                torch.where(resting[..., None, None, None], *pair) for pair in zip(still, found, strict=True)
            ]
        blocks += found
    return blocks


def _evaluated(seen: Tensor, last: Tensor, polar: Tensor, highest: int) -> list[Tensor]:
    """(K, n, C_out, n, C_in) by order."""
    counts = [_count(m) for m in range(highest + 1)]
    cells = (last @ polar).split([n * n for n in counts], -1)
    parts = [cell.unflatten(-1, (n, n)).permute(0, 3, 1, 4, 2) for n, cell in zip(counts, cells, strict=True)]
    folded = torch.cat([part.flatten(1) for part in parts], 1)
    out = torch.addmm(folded[-1], seen, folded[:-1]).split([part[0].numel() for part in parts], 1)
    return [rows.unflatten(1, part.shape[1:]) for rows, part in zip(out, parts, strict=True)]


def _places(layout: Layout, tables: Tables) -> Iterator[Tensor]:
    """Views (K, n, C_out, n, C_in) of the tables by network and order."""
    for k, j, part in layout.networks:
        for m in range(min(k, j) + 1):
            n, first = _count(m), layout.value[j] if part else 0
            count = (layout.key if part else layout.value)[j]
            rows, columns = (_spans(fiber, m) for fiber in (layout.messages, layout.edges))
            block = tables[m][:, rows[j], columns[k]].unflatten(1, (n, -1)).unflatten(3, (n, -1))
            yield block[:, :, first : first + count]


def _count(m: int) -> int:
    return 2 if m else 1


def _spans(fiber: Mapping[int, int], m: int) -> dict[int, slice]:
    """Where each degree lies among the features of order |m|."""
    spans, first = {}, 0
    for degree, count in fiber.items():
        if degree >= m:
            spans[degree] = slice(first, first := first + _count(m) * count)
    return spans


def _size(fiber: Mapping[int, int], m: int) -> int:
    return sum(_count(m) * count for degree, count in fiber.items() if degree >= m)


def _empty_tables(layout: Layout, knots: Tensor) -> Tables:
    sizes = [(_size(layout.messages, m), _size(layout.edges, m)) for m in layout.orders]
    return [knots.new_empty(len(knots), *size) for size in sizes]


def _tables(layout: Layout, knots: Tensor, blocks: Sequence[Tensor]) -> Tables:
    tables = _empty_tables(layout, knots)
    for place, block in zip(_places(layout, tables), blocks, strict=True):
        place.copy_(block)
    return tables


class _Messages(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, layout: Layout, edges: GroupedEdges, places: int, columns: Tensor, *weights: Tensor
    ) -> tuple[Tensor, Tensor]:
        value = columns.new_zeros(places, layout.value.dim)
        key = columns.new_zeros(places, layout.key.dim)
        for portion in edges.portions():
            knots = edges.knots[portion.knots]
            tables = _tables(layout, knots, _blocks(weights, layout, knots, edges.signs))
            for chunk in portion.chunks:
                seen = _into_frame(edges, chunk, _sent(layout, edges, chunk, columns), layout.orders)
                out = [
                    _weighted(edges, chunk, x, table[chunk.knots])
                    for x, table in zip(seen, tables, strict=True)
                ]
                turned = _out_of_frame(edges, chunk, out, layout.messages)
                for whole, part in zip((value, key), layout.split(turned), strict=True):
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
        for portion in edges.portions():
            knots = edges.knots[portion.knots]
            with torch.enable_grad():
                blocks = _blocks(leaves, layout, knots, edges.signs)
            with torch.no_grad():
                tables = _tables(layout, knots, blocks)
            to_tables = [torch.zeros_like(table) for table in tables]
            for chunk in portion.chunks:
                place, real = edges.place[chunk.edges], edges.real[chunk.edges]
                out = layout.joined(*(part.index_select(0, place).mul_(real) for part in (value, key)))
                to_sent = _chunk_backward(layout, edges, chunk, columns, tables, to_tables, out)
                to_columns.index_add_(1, edges.source[chunk.edges], to_sent)
            grads = torch.autograd.grad(blocks, leaves, list(_places(layout, to_tables)))
            for total, grad in zip(to_weights, grads, strict=True):
                total += grad
        return None, None, None, to_columns, *to_weights


def _sent(layout: Layout, edges: GroupedEdges, chunk: Chunk, columns: Tensor) -> Features:
    return layout.sent(columns.index_select(1, edges.source[chunk.edges]), edges.offset[chunk.edges])


def _into_frame(edges: GroupedEdges, chunk: Chunk, x: Features, orders: range) -> list[Tensor]:
    """Features (2 k + 1, C, E) turned, by order (sum_k n C_k, E): edges last, so that products run along them."""
    out = []
    for m in orders:
        parts = []
        for k, value in x.items():
            if k >= m:
                frame = edges.frames[k][_rows(m), :, chunk.edges].unsqueeze(2)  # (n, 2 k + 1, 1, E)
                part = frame[:, 0] * value[0]
                for q in range(1, 2 * k + 1):
                    part.addcmul_(frame[:, q], value[q])
                parts.append(part.flatten(0, 1))
        out.append(torch.cat(parts))
    return out


def _rows(m: int) -> slice:
    """Of a frame, those of the orders m and -m."""
    return slice(max(2 * m - 1, 0), 2 * m + 1)


def _out_of_frame(
    edges: GroupedEdges, chunk: Chunk, x: Sequence[Tensor], fiber: Mapping[int, int]
) -> Features:
    """The inverse of ``_into_frame``: features (2 l + 1, C, E) of those by order; orders that are missing are zero."""
    out: Features = {}
    for m, rows in enumerate(x):
        for degree, span in _spans(fiber, m).items():
            frame = edges.frames[degree][_rows(m), :, chunk.edges].unsqueeze(2)
            for along, part in zip(frame, rows[span].unflatten(0, (_count(m), -1)), strict=True):
                if degree in out:
                    out[degree].addcmul_(along, part)
                else:
                    out[degree] = along * part
    return out


def _grouped(chunk: Chunk, size: int, x: Tensor) -> Tensor:
    """(G, C, n) of (C, E)."""
    return x.view(-1, chunk.groups, size).transpose(0, 1)


def _weighted(edges: GroupedEdges, chunk: Chunk, x: Tensor, table: Tensor) -> Tensor:
    """Messages (sum_l n C_l, E) of one order."""
    grouped = _grouped(chunk, edges.size, x)
    if edges.size == 1:
        return (table @ grouped).transpose(0, 1).flatten(1)
    out = x.new_empty(table.shape[1], x.shape[1])
    share = edges.share[chunk.edges].view(chunk.groups, 1, edges.size)
    torch.lerp(table[:-1] @ grouped, table[1:] @ grouped, share, out=_grouped(chunk, edges.size, out))
    return out


def _chunk_backward(
    layout: Layout, edges: GroupedEdges, chunk: Chunk, columns: Tensor, tables: Tables, to_tables: Tables,
    out: Features,
) -> Tensor:  # fmt: skip
    """The gradient of the columns that were sent (dim, E) from that of the messages; adds that of the tables."""
    seen = _into_frame(edges, chunk, _sent(layout, edges, chunk, columns), layout.orders)
    grads = _into_frame(edges, chunk, out, layout.orders)
    to_seen = [
        _product_backward(edges, chunk, x, grad, table[chunk.knots], to_table[chunk.knots])
        for x, grad, table, to_table in zip(seen, grads, tables, to_tables, strict=True)
    ]
    return layout.returned(_out_of_frame(edges, chunk, to_seen, layout.edges))


def _product_backward(
    edges: GroupedEdges, chunk: Chunk, x: Tensor, grad: Tensor, table: Tensor, to_table: Tensor
) -> Tensor:
    """The gradient of x; adds that of the table."""
    x, grad = (_grouped(chunk, edges.size, part) for part in (x, grad))
    if edges.size == 1:
        to_table += grad @ x.transpose(1, 2)
        return (table.transpose(1, 2) @ grad).transpose(0, 1).flatten(1)
    high = grad * edges.share[chunk.edges].view(chunk.groups, 1, edges.size)
    low = grad - high
    to_table[:-1].baddbmm_(low, x.transpose(1, 2))
    to_table[1:].baddbmm_(high, x.transpose(1, 2))
    to_x = (table[:-1].transpose(1, 2) @ low).baddbmm_(table[1:].transpose(1, 2), high)
    return to_x.transpose(0, 1).flatten(1)
