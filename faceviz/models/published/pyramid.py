"""The levels of a cloud: neighbours, which points are kept, and the weights that carry features back up."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor

from faceviz.errors import ShapeError
from faceviz.geometry.neighbours import knn
from faceviz.geometry.sampling import farthest_point_order, is_farthest_point_order
from faceviz.graph import check_cloud
from faceviz.models.published.config import PublishedConfig

_SPARE = 8


@dataclass(frozen=True, slots=True, eq=False)
class Level:
    """One level of B clouds, their points one after the other: M points with up to k neighbours.

    Attributes:
        points: (M, 3).
        index: (M, k) long, neighbours; ``window`` (M, k) their weights, 0 in an empty place.
        span: (M, k, 3) ``x_i - x_j`` that kernels see; ``offset`` (M, k, 3) that is added to features.
        kept: (M',) long, the points of the next level; empty at the last.
        up: (M, k) weights that carry features from the next level to this, up to a factor for each point; 0 from points
            that were not kept.
        dropped: (M, 1) 1 for points that were not kept.
    """

    points: Tensor
    index: Tensor
    window: Tensor
    span: Tensor
    offset: Tensor
    kept: Tensor
    up: Tensor
    dropped: Tensor

    def to(self, device: torch.device | str | None, dtype: torch.dtype | None) -> Level:
        parts = (getattr(self, entry.name) for entry in fields(self))
        return Level(*(p.to(device, dtype) if p.is_floating_point() else p.to(device) for p in parts))


@dataclass(frozen=True, slots=True, eq=False)
class Pyramid:
    """Levels of ``batch`` clouds of one size, finest first; ``centred`` (M, 3) are positions from the centroids."""

    batch: int
    levels: tuple[Level, ...]
    centred: Tensor

    @classmethod
    def from_points(cls, points: np.ndarray | Tensor, config: PublishedConfig) -> Pyramid:
        """The levels of a cloud (N, 3) or of B clouds (B, N, 3), computed in double precision.

        Raises:
            GeometryError: no more points than neighbours, values that are not finite, or no extent in two directions.
        """
        array = points.detach().cpu().numpy() if isinstance(points, Tensor) else np.asarray(points)
        if array.ndim not in (2, 3) or array.shape[-1] != 3:
            raise ShapeError(f"points must be (N, 3) or (B, N, 3), got {array.shape}")
        clouds = array.reshape(-1, *array.shape[-2:]).astype(np.float64)
        for cloud in clouds:
            check_cloud(cloud, config.k + 1)
        flat = clouds.reshape(-1, 3)
        graph = _first_edges(clouds, config)
        positions, count, levels = flat, clouds.shape[1], []
        for _ in range(config.levels):
            kept = _kept(flat.reshape(len(clouds), -1, 3), _remaining(count, config), config)
            levels.append(_level(flat, positions, graph, kept, config))
            graph = graph.induced(kept, len(flat))
            positions = flat if config.compat.mistaken_pool_positions else flat[kept]
            flat, count = flat[kept], len(kept) // len(clouds)
        levels.append(_level(flat, positions, graph, np.empty(0, dtype=np.int64), config))
        centred = clouds - clouds.mean(axis=1, keepdims=True)
        dtype = torch.float64 if array.dtype == np.float64 else torch.float32
        pyramid = cls(len(clouds), tuple(levels), torch.from_numpy(centred.reshape(-1, 3)))
        return pyramid.to(dtype=dtype)

    def to(self, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> Pyramid:
        """The same on another device, or with another floating type."""
        levels = tuple(level.to(device, dtype) for level in self.levels)
        return Pyramid(self.batch, levels, self.centred.to(device, dtype or self.centred.dtype))

    def scatter_back(self, values: Tensor) -> Tensor:
        """Values (B, N, C) in the order of the input, which a pyramid keeps."""
        return values


@dataclass(frozen=True, slots=True, eq=False)
class _Edges:
    """Directed edges in the order of the original code, which counts on it by mistake."""

    source: np.ndarray  # (E,)
    target: np.ndarray  # (E,)
    window: np.ndarray  # (E,)

    def induced(self, kept: np.ndarray, count: int) -> _Edges:
        """The edges among kept points, renumbered: by source, then in their old order."""
        number = np.full(count, -1)
        number[kept] = np.arange(len(kept))
        source, target = number[self.source], number[self.target]
        inside = np.flatnonzero((source >= 0) & (target >= 0))
        inside = inside[np.argsort(source[inside], kind="stable")]
        return _Edges(source[inside], target[inside], self.window[inside])

    def table(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Edge numbers by target and place (count, k), and which places are filled."""
        degree = np.bincount(self.target, minlength=count)
        order = np.argsort(self.target, kind="stable")
        starts = np.cumsum(degree) - degree
        places = np.arange(max(int(degree.max(initial=0)), 1))
        filled = places < degree[:, None]
        slots = np.where(filled, starts[:, None] + places, 0)
        return (order[slots] if len(order) else slots), filled


def _first_edges(clouds: np.ndarray, config: PublishedConfig) -> _Edges:
    count = clouds.shape[1]
    tables = [_neighbours(cloud, config) for cloud in clouds]
    shift = (np.arange(len(clouds)) * count)[:, None, None]
    source = np.stack([index for index, _ in tables]) + shift
    target = np.arange(len(clouds) * count).repeat(config.k)
    return _Edges(source.reshape(-1), target, np.stack([window for _, window in tables]).reshape(-1))


def _neighbours(cloud: np.ndarray, config: PublishedConfig) -> tuple[np.ndarray, np.ndarray]:
    """The k nearest other points (N, k) and the weight of each, ``(1 - (d / D)^4)^2``, D the distance of the next."""
    single, k = config.compat.single_precision, config.k
    reach = min(k + 2 + (_SPARE if single else 0), len(cloud))
    index, distance = knn(cloud, cloud, reach)
    own = index == np.arange(len(cloud))[:, None]
    own[~own.any(axis=1), -1] = True  # duplicates may hide a point from itself
    index = index[~own].reshape(len(cloud), -1)
    distance = distance[~own].reshape(len(cloud), -1)
    if single:
        squared = _squared(cloud.astype(np.float32)[index] - cloud.astype(np.float32)[:, None])
        nearest = np.argsort(squared, axis=1, kind="stable")
        index, distance = (np.take_along_axis(part, nearest, axis=1) for part in (index, distance))
    if config.compat.hard_edges or index.shape[1] == k:
        return index[:, :k], np.ones((len(cloud), k))
    ratio = distance[:, :k] / np.maximum(distance[:, k : k + 1], 1e-300)
    return index[:, :k], (1.0 - np.minimum(ratio, 1.0) ** 4) ** 2


def _squared(delta: np.ndarray) -> np.ndarray:
    """``(dx^2 + dy^2) + dz^2``, in this order and precision."""
    return delta[..., 0] ** 2 + delta[..., 1] ** 2 + delta[..., 2] ** 2


def _remaining(count: int, config: PublishedConfig) -> int:
    return max(round(count * (1.0 - config.pooling_ratio)), 1)


def _kept(clouds: np.ndarray, count: int, config: PublishedConfig) -> np.ndarray:
    """The farthest points of each cloud (B, N, 3), as indices into all points."""
    if config.compat.single_precision or config.compat.shared_start:
        chosen = _published_farthest_points(clouds, count, config)
    else:
        chosen = [_farthest_points(cloud, count) for cloud in clouds]
    return np.concatenate([c + i * clouds.shape[1] for i, c in enumerate(chosen)])


def _farthest_points(cloud: np.ndarray, count: int) -> np.ndarray:
    """A cloud that already is in farthest-point order keeps it, whatever rounding does to near ties."""
    if is_farthest_point_order(cloud, count):
        return np.arange(count)
    return farthest_point_order(cloud, count)


def _published_farthest_points(clouds: np.ndarray, count: int, config: PublishedConfig) -> list[np.ndarray]:
    """With the original's start and rounding, where these are asked for."""
    clouds = clouds.astype(np.float32) if config.compat.single_precision else clouds
    centroids = clouds.mean(axis=1)
    if config.compat.shared_start:
        starts = [np.linalg.norm(clouds - centroids.mean(axis=0), axis=2).mean(axis=0).argmin()] * len(clouds)
    else:
        starts = [np.linalg.norm(x - c, axis=1).argmin() for x, c in zip(clouds, centroids, strict=True)]
    return [_farthest_from(cloud, count, int(start)) for cloud, start in zip(clouds, starts, strict=True)]


def _farthest_from(cloud: np.ndarray, count: int, start: int) -> np.ndarray:
    order = np.empty(count, dtype=np.int64)
    nearest = np.full(len(cloud), np.inf, dtype=cloud.dtype)
    for i in range(count):
        order[i] = start
        np.minimum(nearest, _squared(cloud - cloud[start]), out=nearest)
        start = int(nearest.argmax())
    return order


def _level(
    points: np.ndarray, positions: np.ndarray, graph: _Edges, kept: np.ndarray, config: PublishedConfig
) -> Level:
    """Tables of one level; kernels see differences of ``positions``, features those of ``points``."""
    edge, filled = graph.table(len(points))
    span = positions[graph.target] - positions[graph.source]
    offset = points[graph.target] - points[graph.source]
    up, dropped = _up_weights(span, graph, kept, len(points), config)
    index = np.where(filled, _taken(graph.source, edge), 0)
    parts = (
        points,
        index,
        np.where(filled, _taken(graph.window, edge), 0.0),
        np.where(filled[..., None], _taken(span, edge), 0.0),
        np.where(filled[..., None], _taken(offset, edge), 0.0),
        kept,
        np.where(filled, _taken(up, edge), 0.0),
        dropped,
    )
    return Level(*(torch.from_numpy(np.ascontiguousarray(part)) for part in parts))


def _taken(values: np.ndarray, edge: np.ndarray) -> np.ndarray:
    """Values of edges by table; a graph without any edge has zeros."""
    return values[edge] if len(values) else np.zeros((*edge.shape, *values.shape[1:]), dtype=values.dtype)


def _up_weights(
    span: np.ndarray, graph: _Edges, kept: np.ndarray, count: int, config: PublishedConfig
) -> tuple[np.ndarray, np.ndarray]:
    """``w_ij ~ d_ij^-p`` of each edge from a kept point (eq. 6 and 7 of the report), up to a factor for each point."""
    known = np.zeros(count, dtype=bool)
    known[kept] = True
    rounded = config.compat.original_rounding
    distance = np.sqrt(_squared(span.astype(np.float32) if rounded else span))
    if config.compat.mistaken_up_distances:
        distance = distance[np.minimum(graph.source, max(len(distance) - 1, 0))]
    weight = (
        graph.window * known[graph.source] * (1.0 / (distance + distance.dtype.type(1e-10)) ** config.power)
    )
    if not rounded:
        total = np.bincount(graph.target, weight, minlength=count)
        weight = weight / np.where(total > 0.0, total, 1.0)[graph.target]
    return weight, (~known[:, None]).astype(np.float64)
