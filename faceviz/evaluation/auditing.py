"""The audit of a whole data set: scan after scan, then what its landmarks have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from faceviz.errors import ConfigError, NoFaceError
from faceviz.evaluation.audit import LIMIT, TruthAudit, audit_truth
from faceviz.evaluation.corruption import CORRUPTIONS, Trial, try_audit
from faceviz.landmarks import INNER, NAMES
from faceviz.scan import FaceScan
from faceviz.uncertainty import face_rotation

if TYPE_CHECKING:
    from faceviz.pipeline import LandmarkPredictor

#: A convention differs where the mean offset of a landmark exceeds this share of its deviation, and its own standard
#: error by ``_CERTAIN``.
OFFSET = 1.0
_CERTAIN = 4.0
_ENOUGH = 5


@dataclass(frozen=True, slots=True)
class Convention:
    """An inner landmark that lies elsewhere than predicted on all scans alike; the jaw line is no place but a contour.

    Args:
        landmark: its number; ``name`` in words.
        offset: (3,) mean of truth less prediction, in radii of the face region: to the subject's left, up, forward.
        ratio: its length in deviations.
    """

    landmark: int
    name: str
    offset: tuple[float, float, float]
    ratio: float


@dataclass(frozen=True, slots=True, eq=False)
class DataAudit:
    """What an audit of many scans found.

    Args:
        scans: source and audit of each.
        missed: sources in which no face was found.
        conventions: landmarks that are off on all scans alike, the worst first.
        trials: by corruption, how well spoilt truths were found.
        limit: standard deviations.
    """

    scans: tuple[tuple[str, TruthAudit], ...]
    missed: tuple[str, ...]
    conventions: tuple[Convention, ...]
    trials: dict[str, Trial] = field(default_factory=dict)
    limit: float = LIMIT

    @property
    def flagged_landmarks(self) -> int:
        return sum(len(audit.flagged) for _, audit in self.scans)

    @property
    def flagged_scans(self) -> int:
        return sum(not audit.clean for _, audit in self.scans)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "limit": self.limit,
            "scans": [_scan_dict(source, audit) for source, audit in self.scans],
            "no_face_found": list(self.missed),
            "flagged": {"scans": self.flagged_scans, "landmarks": self.flagged_landmarks},
            "conventions": [asdict(convention) for convention in self.conventions],
            "trials": {kind: asdict(trial) for kind, trial in self.trials.items()},
        }


def audit_data(
    scans: Iterable[FaceScan],
    predictor: LandmarkPredictor,
    *,
    limit: float = LIMIT,
    valid: Mapping[str, np.ndarray] | None = None,
    trial_seed: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> DataAudit:
    """Audit the truth of every scan.

    Args:
        scans: each with its true landmarks.
        predictor: a calibrated model.
        limit: standard deviations beyond which a truth is suspect.
        valid: by a scan's source, which of its landmarks (68,) claim to be true; all if not there.
        trial_seed: also spoil each truth in every known way, drawn from this seed, and count what is found.
        progress: called with the number of scans done.

    Raises:
        ConfigError: there are no scans, one has no truth, or the model has no calibration.
    """
    audits, missed, offsets, trials = [], [], [], dict.fromkeys(CORRUPTIONS, Trial())
    for index, scan in enumerate(scans):
        if scan.landmarks is None:
            raise ConfigError(f"{scan.source}: has no true landmarks to audit")
        try:
            prediction = predictor.predict(scan)
        except NoFaceError:
            missed.append(scan.source)
        else:
            audit = audit_truth(prediction, scan.landmarks, limit=limit, known=(valid or {}).get(scan.source))
            audits.append((scan.source, audit))
            offsets.append(_offsets(prediction, scan.landmarks, audit))
            if trial_seed is not None:
                for number, kind in enumerate(CORRUPTIONS):
                    seed = (trial_seed, index, number)
                    trials[kind] += try_audit(prediction, scan.landmarks, kind, seed, limit=limit)
        if progress:
            progress(index + 1)
    if not audits and not missed:
        raise ConfigError("there are no scans to audit")
    conventions = _conventions(np.array(offsets)) if len(offsets) >= _ENOUGH else ()
    return DataAudit(tuple(audits), tuple(missed), conventions, {} if trial_seed is None else trials, limit)


def _offsets(prediction: Any, truth: np.ndarray, audit: TruthAudit) -> np.ndarray:
    """Truth less prediction in the face's axes in radii, and the deviation, (68, 4); NaN where the truth is suspect."""
    away = (truth - prediction.landmarks) @ face_rotation(prediction.landmarks)
    both = np.column_stack([away, prediction.deviation]) / prediction.prepared.radius
    both[list(audit.flagged if audit.whole else ())] = np.nan
    return both


def _conventions(offsets: np.ndarray) -> tuple[Convention, ...]:
    """From (S, 68, 4)."""
    offsets = offsets[np.isfinite(offsets).all(axis=(1, 2))]
    if len(offsets) < _ENOUGH:
        return ()
    mean, spread = offsets[..., :3].mean(axis=0), offsets[..., :3].std(axis=0, ddof=1)
    length = np.linalg.norm(mean, axis=1)
    error = np.sqrt((spread**2).sum(axis=1) / len(offsets))
    ratio = length / np.median(offsets[..., 3], axis=0)
    found = [
        Convention(i, NAMES[i], (float(mean[i, 0]), float(mean[i, 1]), float(mean[i, 2])), float(ratio[i]))
        for i in INNER
        if ratio[i] > OFFSET and length[i] > _CERTAIN * error[i]
    ]
    return tuple(sorted(found, key=lambda convention: -convention.ratio))


def _scan_dict(source: str, audit: TruthAudit) -> dict[str, Any]:
    return {
        "source": source,
        "whole": audit.whole or None,
        "suspects": [{**asdict(suspect), "says": suspect.sentence} for suspect in audit.suspects],
        "widened": round(audit.widened, 4),
        "ratio": [round(float(value), 4) for value in audit.ratio],
    }
