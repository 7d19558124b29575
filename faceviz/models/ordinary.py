"""An ordinary network on coordinates: edge convolutions in a U-Net. Nothing in it is invariant.

It sees the same graph as ``faceviz.models.se3_unet``, about as many parameters, the same heatmaps at the end; but its
input are the coordinates themselves, so that a scan in another pose is another input. What it knows of poses it must
have seen. Edge convolution: Wang et al. 2019 (DGCNN); levels by farthest points: Qi et al. 2017 (PointNet++).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from faceviz.errors import ConfigError
from faceviz.graph import GraphSettings, SurfaceGraph
from faceviz.models.equivariant import interpolate
from faceviz.models.settings import check_keys
from faceviz.models.spatial_transformer import SpatialTransformer


@dataclass(frozen=True)
class OrdinaryConfig:
    """Sizes of the network; one entry a level, finest first.

    Attributes:
        sizes: points a level; a smaller cloud uses fewer, a larger one is interpolated from the first level.
        k: neighbours a point (the coarsest level sees all).
        channels: features a level; ``messages``: those that travel along edges.
        encoder, decoder: edge convolutions a level on the way down (the last entry is the bottleneck) and up.
        head: width of the head.
        landmarks: heatmaps at the output.
        transformer: whether a spatial transformer turns the cloud first.
    """

    sizes: tuple[int, ...] = (1024, 256, 64, 16)
    k: int = 16
    k_up: int = 4
    channels: tuple[int, ...] = (64, 128, 256, 384)
    messages: tuple[int, ...] = (32, 48, 96, 192)
    encoder: tuple[int, ...] = (1, 2, 3, 2)
    decoder: tuple[int, ...] = (1, 2, 2)
    head: int = 128
    landmarks: int = 68
    transformer: bool = False

    def __post_init__(self) -> None:
        for entry in fields(self):
            if isinstance(getattr(self, entry.name), list):
                object.__setattr__(self, entry.name, tuple(getattr(self, entry.name)))
        levels = len(self.sizes)
        if levels < 2:
            raise ConfigError(f"sizes needs at least two levels, got {self.sizes}")
        for name in ("channels", "messages", "encoder", "decoder"):
            entries = levels - (name == "decoder")
            if len(getattr(self, name)) != entries:
                raise ConfigError(f"{name} needs {entries} entries, got {len(getattr(self, name))}")
        if list(self.sizes) != sorted(self.sizes, reverse=True):
            raise ConfigError(f"sizes must not grow from level to level, got {self.sizes}")
        for name in ("sizes", "channels", "messages"):
            if min(getattr(self, name)) < 1:
                raise ConfigError(f"{name} must be at least 1, got {getattr(self, name)}")
        for name in ("k", "k_up", "head", "landmarks"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} must be at least 1, got {getattr(self, name)}")

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> OrdinaryConfig:
        """Strict: an unknown key is an error that names the nearest."""
        check_keys(values, cls)
        return cls(**values)

    def to_dict(self) -> dict[str, Any]:
        """As plain values, for ``config.json``."""
        return asdict(self)

    @property
    def graph(self) -> GraphSettings:
        return GraphSettings(self.sizes, self.k, self.k_up)


class EdgeConvolution(nn.Module):
    """``x_i + W relu(max_j theta (z_j - z_i) + phi z_i)``, z the normed features with the position beside them.

    Wang et al. 2019, eq. 8, in the form ``relu(max_j theta z_j + (phi - theta) z_i)``: both products cost one row a
    point, none an edge, and the largest of sums that share a term and pass a rising function is where the largest is.
    """

    def __init__(self, source: int, messages: int, target: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(source)
        self.theta = nn.Linear(source + 3, messages, bias=False)
        self.phi = nn.Linear(source + 3, messages)
        self.mix = nn.Linear(messages, target)
        self.skip = nn.Identity() if source == target else nn.Linear(source, target, bias=False)

    def forward(self, x: Tensor, points: Tensor, index: Tensor) -> Tensor:
        """(B, N, C) and positions (B, N, 3) to (B, M, C'): the first M points, whose neighbours are ``index``.

        Args:
            index: (B * M, k) long, into the B * N flattened points.
        """
        count = len(index) // len(x)
        z = torch.cat([self.norm(x), points], -1)
        sent = self.theta(z).flatten(0, 1)
        largest = F.embedding_bag(index, sent, mode="max").unflatten(0, (len(x), count))
        own = self.phi(z[:, :count])
        return self.skip(x[:, :count]) + self.mix(F.relu(largest + own))


class OrdinaryNet(nn.Module):
    """Point cloud in, one logit a point and landmark out; ``heat = sigmoid(logit)``."""

    def __init__(self, config: OrdinaryConfig | None = None) -> None:
        super().__init__()
        self.config = c = config or OrdinaryConfig()
        self.transformer = SpatialTransformer() if c.transformer else None
        first, last = c.channels[0], c.channels[-1]
        self.stem = nn.Sequential(nn.Linear(3, first), nn.ReLU(), nn.Linear(first, first))
        self.encoder = nn.ModuleList(self._blocks(level, count) for level, count in enumerate(c.encoder))
        steps = list(zip(c.channels[:-1], c.messages[:-1], c.channels[1:], strict=True))
        self.pool = nn.ModuleList(EdgeConvolution(*widths) for widths in steps)
        self.narrow = nn.ModuleList(nn.Linear(coarse, fine) for fine, _, coarse in steps)
        self.decoder = nn.ModuleList(self._blocks(level, count) for level, count in enumerate(c.decoder))
        self.local, self.overall = nn.Linear(first, c.head), nn.Linear(last, c.head, bias=False)
        self.norm = nn.LayerNorm(first)
        end = nn.Linear(c.head, c.landmarks)
        nn.init.constant_(end.bias, -3.0)
        self.head = nn.Sequential(nn.ReLU(), nn.Linear(c.head, c.head), nn.ReLU(), end)

    def _blocks(self, level: int, count: int) -> nn.ModuleList:
        width, messages = self.config.channels[level], self.config.messages[level]
        return nn.ModuleList(EdgeConvolution(width, messages, width) for _ in range(count))

    def graph_from_points(self, points: np.ndarray | Tensor) -> SurfaceGraph:
        """What ``forward`` takes, of a cloud (N, 3) or of clouds (B, N, 3): a graph whose points lie where they are."""
        return placed_graph(points, self.config.graph)

    def forward(self, graph: SurfaceGraph) -> Tensor:
        """Logits (B, N, landmarks) in the graph's order."""
        cloud = graph.points if self.transformer is None else self.transformer(graph.points)
        points = [cloud[:, :size] for size in graph.sizes]
        near = [_flat(table, level) for table, level in zip(graph.within, points, strict=True)]
        x, skips = self.stem(points[0]), []
        for level, blocks in enumerate(self.encoder):
            x = _through(blocks, x, points[level], near[level])
            if level < len(self.pool):
                skips.append(x)
                coarse = points[level + 1].shape[1]
                shorter = near[level].unflatten(0, (len(x), -1))[:, :coarse].flatten(0, 1)
                x = self.pool[level](x, points[level], shorter)
        overall = x.amax(dim=1, keepdim=True)
        for level in reversed(range(len(self.decoder))):
            carried = interpolate(self.narrow[level](x), points[level + 1], graph.up[level], points[level])
            x = _through(self.decoder[level], skips[level] + carried, points[level], near[level])
        logits = self.head(self.local(self.norm(x)) + self.overall(overall))
        if graph.extra.shape[1] == 0:
            return logits
        rest = interpolate(logits, points[0], graph.extra, cloud[:, points[0].shape[1] :])
        return torch.cat([logits, rest], 1)

    def penalty(self, graph: SurfaceGraph) -> Tensor:
        """What the loss adds: how far the spatial transformer is from a rotation; zero without one."""
        return (
            graph.points.new_zeros(()) if self.transformer is None else self.transformer.penalty(graph.points)
        )

    @torch.no_grad()
    def heatmaps(self, points: np.ndarray | Tensor) -> Tensor:
        """Heatmaps (N, L) or (B, N, L) of a cloud or of clouds, nothing done to them before."""
        parameter = next(self.parameters())
        graph = self.graph_from_points(points).to(parameter.device, parameter.dtype)
        heat = graph.scatter_back(self(graph).sigmoid())
        return heat[0] if points.ndim == 2 else heat


def placed_graph(points: np.ndarray | Tensor, settings: GraphSettings) -> SurfaceGraph:
    """The graph of a cloud (N, 3) or of clouds (B, N, 3), its points not moved to the centroid.

    Raises:
        GeometryError: as for `SurfaceGraph.from_points`.
    """
    graph = SurfaceGraph.from_points(points, settings)
    given = torch.as_tensor(points).to(graph.points.dtype).reshape(graph.points.shape)
    placed = given.gather(1, graph.order.unsqueeze(-1).expand_as(given))
    return replace(graph, points=placed)


def _through(blocks: Any, x: Tensor, points: Tensor, index: Tensor) -> Tensor:
    for block in blocks:
        x = block(x, points, index)
    return x


def _flat(table: Tensor, points: Tensor) -> Tensor:
    """Neighbours (B, N, k or k + 1) as (B * N, k) rows into the B * N flattened points.

    The last column of a table that does not hold all points is the neighbour beyond the k-th and is not used.
    """
    batch, count = points.shape[:2]
    used = table if table.shape[-1] == count - 1 else table[..., :-1]
    shift = torch.arange(batch, device=table.device).view(-1, 1, 1) * count
    return (used + shift).flatten(0, 1)
