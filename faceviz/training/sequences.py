"""Rendered sequences on disk as batches: pictures changed at random, the truth as a code or as points."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset, IterableDataset

from faceviz.errors import ConfigError
from faceviz.geometry.geometry_image import mirrored, to_shape
from faceviz.synth.correspondence import geometry_image_of
from faceviz.synth.dataset import cached_head
from faceviz.synth.shards import Shard, read_shard
from faceviz.training.people import People
from faceviz.training.pictures import UNCHANGED, PictureChanges, cut
from faceviz.training.shape_space import ShapeSpace

_REFRESH = 200  # batches between two looks for new shards


class SequenceBatch(NamedTuple):
    """Sequences of several people."""

    images: Tensor  # (B, T, 3, S, S) float32 in [0, 1]
    landmarks: Tensor  # (B, T, 68, 2) in shares of the picture's side
    codes: Tensor  # (B, K + 1) of the neutral face
    shapes: Tensor  # (B, 128, 128, 3) mm
    more_landmarks: Tensor  # (M, T, 68, 2) of people without pictures; as ``landmarks``
    more_codes: Tensor  # (M, K + 1)


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """A neutral face: shape (128, 128, 3) float32 and size, as it is and mirrored."""

    shape: np.ndarray
    size: float
    code: np.ndarray  # (K + 1,)
    mirrored_code: np.ndarray


@dataclass(slots=True, eq=False)
class SequenceFolder:
    """All people in a folder of shards; pictures stay packed, truths are worked out once.

    Args:
        folder: with ``*.npz`` as ``faceviz synth sequences`` writes them.
        space: that codes are written in.
        ict_folder: where the ICT head lies, if not named by the environment.
        limit: of shards, all if not given.
    """

    folder: Path
    space: ShapeSpace
    ict_folder: str | None = None
    limit: int | None = None
    people: list[tuple[Shard, int, Truth]] = field(default_factory=list)
    _known: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.refresh()
        if not self.people:
            raise ConfigError(
                f"{self.folder} holds no shards of sequences; write some with: faceviz synth sequences"
            )

    def refresh(self) -> None:
        """Take in shards that have appeared."""
        for path in sorted(Path(self.folder).glob("*.npz"), key=_number_first)[: self.limit]:
            if path.name not in self._known:
                self._known.add(path.name)
                shard = read_shard(path)
                self.people += [(shard, i, self._truth(shard, i)) for i in range(len(shard))]

    def __len__(self) -> int:
        return len(self.people)

    def _truth(self, shard: Shard, person: int) -> Truth:
        image = geometry_image_of(cached_head(shard.head, self.ict_folder), shard.vertices[person])
        shape, size = to_shape(image)
        code = self.space.code(shape, size)
        return Truth(shape.astype(np.float32), size, code, self.space.code(mirrored(shape), size))


def _number_first(path: Path) -> tuple[str, str]:
    """``anny_00001`` after ``ict_00000``, so that a limit leaves the heads even."""
    head, _, number = path.stem.rpartition("_")
    return number, head


class SequenceBatches(IterableDataset[SequenceBatch]):
    """Batches without end from number ``start`` on, every ``stride``-th; batch ``i`` is drawn by ``i`` alone (once all
    shards are there). ``focus`` is the share of people whose pictures are cut to what a second look sees, ``more`` how
    many of the ``others``, who have no pictures, go with each batch."""

    def __init__(
        self,
        folder: SequenceFolder,
        *,
        batch: int,
        frames: int,
        size: int,
        changes: PictureChanges,
        seed: int,
        start: int = 0,
        stride: int = 1,
        with_shapes: bool = False,
        others: People | None = None,
        more: int = 0,
        focus: float = 0.0,
    ) -> None:
        self.folder, self.batch, self.frames, self.size = folder, batch, frames, size
        self.changes, self.seed, self.start, self.with_shapes = changes, seed, start, with_shapes
        self.others, self.more, self.stride, self.focus = others, more, stride, focus

    def __iter__(self) -> Iterator[SequenceBatch]:
        torch.set_num_threads(1)
        for number in itertools.count(self.start, self.stride):
            if number // self.stride % _REFRESH == 0:
                self.folder.refresh()
            yield self.draw(np.random.default_rng(np.random.SeedSequence([self.seed, number])))

    def draw(self, rng: np.random.Generator) -> SequenceBatch:
        """One batch of random people, frames and order."""
        chosen = rng.integers(len(self.folder), size=self.batch)
        batch = stack([self._example(self.folder.people[i], rng) for i in chosen])
        if not self.more or self.others is None:
            return batch
        unseen = rng.integers(len(self.others.codes), size=self.more)
        frames = rng.permuted(np.tile(np.arange(self.others.landmarks.shape[1]), (self.more, 1)), axis=1)
        marks = self.others.landmarks[unseen[:, None], frames[:, : self.frames]]
        return batch._replace(
            more_landmarks=torch.from_numpy(marks), more_codes=torch.from_numpy(self.others.codes[unseen])
        )

    def _example(self, person: tuple[Shard, int, Truth], rng: np.random.Generator) -> tuple[Tensor, ...]:
        shard, index, truth = person
        mirror, focus = (bool(rng.random() < share) for share in (0.5, self.focus))
        order = rng.permutation(shard.frames)[: self.frames]
        pictures = [
            cut(
                shard.image(index, t),
                shard.landmarks2d[index, t],
                self.size,
                self.changes,
                rng,
                mirror,
                focus,
            )
            for t in order
        ]
        return _example(pictures, truth, mirror, self.with_shapes)


class ValidationSequences(Dataset[SequenceBatch]):
    """People as they were pictured, in order, nothing changed."""

    def __init__(self, folder: SequenceFolder, size: int, frames: int) -> None:
        self.folder, self.size, self.frames = folder, size, frames

    def __len__(self) -> int:
        return len(self.folder)

    def __getitem__(self, index: int) -> SequenceBatch:
        shard, person, truth = self.folder.people[index]
        rng = np.random.default_rng(0)
        pictures = [
            cut(shard.image(person, t), shard.landmarks2d[person, t], self.size, UNCHANGED, rng)
            for t in range(min(self.frames, shard.frames))
        ]
        return stack([_example(pictures, truth, mirror=False, with_shape=True)])


def _example(
    pictures: list[tuple[np.ndarray, np.ndarray]], truth: Truth, mirror: bool, with_shape: bool
) -> tuple[Tensor, ...]:
    """Images, landmarks, code and shape of a person."""
    images, marks = zip(*pictures, strict=True)
    shape = np.zeros((0, 0, 3), dtype=np.float32)
    if with_shape:
        shape = mirrored(truth.shape).astype(np.float32) if mirror else truth.shape
    return (
        torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2),
        torch.from_numpy(np.stack(marks)),
        torch.from_numpy(truth.mirrored_code if mirror else truth.code),
        torch.from_numpy(np.ascontiguousarray(shape)),
    )


def stack(examples: list[tuple[Tensor, ...]]) -> SequenceBatch:
    """Images, landmarks, code and shape of several people as a batch, with nobody unseen."""
    images, marks, codes, shapes = (torch.stack(parts).contiguous() for parts in zip(*examples, strict=True))
    nobody = marks.new_zeros(0, *marks.shape[1:]), codes.new_zeros(0, codes.shape[1])
    return SequenceBatch(images, marks, codes, shapes, *nobody)
