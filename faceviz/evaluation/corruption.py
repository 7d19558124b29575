"""True landmarks spoilt on purpose, seeded, to see whether an audit finds it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from faceviz.errors import ConfigError, nearest_name
from faceviz.evaluation.audit import LIMIT, audit_truth
from faceviz.landmarks import INNER, MIRROR, REGIONS

if TYPE_CHECKING:
    from faceviz.prediction import LandmarkPrediction

#: Displacements, in radii of the face region: about 15 mm on an adult.
FAR = 0.13


def displaced(truth: np.ndarray, radius: float, rng: np.random.Generator) -> tuple[np.ndarray, list[int]]:
    """One inner landmark moved by ``FAR`` radii in any direction."""
    landmark = int(rng.choice(list(INNER)))
    way = rng.normal(size=3)
    return _with(truth, landmark, truth[landmark] + FAR * radius * way / np.linalg.norm(way)), [landmark]


def swapped(truth: np.ndarray, radius: float, rng: np.random.Generator) -> tuple[np.ndarray, list[int]]:
    """One landmark and its mirror image exchange their numbers."""
    pairs = [i for i in INNER if MIRROR[i] > i]
    left = int(rng.choice(pairs))
    return _renumbered(truth, [left, int(MIRROR[left])])


def reversed_region(
    truth: np.ndarray, radius: float, rng: np.random.Generator
) -> tuple[np.ndarray, list[int]]:
    """One eye, brow or lip numbered the other way round."""
    name = rng.choice(["right_brow", "left_brow", "right_eye", "left_eye", "outer_lip", "nose_base"])
    members = list(REGIONS[str(name)])
    spoilt = truth.copy()
    spoilt[members] = truth[members[::-1]]
    return spoilt, [i for i, j in zip(members, members[::-1], strict=True) if i != j]


def lifted(truth: np.ndarray, radius: float, rng: np.random.Generator) -> tuple[np.ndarray, list[int]]:
    """One inner landmark lifted off the face, away from the middle of the landmarks."""
    landmark = int(rng.choice(list(INNER)))
    way = truth[landmark] - truth.mean(axis=0)
    return _with(truth, landmark, truth[landmark] + FAR * radius * way / np.linalg.norm(way)), [landmark]


CORRUPTIONS: dict[str, Callable[..., tuple[np.ndarray, list[int]]]] = {
    "displaced": displaced,
    "swapped": swapped,
    "reversed": reversed_region,
    "lifted": lifted,
}


@dataclass(frozen=True, slots=True)
class Trial:
    """How an audit did on spoilt truths.

    Args:
        spoilt: landmarks that were spoilt, ``found`` those of them that were flagged.
        others: landmarks left alone in the same truths, ``false`` those of them that were flagged.
    """

    spoilt: int = 0
    found: int = 0
    others: int = 0
    false: int = 0

    def __add__(self, other: Trial) -> Trial:
        return Trial(
            self.spoilt + other.spoilt,
            self.found + other.found,
            self.others + other.others,
            self.false + other.false,
        )


def try_audit(
    prediction: LandmarkPrediction, truth: np.ndarray, kind: str, seed: Sequence[int], *, limit: float = LIMIT
) -> Trial:
    """Spoil a truth that is right, and audit it.

    Args:
        truth: (68, 3) in the frame of the prediction.
        kind: one of ``CORRUPTIONS``.
        seed: of the random choices.

    Raises:
        ConfigError: there is no such corruption.
    """
    if kind not in CORRUPTIONS:
        raise ConfigError(f"no corruption named {kind!r}{nearest_name(kind, CORRUPTIONS)}")
    rng = np.random.default_rng(np.random.SeedSequence(list(seed)))
    spoilt, landmarks = CORRUPTIONS[kind](truth, prediction.prepared.radius, rng)
    flagged = audit_truth(prediction, spoilt, limit=limit).flagged
    touched = set(landmarks)
    return Trial(len(touched), len(touched & flagged), len(truth) - len(touched), len(flagged - touched))


def _with(truth: np.ndarray, landmark: int, place: np.ndarray) -> np.ndarray:
    spoilt = truth.copy()
    spoilt[landmark] = place
    return spoilt


def _renumbered(truth: np.ndarray, cycle: list[int]) -> tuple[np.ndarray, list[int]]:
    """The truths of a cycle of numbers passed on to the next."""
    spoilt = truth.copy()
    spoilt[cycle] = truth[cycle[1:] + cycle[:1]]
    return spoilt, cycle
