"""The SE(3)-UNet: 68 heatmaps on a point cloud, invariant under rotation and translation by construction."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from faceviz.errors import ConfigError
from faceviz.graph import GraphSettings, SurfaceGraph
from faceviz.landmarks import LANDMARK_COUNT
from faceviz.models.equivariant import (
    EquivariantBlock,
    Features,
    LocalShape,
    Neighbourhood,
    RadialBasis,
    Resize,
    gather,
    interpolate,
    neighbourhood,
    vector_norm,
)
from faceviz.models.settings import check_keys
from faceviz.models.shape_refinement import Refined, ShapeRefinement


@dataclass(frozen=True)
class Se3UnetConfig:
    """Sizes of the network; one entry a level, finest first.

    Attributes:
        sizes: points a level; a smaller cloud uses fewer, a larger one is interpolated from the first level.
        k: neighbours a point (the coarsest level sees all).
        scalars, vectors: feature channels of type 0 and type 1.
        value_scalars, value_vectors: channels that travel along edges.
        encoder, decoder: blocks a level on the way down (the last entry is the bottleneck) and up.
        heads: attention heads.
        radial: radial basis functions, out to the distance ``reach`` in normalised units.
        landmarks: heatmaps at the output.
        refinement: hidden width of the network that joins the 68 heatmaps by the shape of a face
            (`faceviz.models.shape_refinement`); 0 leaves each alone.
        smoothing: share of a logit that is the mean over the point's neighbours. Heat is smooth; the rounding of a
            single point is not, and is averaged away.
    """

    sizes: tuple[int, ...] = (1024, 256, 64)
    k: int = 16
    k_up: int = 4
    scalars: tuple[int, ...] = (64, 96, 128)
    vectors: tuple[int, ...] = (16, 24, 32)
    value_scalars: tuple[int, ...] = (24, 32, 32)
    value_vectors: tuple[int, ...] = (8, 12, 12)
    encoder: tuple[int, ...] = (2, 3, 4)
    decoder: tuple[int, ...] = (2, 2)
    heads: int = 8
    radial: int = 8
    landmarks: int = 68
    refinement: int = 256
    smoothing: float = 0.7
    reach: float = 2.0

    def __post_init__(self) -> None:
        for entry in fields(self):
            if isinstance(getattr(self, entry.name), list):
                object.__setattr__(self, entry.name, tuple(getattr(self, entry.name)))
        levels = len(self.sizes)
        for name in ("scalars", "vectors", "value_scalars", "value_vectors", "encoder"):
            if len(getattr(self, name)) != levels:
                raise ConfigError(
                    f"{name} needs {levels} entries, one a level, got {len(getattr(self, name))}"
                )
        if len(self.decoder) != levels - 1:
            raise ConfigError(f"decoder needs {levels - 1} entries, one for each level but the last")
        if list(self.sizes) != sorted(self.sizes, reverse=True):
            raise ConfigError(f"sizes must not grow from level to level, got {self.sizes}")
        if self.refinement and self.landmarks != LANDMARK_COUNT:
            raise ConfigError(
                f"refinement knows the shape of {LANDMARK_COUNT} landmarks; set it to 0 for {self.landmarks}"
            )

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Se3UnetConfig:
        """Strict: an unknown key is an error that names the nearest."""
        check_keys(values, cls)
        return cls(**values)

    @property
    def graph(self) -> GraphSettings:
        return GraphSettings(self.sizes, self.k, self.k_up)


class Se3Unet(nn.Module):
    """Point cloud in, one logit a point and landmark out; ``heat = sigmoid(logit)``.

    Down: blocks, then a block evaluated at the coarser prefix alone (pooling is a slice of the farthest-point order).
    Up: inverse-distance interpolation, skip, blocks. The head sees invariants only (scalars and lengths of vectors).
    """

    def __init__(self, config: Se3UnetConfig | None = None) -> None:
        super().__init__()
        self.config = c = config or Se3UnetConfig()
        self.bases = nn.ModuleList(RadialBasis(c.radial, scale, c.reach) for scale in _scales(c))
        self.shape = LocalShape(c.scalars[0], c.vectors[0], c.radial)
        self.encoder = nn.ModuleList(self._blocks(level, count) for level, count in enumerate(c.encoder))
        self.pool = nn.ModuleList(self._block(level) for level in range(len(c.decoder)))
        self.widen = nn.ModuleList(_resize(c, level, level + 1) for level in range(len(c.decoder)))
        self.narrow = nn.ModuleList(_resize(c, level + 1, level) for level in range(len(c.decoder)))
        self.decoder = nn.ModuleList(self._blocks(level, count) for level, count in enumerate(c.decoder))
        width = c.scalars[0] + c.vectors[0]
        self.head = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 128), nn.SiLU(), last := nn.Linear(128, c.landmarks)
        )
        nn.init.constant_(last.bias, -3.0)
        self.refinement = ShapeRefinement(c.scalars[0], c.vectors[0], c.refinement) if c.refinement else None

    def _block(self, level: int) -> EquivariantBlock:
        c = self.config
        return EquivariantBlock(
            c.scalars[level],
            c.vectors[level],
            heads=c.heads,
            value_scalars=c.value_scalars[level],
            value_vectors=c.value_vectors[level],
            radial=c.radial,
        )

    def _blocks(self, level: int, count: int) -> nn.ModuleList:
        return nn.ModuleList(self._block(level) for _ in range(count))

    def forward(self, graph: SurfaceGraph) -> Tensor:
        """Logits (B, N, 68) in the graph's order."""
        return self.refined(graph).logits

    def refined(self, graph: SurfaceGraph) -> Refined:
        """Logits in the graph's order, with the first logits and the landmarks that they were made from.

        Without refinement both logits are the same, and landmarks are NaN.
        """
        points = [graph.points[:, :size] for size in graph.sizes]
        near = self._neighbourhoods(graph, points)
        x = self.shape(near[0])
        skips: list[Features] = []
        for level, blocks in enumerate(self.encoder):
            for block in blocks:  # type: ignore[attr-defined]  # a list of modules
                x = block(x, near[level])
            if level < len(self.pool):
                skips.append(x)
                x = self.widen[level](self.pool[level](x, near[level].prefix(points[level + 1].shape[1])))
        for level in reversed(range(len(self.decoder))):
            x = self._up(x, skips[level], level, points, graph.up[level])
            for block in self.decoder[level]:  # type: ignore[attr-defined]
                x = block(x, near[level])
        logits = self._smoothed(self.head(torch.cat([x.scalars, vector_norm(x.vectors)], -1)), near[0])
        if self.refinement is None:
            nowhere = logits.new_full((len(logits), logits.shape[-1], 3), torch.nan)
            out = Refined(logits, logits, nowhere)
        else:
            out = self.refinement(logits, x, points[0])
        if graph.extra.shape[1] == 0:
            return out
        rest = interpolate(out.logits, points[0], graph.extra, graph.points[:, points[0].shape[1] :])
        return out._replace(logits=torch.cat([out.logits, rest], 1))

    def _smoothed(self, logits: Tensor, near: Neighbourhood) -> Tensor:
        """``(1 - a) l_i + a sum_j w_ij l_j`` with the weights that fade at the edge of the neighbourhood."""
        weights = near.log_window.exp()  # (B, M, 1, k)
        mean = ((weights / weights.sum(-1, keepdim=True)) @ gather(logits, near.index)).squeeze(-2)
        return torch.lerp(logits, mean, self.config.smoothing)

    def _neighbourhoods(self, graph: SurfaceGraph, points: list[Tensor]) -> list[Neighbourhood]:
        return [
            neighbourhood(
                cloud,
                table,
                basis,  # type: ignore[arg-type]  # one of the RadialBasis above
                windowed=table.shape[-1] < cloud.shape[1] - 1,
            )
            for cloud, table, basis in zip(points, graph.within, self.bases, strict=True)
        ]

    def _up(self, x: Features, skip: Features, level: int, points: list[Tensor], table: Tensor) -> Features:
        scalars, vectors = self.narrow[level](x)
        joined = torch.cat([scalars, vectors.flatten(-2)], -1)
        joined = interpolate(joined, points[level + 1], table, points[level])
        width = scalars.shape[-1]
        vectors = joined[..., width:].unflatten(-1, (3, -1))
        return Features(skip.scalars + joined[..., :width], skip.vectors + vectors)

    @torch.no_grad()
    def heatmaps(self, points: np.ndarray | Tensor) -> Tensor:
        """Heatmaps (N, 68) or (B, N, 68) in the order of the points, which may be in any pose, normalised in scale."""
        parameter = next(self.parameters())
        graph = SurfaceGraph.from_points(points, self.config.graph).to(parameter.device, parameter.dtype)
        heat = graph.scatter_back(self(graph).sigmoid())
        return heat[0] if points.ndim == 2 else heat


def _resize(c: Se3UnetConfig, source: int, target: int) -> Resize:
    return Resize((c.scalars[source], c.scalars[target]), (c.vectors[source], c.vectors[target]))


def _scales(c: Se3UnetConfig) -> list[float]:
    """The spacing of a level's points on a face of radius 1, about ``1.6 / sqrt(n)``."""
    return [1.6 / size**0.5 for size in c.sizes]
