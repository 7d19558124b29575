"""The original's order of operations, for its very numbers.

Its attention logits are in the hundreds, so that the seventh digit of a message decides the fourth of a heatmap: in
exact arithmetic the published weights give heatmaps 3e-4 from the published ones. These functions form every kernel
and add up every product in the order of the original, on processors whose libraries take another order too. They are
slow, and no better than the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import pi
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from faceviz.models.published.basis import KernelBasis, kernel_basis
from faceviz.models.published.fibers import Features
from faceviz.models.published.in_order import added, dot, product, root, softmax

if TYPE_CHECKING:
    from faceviz.models.published.kernels import Kernels
    from faceviz.models.published.layers import AttentionLayer, Neighbourhoods

_CHUNK = 8192


@dataclass(frozen=True, slots=True, eq=False)
class PlainEdges:
    """The edges in the order of the neighbour table.

    Attributes:
        distance: (M k,).
        offset: (M k, 1, 3) ``x_i - x_j``, which is added to features of degree 1.
        basis: ``Q_J Y_J`` of the directions from i to j, as of ``kernel_basis``.
    """

    distance: Tensor
    offset: Tensor
    basis: KernelBasis

    @classmethod
    def of(cls, span: Tensor, offset: Tensor, max_degree: int, signs: str) -> PlainEdges:
        """Of ``x_i - x_j`` (M, k, 3) as kernels see it, and as features see it."""
        flat = span.reshape(-1, 3)
        distance = root(torch.sum(flat**2, -1, keepdim=True)).squeeze(-1)
        basis = kernel_basis(harmonics_by_angles(flat, 2 * max_degree), max_degree, signs, product)
        return cls(distance, offset.reshape(-1, 1, 3), basis)


def plain_attention(layer: AttentionLayer, x: Features, near: Neighbourhoods) -> Features:
    """``z`` of an attention layer; see ``layers.AttentionLayer`` and ``layers.Neighbourhoods``."""
    edges, (count, k), heads = near.edges, near.index.shape, layer.layout.heads
    assert isinstance(edges, PlainEdges)  # which the original's rounding asks for
    sent = _sent({degree: value[near.index.flatten()] for degree, value in x.items()}, edges.offset, layer)
    value, key = (
        kernel_messages(part, sent, edges.distance, edges.basis) for part in (layer.value, layer.key)
    )
    query = layer.query(x)
    q = torch.cat([part.reshape(count, 1, heads, -1) for part in query.values()], -1)
    k_ij = torch.cat([key[degree].reshape(count, k, heads, -1) for degree in query], -1)
    alpha = softmax(dot(k_ij, q) / layer.root, near.window)  # (M, k, heads)
    out = {}
    for degree, message in value.items():
        z = added(alpha.unsqueeze(-1) * message.reshape(count, k, heads, -1))
        out[degree] = z.reshape(count, -1, 2 * degree + 1)
    return out


def _sent(sent: Features, offset: Tensor, layer: AttentionLayer) -> Features:
    """Features of the neighbours, (E, C, 2 l + 1), with the relative position."""
    if layer.layout.relative == "cat":
        sent[1] = torch.cat([sent[1], offset], 1) if 1 in sent else offset
    elif layer.layout.adds:
        sent[1] = torch.cat([sent[1][:, :1] + offset, sent[1][:, 1:]], 1)
    return sent


def harmonics_by_angles(spans: Tensor, max_degree: int) -> list[Tensor]:
    """Spherical harmonics of the directions opposite to ``spans`` (E, 3), by way of angles.

    Digits are lost near the poles, and an edge of length zero counts as pointing to one.
    """
    x, y, z = spans.unbind(-1)
    cosine = torch.cos(pi - torch.atan2(root(z**2 + x**2), y))
    azimuth = torch.atan2(x, z)
    legendre = _legendre(cosine, max_degree)
    columns: list[list[Tensor]] = [[cosine] * (2 * degree + 1) for degree in range(max_degree + 1)]
    for (degree, m), value in legendre.items():
        norm = np.sqrt((2 * degree + 1) / (4 * np.pi))
        if m == 0:
            columns[degree][degree] = norm * value
            continue
        norm *= np.sqrt(2.0 / np.prod(np.arange(degree - m + 1, degree + m + 1, dtype=np.float64)))
        columns[degree][degree + m] = (torch.cos(m * azimuth) * value) * norm
        columns[degree][degree - m] = (torch.sin(m * azimuth) * value) * norm
    return [torch.stack(column, -1) for column in columns]


def _legendre(cosine: Tensor, max_degree: int) -> dict[tuple[int, int], Tensor]:
    """Associated Legendre functions with Condon and Shortley's phase, by degree and order."""
    values = {(0, 0): torch.ones_like(cosine)}
    for degree in range(1, max_degree + 1):
        start = float((-1) ** degree * np.prod(np.arange(2 * degree - 1, 1, -2, dtype=np.float64)))
        square = 1 - cosine * cosine
        values[degree, degree] = start * (root(square) if degree == 1 else torch.pow(square, degree / 2))
        for m in range(degree):
            value = ((2 * degree - 1) / (degree - m)) * cosine * values[degree - 1, m]
            if degree - m > 1:
                value = value - ((degree + m - 1) / (degree - m)) * values[degree - 2, m]
            values[degree, m] = value
    return values


def kernel_messages(kernels: Kernels, sent: Features, distance: Tensor, basis: KernelBasis) -> Features:
    """``W^{lk} f_j`` by l, the kernel W of each edge formed first; see ``layers.Kernels``."""
    parts = []
    for start in range(0, len(distance), _CHUNK):
        some = slice(start, start + _CHUNK)
        chunk = {degree: value[some] for degree, value in sent.items()}
        parts.append(
            _chunk(kernels, chunk, distance[some], {pair: value[some] for pair, value in basis.items()})
        )
    return {degree: torch.cat([part[degree] for part in parts]) for degree in kernels.target}


def _chunk(kernels: Kernels, sent: Features, distance: Tensor, basis: KernelBasis) -> Features:
    edges, out = len(distance), {}
    for target, count in kernels.target.items():
        total: Any = 0.0
        rows = 2 * target + 1
        for source, channels in kernels.source.items():
            radial = kernels.radial[f"{source}_{target}"](distance).view(edges, count, 1, channels, 1, -1)
            parts = basis[source, target].reshape(edges, 2 * source + 1, -1, rows).permute(0, 3, 1, 2)
            kernel = torch.sum(radial * parts[:, None, :, None].contiguous(), -1)
            total = total + dot(kernel.view(edges, count * rows, -1), sent[source].reshape(edges, 1, -1))
        out[target] = total.view(edges, count, rows)
    return out
