"""Edges sorted by length, in groups that share their radial functions.

Radial functions depend on distance alone. Edges of nearly one length therefore have nearly one kernel: in a group of n
edges of lengths ``a <= d <= b`` it is ``phi(d) = (1 - s) phi(a) + s phi(b)``, ``s = (d - a) / (b - a)``, so that the
radial networks are evaluated once a group, and one matrix product serves all its edges. With n = 1 this is exact; so it
is for the shortest and longest edges, which lie far apart: groups grow with the number of edges beyond them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from faceviz.models.published.basis import frames_along

_CHUNK_EDGES, _PORTION = 4096, 2048
_TAIL = 64


@dataclass(frozen=True, slots=True, eq=False)
class Chunk:
    """Groups of one cloud that are worked on at once: their edges, and their knots in the portion."""

    edges: slice
    knots: slice
    groups: int


@dataclass(frozen=True, slots=True, eq=False)
class Portion:
    """Groups of one cloud whose radial functions are evaluated at once: at one knot more than groups if n > 1."""

    knots: slice
    chunks: tuple[Chunk, ...]


@dataclass(frozen=True, slots=True, eq=False)
class GroupedEdges:
    """The S edges of a level, cloud by cloud and by length, in groups that are filled up to ``size``.

    Attributes:
        size: n, places in a group.
        groups: of each cloud.
        signs: of the change of basis.
        place: (S,) long, where the edge is in the flat neighbour table (M k).
        source: (S,) long, the point that sends.
        real: (S, 1) 1, or 0 for an edge that only fills a group up.
        offset: (S, 3) ``x_i - x_j``.
        knots: (K,) distances at which radial functions are evaluated: the ends of all groups.
        share: (S, 1) where between the ends of its group an edge lies, 0 to 1; empty if n = 1.
        frames: by degree l (2 l + 1, 2 l + 1, S), rotations of the edges to the polar axis, see ``basis.frames_along``.
    """

    size: int
    groups: tuple[int, ...]
    signs: str
    place: Tensor
    source: Tensor
    real: Tensor
    offset: Tensor
    knots: Tensor
    share: Tensor
    frames: list[Tensor]

    @classmethod
    def sorted(
        cls, index: Tensor, window: Tensor, span: Tensor, offset: Tensor, *,
        max_degree: int, signs: str = "positive", batch: int = 1, size: int = 1,
    ) -> GroupedEdges:  # fmt: skip
        """The edges of ``batch`` clouds of one size.

        Args:
            index: (M, k) long, the neighbour j of point i.
            window: (M, k), 0 in an empty place.
            span: (M, k, 3) ``x_i - x_j`` as kernels see it; ``offset`` the same as features see it.
        """
        distance = span.square().sum(-1).sqrt().flatten()
        per_cloud = len(distance) // batch
        clouds = [slice(i * per_cloud, (i + 1) * per_cloud) for i in range(batch)]
        places, real, knots, share, groups = zip(
            *(_cloud(distance, window.flatten(), cloud, size) for cloud in clouds), strict=True
        )
        place = torch.cat(places)
        lengths = distance[place].unsqueeze(-1)
        direction = -span.reshape(-1, 3)[place] / lengths.clamp_min(_tiny(lengths))
        frames = frames_along(direction, max_degree)
        parts = index.flatten()[place], torch.cat(real).to(distance), offset.reshape(-1, 3)[place]
        return cls(size, groups, signs, place, *parts, torch.cat(knots), torch.cat(share), frames)

    def portions(self) -> Iterator[Portion]:
        """The groups in portions, and these in chunks that stay in the processor's cache."""
        first = first_knot = 0
        shared = int(self.size > 1)
        for groups in self.groups:
            for start in range(0, groups, _PORTION):
                count = min(_PORTION, groups - start)
                knots = slice(first_knot + start, first_knot + start + count + shared)
                yield Portion(knots, tuple(self._chunks(first + start, count)))
            first += groups
            first_knot += groups + shared * (groups > 0)

    def _chunks(self, first: int, groups: int) -> Iterator[Chunk]:
        step, shared = max(1, _CHUNK_EDGES // self.size), int(self.size > 1)
        for start in range(0, groups, step):
            count = min(step, groups - start)
            edge = (first + start) * self.size
            yield Chunk(slice(edge, edge + count * self.size), slice(start, start + count + shared), count)


def _cloud(
    distance: Tensor, window: Tensor, cloud: slice, size: int
) -> tuple[Tensor, Tensor, Tensor, Tensor, int]:
    """Of one cloud: places of its edges by length, which are real, knots, shares, and the number of groups."""
    places = torch.nonzero(window[cloud]).flatten() + cloud.start
    order = places[distance[places].argsort(stable=True)]
    lengths = distance[order]
    resting = int((lengths == 0).sum())  # edges without a direction share no group with others
    parts = [_groups(resting, size), _groups(len(order) - resting, size)]
    starts = torch.from_numpy(np.concatenate([parts[0][0], parts[1][0] + resting])).to(order.device)
    sizes = torch.from_numpy(np.concatenate([part[1] for part in parts])).to(order.device)
    within = torch.arange(size, device=order.device)
    real = (within < sizes[:, None]).flatten()[:, None]
    order_of = (starts[:, None] + torch.minimum(within, sizes[:, None] - 1)).flatten()
    if size == 1:
        return order, real, lengths, lengths.new_empty(0), len(starts)
    knots = torch.cat([lengths[starts], lengths[-1:]])
    low, high = knots[:-1, None], knots[1:, None]
    share = (lengths[order_of].view(-1, size) - low) / (high - low).clamp_min(_tiny(knots))
    return order[order_of], real, knots, share.reshape(-1, 1), len(starts)


@lru_cache(maxsize=64)
def _groups(count: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Starts and sizes of groups of ``count`` edges by rank: at most ``size``, fewer towards both ends."""
    rising, total = [], 0
    while (now := total // _TAIL + 1) < size and 2 * (total + now) <= count:
        rising.append(now)
        total += now
    middle, rest = divmod(count - 2 * total, size)
    sizes = [*rising, *[size] * middle, *([rest] if rest else []), *rising[::-1]]
    array = np.array(sizes, dtype=np.int64)
    return np.cumsum(array) - array, array


def _tiny(like: Tensor) -> float:
    return torch.finfo(like.dtype).tiny ** 0.5
