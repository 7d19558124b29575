"""Fibers: how many channels of each degree a feature has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from torch import Tensor

from faceviz.errors import ConfigError

#: The highest degree of a feature that the layers take.
MAX_DEGREE = 3

#: Features of M points by degree l, each (M, channels, 2 l + 1).
Features = dict[int, Tensor]


@dataclass(frozen=True, init=False)
class Fiber(Mapping[int, int]):
    """Channels by degree, such as ``Fiber({0: 5, 1: 5})``; degrees ascend, and a degree without channels is left out.

    Raises:
        ConfigError: a degree outside 0 to 3, a negative number of channels, or no channel at all.
    """

    items_: tuple[tuple[int, int], ...]

    def __init__(self, channels: Mapping[int, int]) -> None:
        for degree, count in channels.items():
            if degree not in range(MAX_DEGREE + 1):
                raise ConfigError(f"degree {degree} is not known; degrees go from 0 to {MAX_DEGREE}")
            if count < 0:
                raise ConfigError(f"degree {degree} cannot have {count} channels; give 0 or more")
        kept = tuple(sorted((degree, count) for degree, count in channels.items() if count))
        if not kept:
            raise ConfigError("a fiber needs at least one channel of some degree")
        object.__setattr__(self, "items_", kept)

    @classmethod
    def full(cls, max_degree: int, channels: int) -> Fiber:
        """The same number of channels for every degree from 0 to ``max_degree``."""
        return cls({degree: channels for degree in range(max_degree + 1)})

    @property
    def dim(self) -> int:
        """All components together: ``sum_l c_l (2 l + 1)``."""
        return sum(count * (2 * degree + 1) for degree, count in self.items_)

    def divided(self, div: int, heads: int = 1) -> Fiber:
        """The channels divided by ``div``, which must leave whole channels for every head."""
        for degree, count in self.items_:
            if count < div or (count // div) % heads:
                raise ConfigError(
                    f"{count} channels of degree {degree} cannot be divided by div={div} into {heads} heads; "
                    f"the nearest number that can is {max(1, round(count / (div * heads))) * div * heads}"
                )
        return Fiber({degree: count // div for degree, count in self.items_})

    def only(self, degrees: Mapping[int, int]) -> Fiber:
        """What remains with the degrees of another fiber."""
        return Fiber({degree: count for degree, count in self.items_ if degree in degrees})

    def joined(self, other: Mapping[int, int]) -> Fiber:
        """Channels of ``other`` added, for the degrees that this fiber has."""
        return Fiber({degree: count + other.get(degree, 0) for degree, count in self.items_})

    def __getitem__(self, degree: int) -> int:
        return dict(self.items_)[degree]

    def __iter__(self) -> Iterator[int]:
        return iter(degree for degree, _ in self.items_)

    def __len__(self) -> int:
        return len(self.items_)
