from __future__ import annotations

import numpy as np

from faceviz.landmarks import REGIONS
from faceviz.uncertainty import LEVELS
from faceviz.view.calibration import calibration_chart


def test_the_chart_draws_observed_against_expected_coverage_of_all_and_of_each_region():
    observed = np.clip(LEVELS - 0.02, 0.0, 1.0)
    record = {
        "fitted_on": {"description": "some people"},
        "checked_on": {"description": "other people"},
        "curve": {"expected": LEVELS.tolist(), "observed": observed.tolist()},
        "regions": {name: observed.tolist() for name in REGIONS},
        "largest_gap": 0.02,
    }
    (axes,) = calibration_chart("se3unet", record).axes
    lines = {line.get_label(): line for line in axes.lines}
    assert set(lines) == {"perfect", "all 68 landmarks", *(name.replace("_", " ") for name in REGIONS)}
    np.testing.assert_allclose(lines["all 68 landmarks"].get_xdata(), LEVELS)
    np.testing.assert_allclose(lines["all 68 landmarks"].get_ydata(), observed)
    looks = {(line.get_color(), str(line.get_linestyle()), line.get_linewidth()) for line in axes.lines}
    assert len(looks) == len(axes.lines), "two lines cannot be told apart"
    assert "other people" in axes.get_title(loc="left") and "0.020" in axes.texts[0].get_text()
