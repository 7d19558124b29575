"""Fits the uncertainty of the landmarks on scans with known truth, and checks on others that it holds."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from faceviz.errors import ConfigError, NoFaceError
from faceviz.evaluation.provenance import provenance
from faceviz.landmarks import INNER, LANDMARK_COUNT, NAMES, REGIONS
from faceviz.scan import FaceScan
from faceviz.uncertainty import LEVELS, Calibration, doubt_features, face_rotation, heat_misfit

if TYPE_CHECKING:
    from faceviz.evaluation.sources import DataSource
    from faceviz.pipeline import LandmarkPrediction, LandmarkPredictor

#: Fewest scans to fit on: each landmark has an offset of its own.
LEAST_SCANS = 20

_STEPS = 200
_SETTLED = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Observed:
    """What was seen of S scans, in radii of the face region.

    Args:
        errors: (S, 68, 3) prediction less truth, in the axes of the mean face.
        misfit, confidence: (S, 68).
        missed: scans in which no face was found.
    """

    errors: np.ndarray
    misfit: np.ndarray
    confidence: np.ndarray
    missed: int = 0

    @property
    def distances(self) -> np.ndarray:
        """(S, 68)."""
        return np.linalg.norm(self.errors, axis=2)


def observe(
    scans: Iterable[FaceScan], predictor: LandmarkPredictor, progress: Callable[[int], None] | None = None
) -> Observed:
    """Predict scans and keep what tells errors from heat.

    Raises:
        ConfigError: a scan lacks its true landmarks, or in none a face was found.
    """
    rows, missed = [], 0
    for index, scan in enumerate(scans):
        if scan.landmarks is None:
            raise ConfigError(f"{scan.source}: has no true landmarks; a calibration needs them")
        try:
            rows.append(_observed(predictor.predict(scan)))
        except NoFaceError:
            missed += 1
        if progress:
            progress(index + 1)
    if not rows:
        raise ConfigError("a face was found in none of the scans; a calibration needs some")
    errors, misfit, confidence = (np.stack(column) for column in zip(*rows, strict=True))
    return Observed(errors, misfit, confidence, missed)


def _observed(prediction: LandmarkPrediction) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    prepared, truth = prediction.prepared, prediction.prepared.scan.landmarks
    misfit = heat_misfit(prediction.point_heatmaps, prediction.points, prediction.landmarks, prepared.sigma)
    away = (prediction.landmarks - truth) @ face_rotation(prediction.landmarks) / prepared.radius
    return away, misfit, prediction.confidence


def fit_calibration(seen: Observed, *, weights: str | None = None) -> Calibration:
    """The calibration that makes ``sum log s^2 + |e|^2 / s^2`` least: then the mean of ``|e|^2 / s^2`` is 1.

    Args:
        seen: at least ``LEAST_SCANS`` scans.
        weights: SHA-256 of the network's weights.

    Raises:
        ConfigError: too few scans.
    """
    count = len(seen.errors)
    if count < LEAST_SCANS:
        raise ConfigError(f"{count} scans are too few for a calibration; give at least {LEAST_SCANS}")
    features = doubt_features(seen.misfit, seen.confidence)
    centre = features.mean(axis=0)  # (68, 2): keeps offsets and slopes apart while they are fitted
    squared = np.maximum((seen.errors**2).sum(axis=2), 1e-12)
    level, slopes = _gamma_regression(features - centre, squared)
    fitted = Calibration(
        offsets=level - centre @ slopes,
        slopes=slopes,
        shapes=np.broadcast_to(np.eye(3) / 3.0, (LANDMARK_COUNT, 3, 3)),
        quantiles=np.zeros(len(LEVELS)),
        usual=np.zeros(LANDMARK_COUNT),
        weights=weights,
        record={},
    )
    deviation = fitted.deviation(seen.misfit, seen.confidence)
    unit = seen.errors / deviation[..., None]
    shapes = np.einsum("sli,slj->lij", unit, unit)
    shapes /= np.trace(shapes, axis1=1, axis2=2)[:, None, None]
    quantiles = np.quantile(seen.distances / deviation, LEVELS)
    usual = np.median(deviation, axis=0)
    return Calibration(fitted.offsets, slopes, shapes, quantiles, usual, weights, {})


def _gamma_regression(features: np.ndarray, squared: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Newton steps on the convex ``sum eta + squared exp(-eta)``, eta = level_l + features . slopes.

    Args:
        features: (S, L, K), of mean 0 for each L.
        squared: (S, L), positive.

    Returns:
        Levels (L,) and slopes (K,).
    """
    scans, width = features.shape[0], features.shape[2]
    slopes = np.zeros(width)
    level = np.log(squared.mean(axis=0))
    for _ in range(_STEPS):
        ratio = squared * np.exp(-level - features @ slopes)
        gradient = ((1.0 - ratio)[..., None] * features).sum(axis=(0, 1))
        curvature = np.einsum("sl,sli,slj->ij", ratio, features, features) + 1e-9 * np.eye(width)
        step = np.linalg.solve(curvature, gradient)
        slopes = slopes - step * min(1.0, 0.5 / max(float(np.abs(step).max()), 1e-12))
        level = np.log((squared * np.exp(-features @ slopes)).sum(axis=0) / scans)
        if np.abs(step).max() < _SETTLED:
            break
    return level, slopes


def coverage(calibration: Calibration, seen: Observed) -> np.ndarray:
    """Share of the truths that lie as near as each of ``LEVELS`` says, (T, 68); over all landmarks: its mean."""
    ratio = seen.distances / calibration.deviation(seen.misfit, seen.confidence)
    return (ratio[None] <= calibration.quantiles[:, None, None]).mean(axis=1)


def calibration_record(
    calibration: Calibration, fitted: Observed, checked: Observed, on: DataSource, against: DataSource
) -> dict[str, Any]:
    """How it was fitted and how well it holds: JSON-ready, kept with the calibration."""
    observed = coverage(calibration, checked)
    mean = observed.mean(axis=1)
    deviation = calibration.deviation(checked.misfit, checked.confidence)
    ratio = checked.distances / deviation
    rms = np.sqrt((ratio**2).mean(axis=0))
    worst = int(np.argmax(np.abs(np.log(rms))))
    return {
        "method": "root-mean-square error by gamma regression (log link) of the squared error on the misfit and the "
        "confidence of each landmark's heat; one offset per landmark; quantiles of error / deviation over all",
        "fitted_on": {**on.describe(), "scans": len(fitted.errors), "no_face_found": fitted.missed},
        "checked_on": {**against.describe(), "scans": len(checked.errors), "no_face_found": checked.missed},
        "curve": {"expected": LEVELS.tolist(), "observed": np.round(mean, 5).tolist()},
        "regions": {
            name: np.round(observed[:, list(members)].mean(axis=1), 4).tolist()
            for name, members in REGIONS.items()
        },
        "largest_gap": round(float(np.abs(mean - LEVELS).max()), 5),
        "error_over_deviation": {
            "rms": round(float(np.sqrt((ratio**2).mean())), 4),
            "inner_rms": round(float(np.sqrt((ratio[:, list(INNER)] ** 2).mean())), 4),
            "worst_landmark": {"landmark": worst, "name": NAMES[worst], "rms": round(float(rms[worst]), 4)},
        },
        "most_uncertain": _most_uncertain(deviation, checked.distances),
        "provenance": provenance(),
    }


def _most_uncertain(deviation: np.ndarray, distances: np.ndarray, count: int = 5) -> dict[str, float]:
    """Are the landmarks that one is told to check worse than usual? Errors relative to each landmark's median."""
    relative = distances / np.median(distances, axis=0)
    doubt = deviation / np.median(deviation, axis=0)
    chosen = np.zeros(distances.shape, dtype=bool)
    np.put_along_axis(chosen, np.argsort(-doubt, axis=1)[:, :count], True, axis=1)
    return {"count": count, "ratio": round(float(relative[chosen].mean() / relative[~chosen].mean()), 3)}
