"""The neighbourhoods of a point cloud at every level of a U-Net, as dense tables."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from faceviz.errors import GeometryError, MissingDependencyError
from faceviz.geometry.neighbours import knn
from faceviz.geometry.sampling import farthest_point_order, is_farthest_point_order

#: A cloud thinner than this, relative to its radius, has no shape to speak of.
_FLAT = 1e-6


@dataclass(frozen=True, slots=True)
class GraphSettings:
    """How a cloud becomes a graph: points a level (each a prefix of the one before) and neighbours a point."""

    sizes: tuple[int, ...] = (1024, 256, 64)
    k: int = 16
    k_up: int = 4

    @property
    def least_points(self) -> int:
        """The smallest cloud that has enough neighbours."""
        return self.k + 2


@dataclass(frozen=True, slots=True, eq=False)
class SurfaceGraph:
    """Clouds of one size with their neighbour tables; a batch of B clouds.

    ``points`` are centred on each cloud's centroid and ordered by farthest points, so that level l is the prefix of
    ``sizes[l]`` points and pooling is a slice. Every table holds one neighbour more than is used: the distance of the
    last one is where weights fade to zero, so that a change of neighbours causes no jump.

    Attributes:
        points: (B, N, 3) in the order of the graph, normalised units.
        order: (B, N) long; ``points = input[order] - centroid``.
        within: per level (B, n_l, k + 1) long, neighbours of each point in its own level, without itself.
        up: per level but the last (B, n_l, k_up + 1) long, neighbours of each point among the next coarser level.
        extra: (B, N - n_0, k_up + 1) long, neighbours in level 0 of the points beyond it.
    """

    points: Tensor
    order: Tensor
    within: tuple[Tensor, ...]
    up: tuple[Tensor, ...]
    extra: Tensor

    @classmethod
    def from_points(cls, points: np.ndarray | Tensor, settings: GraphSettings | None = None) -> SurfaceGraph:
        """The graph of a cloud (N, 3) or of B clouds (B, N, 3), computed in double precision.

        Raises:
            GeometryError: too few points for the neighbourhoods, values that are not finite, or no extent in two
                directions.
        """
        settings = settings or GraphSettings()
        array = points.detach().cpu().numpy() if isinstance(points, Tensor) else np.asarray(points)
        dtype = torch.float64 if array.dtype == np.float64 else torch.float32
        clouds = array[None] if array.ndim == 2 else array
        tables = [_cloud_tables(cloud.astype(np.float64), settings) for cloud in clouds]
        return collate([_to_graph(table, dtype) for table in tables])

    @property
    def sizes(self) -> tuple[int, ...]:
        """Points a level, finest first."""
        return tuple(table.shape[1] for table in self.within)

    def to(self, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> SurfaceGraph:
        """The same graph on another device, or with points of another floating type."""
        return SurfaceGraph(
            self.points.to(dtype or self.points.dtype).to(device),
            self.order.to(device),
            tuple(table.to(device) for table in self.within),
            tuple(table.to(device) for table in self.up),
            self.extra.to(device),
        )

    def to_dgl(self, level: int = 0) -> Any:
        """The k-NN graph of one level as a ``dgl.DGLGraph``, the clouds of the batch side by side.

        Edges run from neighbour j to point i; nodes carry ``x`` (position) and ``order`` (number in the input), edges
        ``d`` (``x_j - x_i``) and ``r`` (its length). The neighbour beyond the k-th, which only marks the edge of a
        neighbourhood, has no edge.

        Raises:
            MissingDependencyError: DGL is not installed.
        """
        dgl = import_dgl()
        points = self.points[:, : self.sizes[level]]
        table = self.within[level][..., :-1]
        batch, count, k = table.shape
        shift = torch.arange(batch, device=table.device).view(-1, 1, 1) * count
        source, target = (
            (table + shift).flatten(),
            torch.arange(batch * count, device=table.device).repeat_interleave(k),
        )
        graph = dgl.graph((source, target), num_nodes=batch * count)
        graph.set_batch_num_nodes(torch.full((batch,), count, device=table.device))
        graph.set_batch_num_edges(torch.full((batch,), count * k, device=table.device))
        graph.ndata["x"] = points.reshape(-1, 3)
        graph.ndata["order"] = self.order[:, :count].reshape(-1)
        graph.edata["d"] = graph.ndata["x"][source] - graph.ndata["x"][target]
        graph.edata["r"] = graph.edata["d"].norm(dim=-1, keepdim=True)
        return graph

    @classmethod
    def from_dgl(cls, graphs: Any, k_up: int = 4) -> SurfaceGraph:
        """The inverse of ``to_dgl``, of the graph of each level, finest first, or of one graph alone.

        Args:
            graphs: ``dgl.DGLGraph``, batched or not, with positions ``ndata["x"]`` and as many edges into every node;
                ``ndata["order"]`` is taken over where it is there. A coarser level has the first points of the finer.
            k_up: neighbours among the next coarser level, for upsampling.

        Raises:
            GeometryError: clouds of different sizes, a node with fewer or more neighbours than the others, or a level
                that is no prefix of the one before.
        """
        graphs = list(graphs) if isinstance(graphs, Sequence) else [graphs]
        clouds = [_level_of_dgl(graph) for graph in graphs]
        points = clouds[0]
        for finer, coarser in zip(clouds[:-1], clouds[1:], strict=True):
            if coarser.shape[1] > finer.shape[1] or not torch.equal(finer[:, : coarser.shape[1]], coarser):
                raise GeometryError(
                    "the points of a coarser level must be the first of the finer; order them so"
                )
        within = tuple(_table_of_dgl(g, x) for g, x in zip(graphs, clouds, strict=True))
        up = tuple(
            torch.stack([_nearest(f, c, k_up) for f, c in zip(*pair, strict=True)])
            for pair in zip(clouds[:-1], clouds[1:], strict=True)
        )
        batch, count, _ = points.shape
        order = graphs[0].ndata.get("order", torch.arange(count, device=points.device).repeat(batch))
        extra = order.new_empty(batch, 0, min(k_up + 1, count))
        return cls(points, order.view(batch, count), within, up, extra)

    def scatter_back(self, values: Tensor) -> Tensor:
        """Values (B, N, C) in the graph's order, put back into the order of the input."""
        index = self.order.unsqueeze(-1).expand_as(values)
        return torch.empty_like(values).scatter(1, index, values)


def import_dgl() -> Any:
    os.environ.setdefault("DGLBACKEND", "pytorch")
    try:
        import dgl
    except (ImportError, OSError) as error:
        raise MissingDependencyError(
            'DGL is not installed (it has wheels for Python up to 3.11 on Linux and macOS); pip install "faceviz[dgl]"'
        ) from error
    return dgl


def _level_of_dgl(graph: Any) -> Tensor:
    """Positions (B, n, 3)."""
    if "x" not in graph.ndata:
        raise GeometryError('the graph has no positions; store them as ndata["x"], (nodes, 3)')
    sizes = graph.batch_num_nodes().unique().tolist()
    if len(sizes) != 1:
        raise GeometryError(f"the clouds of a batch must have one size, got {sizes}; convert them one by one")
    return graph.ndata["x"].view(-1, sizes[0], 3)


def _table_of_dgl(graph: Any, points: Tensor) -> Tensor:
    """Neighbours (B, n, k + 1) in the order of the edges; the last is the nearest of the other points."""
    batch, count, _ = points.shape
    source, target = graph.edges()
    degrees = torch.bincount(target, minlength=batch * count)
    k = int(degrees[0])
    if not (degrees == k).all():
        raise GeometryError(
            f"every point needs as many neighbours as the others, got {int(degrees.min())} to {int(degrees.max())}; "
            "make a k-NN graph"
        )
    if not 0 < k < count - 1:
        raise GeometryError(f"a point needs 1 to {count - 2} neighbours among {count} points, got {k}")
    shift = torch.arange(batch, device=source.device).view(-1, 1, 1) * count
    table = source[target.argsort(stable=True)].view(batch, count, k) - shift
    apart = torch.cdist(points.double(), points.double())
    own = torch.arange(count, device=source.device).expand(batch, count).unsqueeze(-1)
    apart.scatter_(2, torch.cat([table, own], -1), torch.inf)
    return torch.cat([table, apart.argmin(-1, keepdim=True)], -1)


def _nearest(points: Tensor, among: Tensor, k: int) -> Tensor:
    indices = _neighbours(among.cpu().double().numpy(), points.cpu().double().numpy(), k)
    return torch.from_numpy(indices).to(points.device)


def collate(graphs: Sequence[SurfaceGraph]) -> SurfaceGraph:
    """Graphs of equal sizes as one batch."""
    if len(graphs) == 1:
        return graphs[0]
    return SurfaceGraph(
        torch.cat([g.points for g in graphs]),
        torch.cat([g.order for g in graphs]),
        tuple(torch.cat(tables) for tables in zip(*(g.within for g in graphs), strict=True)),
        tuple(torch.cat(tables) for tables in zip(*(g.up for g in graphs), strict=True)),
        torch.cat([g.extra for g in graphs]),
    )


def check_cloud(points: np.ndarray, least_points: int) -> None:
    """Refuse a cloud that has no neighbourhoods to speak of.

    Raises:
        GeometryError: fewer points than neighbours, values that are not finite, or all points on a line.
    """
    if len(points) < least_points:
        raise GeometryError(
            f"{len(points)} points are fewer than the {least_points} that the neighbourhoods need; use a denser scan"
        )
    if not np.isfinite(points).all():
        raise GeometryError("the cloud has NaN or infinite coordinates; remove them")
    spread = np.linalg.svd(points - points.mean(axis=0), compute_uv=False)
    if spread[0] == 0.0:
        raise GeometryError("all points are equal; this is no surface")
    if spread[1] < _FLAT * spread[0]:
        raise GeometryError("all points lie on one line; this is no surface")


#: Points, order, neighbours of each level, upsampling of each level, and of the points beyond the first.
_Tables = tuple[np.ndarray, np.ndarray, list[np.ndarray], list[np.ndarray], np.ndarray]


def _cloud_tables(points: np.ndarray, settings: GraphSettings) -> _Tables:
    check_cloud(points, settings.least_points)
    count = len(points)
    sizes = [min(size, count) for size in settings.sizes]
    order = _level_order(points, sizes)
    ordered = points[order] - points.mean(axis=0)
    within = [
        _neighbours_of_self(ordered[:size], settings.k, dense=i == len(sizes) - 1)
        for i, size in enumerate(sizes)
    ]
    up = [
        _neighbours(ordered[:coarse], ordered[:fine], settings.k_up)
        for fine, coarse in zip(sizes[:-1], sizes[1:], strict=True)
    ]
    extra = _neighbours(ordered[: sizes[0]], ordered[sizes[0] :], settings.k_up)
    return ordered, order, within, up, extra


def _level_order(points: np.ndarray, sizes: Sequence[int]) -> np.ndarray:
    """An order whose prefixes are the levels: by farthest points as far as needed, then as they came."""
    count = len(points)
    needed = sizes[0] if count > sizes[0] else sizes[min(1, len(sizes) - 1)]
    if needed == count or is_farthest_point_order(points, needed):
        return np.arange(count) if needed < count else farthest_point_order(points, count)
    chosen = farthest_point_order(points, needed)
    rest = np.ones(count, dtype=bool)
    rest[chosen] = False
    return np.concatenate([chosen, np.flatnonzero(rest)])


def _neighbours_of_self(points: np.ndarray, k: int, *, dense: bool) -> np.ndarray:
    count = len(points)
    if dense or count <= k + 1:
        table = np.arange(count)[None] + np.arange(1, count)[:, None]
        return (table % count).T
    indices, _ = knn(points, points, k + 2)
    return _without_self(indices)


def _without_self(indices: np.ndarray) -> np.ndarray:
    """Drop each row's own index; with duplicate points it may not come first."""
    own = indices == np.arange(len(indices))[:, None]
    own[~own.any(axis=1), -1] = True
    return indices[~own].reshape(len(indices), -1)


def _neighbours(points: np.ndarray, queries: np.ndarray, k: int) -> np.ndarray:
    reach = min(k + 1, len(points))
    if not len(queries):
        return np.empty((0, reach), dtype=np.int64)
    return knn(points, queries, reach)[0]


def _to_graph(tables: _Tables, dtype: torch.dtype) -> SurfaceGraph:
    points, order, within, up, extra = tables
    return SurfaceGraph(
        torch.from_numpy(points).to(dtype)[None],
        torch.from_numpy(order)[None],
        tuple(torch.from_numpy(np.ascontiguousarray(table))[None] for table in within),
        tuple(torch.from_numpy(np.ascontiguousarray(table))[None] for table in up),
        torch.from_numpy(extra)[None],
    )
