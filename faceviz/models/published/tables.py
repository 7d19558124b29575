"""Radial weights at the knots of groups of edges, as products with features by order take them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from faceviz.models.published.basis import polar_kernels
from faceviz.models.published.layout import Layout, components, spans_of_order, width_of_order
from faceviz.models.published.radial import hidden_together

#: Tensors of ``radial.stacked_hidden``, which come first among radial weights.
HIDDEN_WEIGHTS = 8

#: Radial weights at K knots by order |m|: (K, sum_l n C_l, sum_k n C_k) with n = 2 orders, or 1 for m = 0. Of a degree
#: l out, values come before keys in each order.
Tables = list[Tensor]


def radial_blocks(weights: Sequence[Tensor], layout: Layout, knots: Tensor, signs: str) -> list[Tensor]:
    """The parts (K, n, C_out, n, C_in) of the tables in the order of ``block_places``.

    Args:
        weights: of the hidden layers of all networks, then of each its last layer (hidden + 1, C_out, C_in, n_J).
        signs: of the change of basis.
    """
    hidden = hidden_together(weights[:HIDDEN_WEIGHTS], knots)
    resting, blocks = (knots == 0).unsqueeze(-1), []
    some = bool(resting.any())
    for seen, last, (k, j, _) in zip(hidden, weights[HIDDEN_WEIGHTS:], layout.networks, strict=True):
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
    counts = [components(m) for m in range(highest + 1)]
    cells = (last @ polar).split([n * n for n in counts], -1)
    parts = [cell.unflatten(-1, (n, n)).permute(0, 3, 1, 4, 2) for n, cell in zip(counts, cells, strict=True)]
    folded = torch.cat([part.flatten(1) for part in parts], 1)
    out = torch.addmm(folded[-1], seen, folded[:-1]).split([part[0].numel() for part in parts], 1)
    return [rows.unflatten(1, part.shape[1:]) for rows, part in zip(out, parts, strict=True)]


def block_places(layout: Layout, tables: Tables) -> Iterator[Tensor]:
    """Views (K, n, C_out, n, C_in) of the tables by network and order."""
    for k, j, part in layout.networks:
        for m in range(min(k, j) + 1):
            n, first = components(m), layout.value[j] if part else 0
            count = (layout.key if part else layout.value)[j]
            rows, columns = (spans_of_order(fiber, m) for fiber in (layout.messages, layout.edges))
            block = tables[m][:, rows[j], columns[k]].unflatten(1, (n, -1)).unflatten(3, (n, -1))
            yield block[:, :, first : first + count]


def filled_tables(layout: Layout, knots: Tensor, blocks: Sequence[Tensor]) -> Tables:
    """The tables of their parts."""
    sizes = [(width_of_order(layout.messages, m), width_of_order(layout.edges, m)) for m in layout.orders]
    tables = [knots.new_empty(len(knots), *size) for size in sizes]
    for place, block in zip(block_places(layout, tables), blocks, strict=True):
        place.copy_(block)
    return tables
