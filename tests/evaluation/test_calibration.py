from __future__ import annotations

import numpy as np
import pytest

from faceviz.errors import ConfigError
from faceviz.evaluation.calibration import Observed, calibration_record, coverage, fit_calibration
from faceviz.evaluation.sources import DataSource
from faceviz.uncertainty import LEVELS, doubt_features

SLOPES = np.array([1.1, 0.4])


def people(count: int, seed: int, *, worse: float = 1.0) -> tuple[Observed, np.ndarray]:
    """Errors drawn from the model itself, Gaussian in a plane, and their true deviations."""
    rng = np.random.default_rng(seed)
    offsets = np.linspace(-8.0, -6.0, 68)
    misfit, confidence = rng.uniform(0.02, 0.4, (count, 68)), rng.uniform(0.5, 0.97, (count, 68))
    deviation = np.exp(0.5 * (offsets + doubt_features(misfit, confidence) @ SLOPES))
    errors = rng.normal(size=(count, 68, 3)) * [1.0, 0.5, 0.0] * deviation[..., None] / np.sqrt(1.25)
    return Observed(worse * errors, misfit, confidence), deviation


def source(name: str) -> DataSource:
    return DataSource(name, f"the {name} people", iter(()))


def test_the_fit_finds_the_model_that_the_errors_were_drawn_from():
    seen, deviation = people(400, 0)
    calibration = fit_calibration(seen)
    np.testing.assert_allclose(calibration.slopes, SLOPES, atol=0.08)
    ratio = calibration.deviation(seen.misfit, seen.confidence) / deviation
    assert abs(np.log(ratio)).mean() < 0.06
    np.testing.assert_allclose(calibration.shapes.mean(axis=0), np.diag([0.8, 0.2, 0.0]), atol=0.02)


def test_the_mean_squared_error_over_deviation_is_one_where_it_was_fitted():
    seen, _ = people(60, 1)
    calibration = fit_calibration(seen)
    ratio = seen.distances / calibration.deviation(seen.misfit, seen.confidence)
    np.testing.assert_allclose((ratio**2).mean(axis=0), 1.0, atol=1e-6)


def test_coverage_on_other_people_is_as_expected_and_falls_where_errors_grew():
    calibration = fit_calibration(people(300, 2)[0])
    good = coverage(calibration, people(300, 3)[0]).mean(axis=1)
    bad = coverage(calibration, people(300, 3, worse=2.0)[0]).mean(axis=1)
    assert np.abs(good - LEVELS).max() < 0.02
    assert bad[LEVELS == 0.9][0] < 0.6


def test_the_record_says_how_it_was_fitted_and_how_well_it_holds():
    fitted, checked = people(120, 4)[0], people(120, 5)[0]
    calibration = fit_calibration(fitted)
    record = calibration_record(calibration, fitted, checked, source("first"), source("second"))
    assert record["fitted_on"]["description"] == "the first people" and record["checked_on"]["scans"] == 120
    assert record["largest_gap"] < 0.03
    assert record["error_over_deviation"]["rms"] == pytest.approx(1.0, abs=0.05)
    assert record["most_uncertain"]["ratio"] > 1.5, "the five most uncertain are not the worst"


def test_too_few_scans_are_refused():
    with pytest.raises(ConfigError, match="at least 20"):
        fit_calibration(people(5, 6)[0])
