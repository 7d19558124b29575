"""Synthetic scans as a data set: split by person, each sample a function of its index alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np

from faceviz.errors import ConfigError, FacevizError, GeometryError, MissingDependencyError, nearest_name
from faceviz.scan import FaceScan
from faceviz.synth.heads import ParametricHead, load_head
from faceviz.synth.scanner import VirtualScanner

HEADS: tuple[str, ...] = ("ict", "anny")
SPLITS: dict[str, int] = {"train": 0, "val": 1, "test": 2}

#: Raised whenever the same seed gives other scans than before.
GENERATOR_VERSION = 1

_PERSON, _SCAN = 101, 102  # the streams that people and their scans are drawn from
_ATTEMPTS = 10


@dataclass(frozen=True)
class SyntheticScans:
    """``count`` scans of synthetic people, made when asked for; person and scan depend on the index alone.

    Args:
        split: ``"train"``, ``"val"`` or ``"test"``; no person is in two of them.
        count: number of scans.
        seed: of the whole data set; another seed, other people.
        sources: heads to take turns with, person by person; see ``available_sources``.
        folder: where the ICT head lies, if not named by the environment.
        scans_per_person: successive indices that share a person.
        scanner: how they are scanned.
    """

    split: str
    count: int
    seed: int = 0
    sources: tuple[str, ...] = HEADS
    folder: str | None = None
    scans_per_person: int = 1
    scanner: VirtualScanner = field(default_factory=VirtualScanner)

    def __post_init__(self) -> None:
        if self.split not in SPLITS:
            raise ConfigError(f"no split named {self.split!r}{nearest_name(self.split, SPLITS)}")
        if self.count < 1:
            raise ConfigError(f"count={self.count}; ask for at least one scan")
        if self.seed < 0:
            raise ConfigError(f"seed={self.seed}; a seed is 0 or more")
        if self.scans_per_person < 1:
            raise ConfigError(f"scans_per_person={self.scans_per_person}; it is 1 or more")
        check_sources(self.sources)

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> FaceScan:
        """Scan ``index``, 8192 points in mm with landmarks; its source is ``synth:HEAD:idPERSON:crop=CROP``."""
        index = range(self.count)[index]
        for attempt in range(_ATTEMPTS):
            try:
                return self._scan(index, attempt)
            except GeometryError:  # the crop left nothing in sight: draw another
                continue
        raise GeometryError(f"scan {index}: {_ATTEMPTS} crops in a row held no surface; widen the crops")

    def __iter__(self) -> Iterator[FaceScan]:
        return (self[index] for index in range(self.count))

    def person(self, index: int) -> int:
        """Number of the person of a scan within the split."""
        return range(self.count)[index] // self.scans_per_person

    def head_name(self, index: int) -> str:
        """The head that a scan is made from."""
        return self.sources[self.person(index) % len(self.sources)]

    def identity(self, index: int) -> np.ndarray:
        """Identity coefficients (K,) of the person of a scan."""
        return self._head(index).sample_identity(self._rng(_PERSON, self.person(index)))

    def _head(self, index: int) -> ParametricHead:
        return cached_head(self.head_name(index), self.folder)

    def _rng(self, *stream: int) -> np.random.Generator:
        return np.random.default_rng(np.random.SeedSequence([self.seed, SPLITS[self.split], *stream]))

    def _scan(self, index: int, attempt: int) -> FaceScan:
        rng = self._rng(_SCAN, index, attempt)
        source = f"synth:{self.head_name(index)}:id{self.person(index)}"
        mesh = self._head(index).sample(rng, identity=self.identity(index), source=source)
        return self.scanner.scan(mesh, rng)


def synthetic_scans(
    split: str, count: int, seed: int = 0, source: str | Sequence[str] = "both", **settings: Any
) -> SyntheticScans:
    """Synthetic scans of the heads that are there; ``.sources`` says which.

    Args:
        split, count, seed, settings: as in SyntheticScans.
        source: ``"ict"``, ``"anny"``, ``"both"`` or several names; of several, what cannot be loaded is left out.

    Raises:
        MissingDependencyError, FileFormatError: a head asked for by name, or every one, cannot be loaded.
    """
    found, _ = available_sources(source, settings.get("folder"))
    return SyntheticScans(split, count, seed, found, **settings)


def available_sources(
    source: str | Sequence[str] = "both", folder: str | None = None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The heads that can be loaded, and a sentence for each that cannot.

    Raises:
        MissingDependencyError, FileFormatError: the only head asked for cannot be loaded.
    """
    wanted = source_names(source)
    found, notes, problems = [], [], []
    for name in wanted:
        try:
            cached_head(name, folder)
            found.append(name)
        except FacevizError as error:
            problems.append(error)
            notes.append(f"without the head {name!r}: {error}")
    if not found:
        if len(problems) == 1:
            raise problems[0]
        raise MissingDependencyError("no parametric head can be loaded; " + " | ".join(map(str, problems)))
    return tuple(found), tuple(notes)


def source_names(source: str | Sequence[str]) -> tuple[str, ...]:
    """``"both"``, one name or several as a tuple of checked names."""
    if isinstance(source, str):
        source = HEADS if source == "both" else (source,)
    return check_sources(tuple(source))


def check_sources(sources: tuple[str, ...]) -> tuple[str, ...]:
    """The names as given, if all are known and none comes twice."""
    for name in sources:
        if name not in HEADS:
            raise ConfigError(f"no parametric head named {name!r}{nearest_name(name, (*HEADS, 'both'))}")
    if not sources or len(set(sources)) < len(sources):
        raise ConfigError(f"sources={sources}; name each head once: {', '.join(HEADS)}")
    return sources


@lru_cache(maxsize=4)
def cached_head(name: str, folder: str | None) -> ParametricHead:
    """``load_head``, loaded once."""
    return load_head(name, folder if name == "ict" else None)


def crop_name(source: str) -> str:
    """The crop recorded in a synthetic scan's source.

    >>> crop_name("synth:anny:id3:crop=tight")
    'tight'
    """
    return source.rpartition("crop=")[2]


def crop_counts(sources: Sequence[str]) -> dict[str, int]:
    """How many scans have each crop, by name."""
    return dict(sorted(Counter(map(crop_name, sources)).items()))
