"""How features lie side by side: in rows of the neighbour table, along edges, and by order in the frame of an edge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from faceviz.models.published.fibers import Features, Fiber


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


def components(m: int) -> int:
    """How many orders have this |m|."""
    return 2 if m else 1


def spans_of_order(fiber: Mapping[int, int], m: int) -> dict[int, slice]:
    """Where each degree lies among the features of order |m|."""
    spans, first = {}, 0
    for degree, count in fiber.items():
        if degree >= m:
            spans[degree] = slice(first, first := first + components(m) * count)
    return spans


def width_of_order(fiber: Mapping[int, int], m: int) -> int:
    """How many features have order |m|."""
    return sum(components(m) * count for degree, count in fiber.items() if degree >= m)


def frame_rows(m: int) -> slice:
    """Of a frame, those of the orders m and -m."""
    return slice(max(2 * m - 1, 0), 2 * m + 1)
