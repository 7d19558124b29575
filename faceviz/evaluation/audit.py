"""Is the truth true? Landmarks that came with a scan, held against a calibrated prediction.

A true landmark is suspect where it lies farther from its prediction than ``LIMIT`` standard deviations, where giving it
another landmark's number explains the places much better, or where it hovers off the scanned surface as well. A scan
that the network finds harder than those of its calibration widens the limit for all its landmarks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from faceviz.errors import ConfigError, ShapeError
from faceviz.geometry.neighbours import knn
from faceviz.landmarks import LANDMARK_COUNT, MIRROR, NAMES

if TYPE_CHECKING:
    from faceviz.prediction import LandmarkPrediction, PreparedScan

#: Standard deviations beyond which a true landmark is suspect.
LIMIT = 4.0

KINDS = ("swapped sides", "other number", "off the surface", "far")

_WIDEST = 2.5  # the limit is raised by at most this on scans that are hard
_FITS = 0.98  # a landmark belongs to another number if it lies within that number's reach at this level
_LOST = 400.0  # squared deviations at which a landmark fits no number
_OFF, _UPRIGHT = (
    0.06,
    0.9,
)  # of the face region's radius; cosine between the way to the surface and its normal
_DISPLACED = 0.5  # share of suspects from which the whole truth is


@dataclass(frozen=True, slots=True)
class Suspect:
    """One true landmark that is not believed.

    Args:
        landmark: its number; ``name`` in words.
        kind: one of ``KINDS``.
        distance: from the truth to the prediction, in the scan's unit.
        ratio: the same in standard deviations, after widening.
        belongs_to: the number whose place it takes, where it seems to have got a wrong one.
    """

    landmark: int
    name: str
    kind: str
    distance: float
    ratio: float
    belongs_to: int | None = None

    @property
    def sentence(self) -> str:
        """For people.

        >>> Suspect(36, "right eye outer corner", "swapped sides", 88.0, 30.0, 45).sentence
        'lies where 45 left eye outer corner is expected: left and right are swapped'
        """
        if self.belongs_to is not None:
            place = f"lies where {self.belongs_to} {NAMES[self.belongs_to]} is expected"
            return place + (": left and right are swapped" if self.kind == "swapped sides" else "")
        if self.kind == "off the surface":
            return f"hovers off the scanned surface, {self.ratio:.1f} deviations from its prediction"
        return f"lies {self.ratio:.1f} deviations from its prediction"


@dataclass(frozen=True, slots=True, eq=False)
class TruthAudit:
    """What an audit of one scan found.

    Args:
        suspects: the worst first; empty where the whole truth is at fault.
        whole: what is wrong with all of it, in words; empty if nothing is.
        distance: (68,) from truth to prediction in the scan's unit.
        ratio: (68,) the same in standard deviations, after widening.
        widened: by how much the deviations were, 1 for a scan like those of the calibration.
    """

    suspects: tuple[Suspect, ...]
    whole: str
    distance: np.ndarray
    ratio: np.ndarray
    widened: float

    @property
    def clean(self) -> bool:
        return not self.suspects and not self.whole

    @property
    def flagged(self) -> frozenset[int]:
        """Numbers of the suspect landmarks, all of them where the whole truth is at fault."""
        return frozenset(
            range(LANDMARK_COUNT) if self.whole else (suspect.landmark for suspect in self.suspects)
        )


def audit_truth(
    prediction: LandmarkPrediction,
    truth: np.ndarray,
    *,
    limit: float = LIMIT,
    known: np.ndarray | None = None,
) -> TruthAudit:
    """Hold a truth against a prediction.

    Args:
        prediction: of the scan, by a calibrated model.
        truth: (68, 3) in the frame of the prediction.
        limit: standard deviations.
        known: (68,) bool, which of them claim to be true; all by default.

    Raises:
        ConfigError: the model has no calibration.
        ShapeError: the truth is no (68, 3).
    """
    truth = np.asarray(truth, dtype=np.float64)
    if truth.shape != (LANDMARK_COUNT, 3):
        raise ShapeError(f"the truth must be (68, 3), got {truth.shape}")
    deviation, calibration = prediction.deviation, prediction.calibration
    if deviation is None or calibration is None:
        raise ConfigError(
            f"the model {prediction.model} has no calibration for these weights; run `faceviz calibrate landmarks`"
        )
    known = np.ones(LANDMARK_COUNT, dtype=bool) if known is None else known
    distance = np.linalg.norm(truth - prediction.landmarks, axis=1)
    squared = np.linalg.norm(truth[:, None] - prediction.landmarks[None], axis=2) ** 2 / deviation**2
    numbers = _numbers(squared)
    settled = np.sqrt(squared[np.arange(LANDMARK_COUNT), numbers])  # swaps must not make a scan look hard
    widened = float(np.clip(np.median(settled[known]) / calibration.reach(0.5), 1.0, _WIDEST))
    ratio = np.sqrt(np.diag(squared)) / widened
    squared = squared / widened**2
    whole = _whole(ratio, numbers, squared, known, limit)
    suspects = () if whole else _suspects(prediction, truth, squared, numbers, known, limit, distance, ratio)
    return TruthAudit(suspects, whole, distance, ratio, widened)


def _numbers(squared: np.ndarray) -> np.ndarray:
    """The numbering of the true landmarks that fits the predicted ones best, (68,)."""
    from scipy.optimize import linear_sum_assignment

    return linear_sum_assignment(np.minimum(squared, _LOST))[1]


def _whole(
    ratio: np.ndarray, numbers: np.ndarray, squared: np.ndarray, known: np.ndarray, limit: float
) -> str:
    """What is wrong with the truth as a whole, if most of it is suspect."""
    if (ratio[known] > limit).mean() < _DISPLACED:
        return ""
    if (np.sqrt(squared[np.arange(LANDMARK_COUNT), MIRROR])[known] < limit).mean() > _DISPLACED:
        return "left and right are swapped in all landmarks"
    if (np.sqrt(squared[np.arange(LANDMARK_COUNT), numbers])[known] < limit).mean() > _DISPLACED:
        return "the landmarks are on the face, but numbered in another order than iBUG's 68, counted from 0"
    return "the landmarks do not lie on the face: another frame, unit, subject or scan"


def _suspects(
    prediction: LandmarkPrediction,
    truth: np.ndarray,
    squared: np.ndarray,
    numbers: np.ndarray,
    known: np.ndarray,
    limit: float,
    distance: np.ndarray,
    ratio: np.ndarray,
) -> tuple[Suspect, ...]:
    assert prediction.calibration is not None  # else there is no deviation to audit by
    renamed = _renamed(squared, numbers, limit, prediction.calibration.reach(_FITS))
    off = off_surface(prediction.prepared, prediction.pose.inverse().apply(truth))
    found = []
    for i in np.flatnonzero(known).tolist():
        kind = ""
        if i in renamed:
            kind = "swapped sides" if MIRROR[i] == renamed[i] else "other number"
        elif ratio[i] > limit or (off[i] and ratio[i] > limit / 2):
            kind = "off the surface" if off[i] else "far"
        if kind:
            found.append(
                Suspect(int(i), NAMES[i], kind, float(distance[i]), float(ratio[i]), renamed.get(int(i)))
            )
    return tuple(sorted(found, key=lambda suspect: (KINDS.index(suspect.kind), -suspect.ratio)))


def _renamed(squared: np.ndarray, numbers: np.ndarray, limit: float, fits: float) -> dict[int, int]:
    """Landmarks that belong to other numbers: cycles of the best numbering that gain more than the limit squared."""
    found: dict[int, int] = {}
    left = set(np.flatnonzero(numbers != np.arange(len(numbers))).tolist())
    while left:
        cycle = [left.pop()]
        while (after := int(numbers[cycle[-1]])) != cycle[0]:
            cycle.append(after)
            left.discard(after)
        own, given = squared[cycle, cycle], squared[cycle, numbers[cycle]]
        if (own - given).sum() > limit**2:
            found |= {i: int(numbers[i]) for i, fit in zip(cycle, given, strict=True) if fit < fits**2}
    return found


def off_surface(prepared: PreparedScan, positions: np.ndarray) -> np.ndarray:
    """Which positions (L, 3) hover over or under the scanned surface, (L,) bool; beside its edges and holes is neither.

    Args:
        prepared: the scan; positions are in its frame and unit.
    """
    points = prepared.surface
    nearest, distances = knn(points, positions, min(24, len(points)))
    patch = points[nearest] - points[nearest].mean(axis=1, keepdims=True)
    normals = np.linalg.eigh(np.einsum("lki,lkj->lij", patch, patch))[1][:, :, 0]
    away = positions - points[nearest[:, 0]]
    upright = np.abs((away * normals).sum(axis=1)) > _UPRIGHT * distances[:, 0]
    return (distances[:, 0] > _OFF * prepared.radius) & upright
