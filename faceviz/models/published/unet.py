"""The SE(3)-Transformer U-Net of Ferraretto (2024): attention blocks, pooling, upsampling, skips and a head."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from faceviz.models.published.attention import DglAttention
from faceviz.models.published.config import PublishedConfig
from faceviz.models.published.edges import GroupedEdges
from faceviz.models.published.fibers import Features, Fiber
from faceviz.models.published.layers import AttentionLayer, Neighbourhoods, NormBias
from faceviz.models.published.pooling import aggregate, upsample
from faceviz.models.published.pyramid import Level, Pyramid
from faceviz.models.published.rounding import PlainEdges

_NEAR_CENTROID = 0.1


class Block(nn.Module):
    """Attention and norm nonlinearity in turn, then attention to the fiber that goes out."""

    def __init__(self, source: Fiber, target: Fiber, config: PublishedConfig, self_interaction: str) -> None:
        super().__init__()
        middle = Fiber.full(config.max_degree, config.hidden)
        softness = 0.0 if config.compat.sharp_norm else config.softness
        shared: dict[str, Any] = {
            "relative": config.relative,
            "hidden": config.radial,
            "plain": config.compat.original_rounding,
        }
        layers: list[nn.Module] = []
        for _ in range(config.layers):
            layers += [
                AttentionLayer(
                    source, middle, heads=config.heads, div=config.div,
                    skip=config.skip, self_interaction=config.self_interaction, **shared,
                ),
                NormBias(middle, softness, config.compat.original_rounding),
            ]  # fmt: skip
            source = middle
        heads = min(config.heads, 2) if _divisible(target, 2) else 1
        layers.append(
            AttentionLayer(middle, target, heads=heads, self_interaction=self_interaction, **shared)
        )
        self.layers = nn.ModuleList(layers)

    def forward(self, x: Features, near: Neighbourhoods) -> Features:
        for layer in self.layers:
            x = layer(x, near) if isinstance(layer, AttentionLayer) else layer(x)
        return x


def _divisible(fiber: Fiber, heads: int) -> bool:
    return all(count % heads == 0 for count in fiber.values())


class PublishedUnet(nn.Module):
    """Point cloud in, one logit a point and landmark out; ``heat = sigmoid(logit)``.

    With no mistake switched on, heatmaps do not change when the scan is moved: positions enter as differences alone,
    and the head reads invariants, for each vector v at x with p = x - centroid: ``|v|``, ``v . p / |p|`` and
    ``|v x p| / |p|``, beside the features of degree 0.
    """

    def __init__(self, config: PublishedConfig | None = None) -> None:
        super().__init__()
        self.config = c = config or PublishedConfig()
        passed, inner, last = Fiber({1: c.between}), c.self_interaction, c.last_self_interaction
        first = Fiber({1: 1})
        sources = [first] + [passed] * c.levels
        self.down = nn.ModuleList(Block(sources[i], passed, c, inner) for i in range(c.levels))
        ends = (passed, inner) if c.levels else (c.head_fiber, last)
        self.bottleneck = Block(sources[-1], ends[0], c, ends[1])
        self.up = nn.ModuleList(
            Block(passed, *((c.head_fiber, c, last) if i == c.levels - 1 else (passed, c, inner)))
            for i in range(c.levels)
        )
        self.head = nn.Sequential(
            nn.Linear(c.head_scalars + 3 * c.head_vectors, c.head_hidden),
            nn.ReLU(),
            last_layer := nn.Linear(c.head_hidden, c.landmarks),
        )
        nn.init.constant_(last_layer.bias, -3.0)  # most points are cold; without it all logits sink for good

    def without_original_rounding(self) -> PublishedUnet:
        """The same function by the quick way: heatmaps some 3e-4 from those of ``compat.original_rounding``.

        The network itself where it has no such rounding; else a copy of its weights, those of the two distances added.
        """
        compat = self.config.compat
        if not compat.original_rounding:
            return self
        quick = PublishedUnet(replace(self.config, compat=replace(compat, original_rounding=False)))
        state = {
            name: value.sum(1, keepdim=True) if name.endswith("first.weight") else value
            for name, value in self.state_dict().items()
        }
        quick.load_state_dict(state)
        return quick.to(next(self.parameters())).train(self.training)

    def graph_from_points(self, points: np.ndarray | Tensor) -> Pyramid:
        """What ``forward`` takes, of a cloud (N, 3) or of clouds (B, N, 3)."""
        return Pyramid.from_points(points, self.config)

    def forward(self, pyramid: Pyramid) -> Tensor:
        """Logits (B, N, landmarks) in the order of the points."""
        compat = self.config.compat
        near = [self._neighbourhoods(level, pyramid.batch) for level in pyramid.levels]
        x = {1: (pyramid.levels[0].points if compat.absolute_input else pyramid.centred).unsqueeze(1)}
        skips = []
        for block, level, edges in zip(self.down, pyramid.levels, near, strict=False):
            x = block(x, edges)
            pooled = aggregate(
                x,
                level,
                self.config.pooling,
                componentwise=compat.componentwise_max,
                in_turn=compat.original_rounding,
            )
            skips.append(pooled if compat.aggregated_skip else x)
            x = {degree: value[level.kept] for degree, value in pooled.items()}
        x = self.bottleneck(x, near[len(self.down)])
        for block, level, edges, skip in zip(
            self.up, pyramid.levels[-2::-1], near[-2::-1], skips[::-1], strict=True
        ):
            carried = upsample(
                x, level, known_by_value=compat.known_by_value, in_turn=compat.original_rounding
            )
            x = block({degree: skip[degree] + value for degree, value in carried.items()}, edges)
        read = x[1].flatten(1) if compat.vector_head else invariants(x, pyramid.centred)
        return self.head(read).unflatten(0, (pyramid.batch, -1))

    def _neighbourhoods(self, level: Level, batch: int) -> Neighbourhoods:
        c = self.config
        if c.compat.original_rounding:
            plain = PlainEdges.of(level.span, level.offset, c.max_degree, c.signs)
            return Neighbourhoods(level.index, level.window, plain)
        clouds = 1 if self.training else batch  # in training, all clouds share their knots
        edges = GroupedEdges.sorted(
            level.index, level.window, level.span, level.offset,
            max_degree=c.max_degree, signs=c.signs, batch=clouds, size=c.group_size(len(level.points) // clouds),
        )  # fmt: skip
        graph = DglAttention(level.index, level.window) if c.backend == "dgl" else None
        return Neighbourhoods(level.index, level.window, edges, graph)

    @torch.no_grad()
    def heatmaps(self, points: np.ndarray | Tensor) -> Tensor:
        """Heatmaps (N, L) or (B, N, L) of a cloud or of clouds, nothing done to them before."""
        parameter = next(self.parameters())
        pyramid = self.graph_from_points(points).to(parameter.device, parameter.dtype)
        heat = self(pyramid).sigmoid()
        return heat[0] if points.ndim == 2 else heat


def invariants(x: Features, centred: Tensor) -> Tensor:
    """Features of degree 0, and of each vector its length, its part along the ray from the centroid, and that across.

    Args:
        x: features of degree 0 (M, C0, 1) and 1 (M, C1, 3), either may be missing.
        centred: (M, 3) positions from the centroid; the ray fades out within 0.1 of it.

    Returns:
        (M, C0 + 3 C1).
    """
    parts = [x[0].squeeze(-1)] if 0 in x else []
    if 1 in x:
        ray = centred / (centred.square().sum(-1, keepdim=True) + _NEAR_CENTROID**2).sqrt()
        ray = ray.unsqueeze(1).expand_as(x[1])
        along = (x[1] * ray).sum(-1)
        parts += [_length(x[1]), along, _length(torch.linalg.cross(x[1], ray, dim=-1))]
    return torch.cat(parts, -1)


def _length(vectors: Tensor) -> Tensor:
    """Smooth at zero."""
    return (vectors.square().sum(-1) + 1e-6).sqrt()
