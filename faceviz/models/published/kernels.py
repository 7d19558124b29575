"""Messages ``W^{lk}(x_j - x_i) f_j`` over grouped edges: forward and backward, chunk by chunk.

``W^{lk} = sum_J phi_J(d) Q_J Y_J``. Features are turned so that the edge becomes the polar axis, where a kernel mixes
the orders m and -m alone (Passaro and Zitnick 2023): ``W = D_l^T K D_k``, ``K = sum_J phi_J(d) Q_J Y_J(polar)``. The
radial weights of a group of edges act on all degrees of an order in one matrix product, for values and keys at once.
Neither a kernel of an edge nor what it acts on outlives its chunk of edges: the backward pass forms them anew, and
memory grows with features alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from faceviz.models.published.edges import Chunk, GroupedEdges
from faceviz.models.published.fibers import Features, Fiber
from faceviz.models.published.layout import Layout, components, frame_rows, spans_of_order
from faceviz.models.published.radial import RadialNetwork, stacked_hidden
from faceviz.models.published.tables import Tables, block_places, filled_tables, radial_blocks


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


class _Messages(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, layout: Layout, edges: GroupedEdges, places: int, columns: Tensor, *weights: Tensor
    ) -> tuple[Tensor, Tensor]:
        value = columns.new_zeros(places, layout.value.dim)
        key = columns.new_zeros(places, layout.key.dim)
        for portion in edges.portions():
            knots = edges.knots[portion.knots]
            tables = filled_tables(layout, knots, radial_blocks(weights, layout, knots, edges.signs))
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
                blocks = radial_blocks(leaves, layout, knots, edges.signs)
            with torch.no_grad():
                tables = filled_tables(layout, knots, blocks)
            to_tables = [torch.zeros_like(table) for table in tables]
            for chunk in portion.chunks:
                place, real = edges.place[chunk.edges], edges.real[chunk.edges]
                out = layout.joined(*(part.index_select(0, place).mul_(real) for part in (value, key)))
                to_sent = _chunk_backward(layout, edges, chunk, columns, tables, to_tables, out)
                to_columns.index_add_(1, edges.source[chunk.edges], to_sent)
            grads = torch.autograd.grad(blocks, leaves, list(block_places(layout, to_tables)))
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
                frame = edges.frames[k][frame_rows(m), :, chunk.edges].unsqueeze(2)  # (n, 2 k + 1, 1, E)
                part = frame[:, 0] * value[0]
                for q in range(1, 2 * k + 1):
                    part.addcmul_(frame[:, q], value[q])
                parts.append(part.flatten(0, 1))
        out.append(torch.cat(parts))
    return out


def _out_of_frame(
    edges: GroupedEdges, chunk: Chunk, x: Sequence[Tensor], fiber: Mapping[int, int]
) -> Features:
    """The inverse of ``_into_frame``: features (2 l + 1, C, E) of those by order; orders that are missing are zero."""
    out: Features = {}
    for m, rows in enumerate(x):
        for degree, span in spans_of_order(fiber, m).items():
            frame = edges.frames[degree][frame_rows(m), :, chunk.edges].unsqueeze(2)
            for along, part in zip(frame, rows[span].unflatten(0, (components(m), -1)), strict=True):
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
