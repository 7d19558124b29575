from __future__ import annotations

import numpy as np
import pytest

from faceviz.display.readings import landmark_table, log_fraction, selected_row
from faceviz.evaluation.audit import Suspect, TruthAudit
from faceviz.heatmaps import landmarks_to_heatmaps
from faceviz.testing import random_face


def table(*, error_at: int = 12, truth: bool = True, **more):
    scan = random_face(1)
    guess = scan.landmarks.copy()
    guess[error_at] += [9.0, 0.0, 0.0]
    heat = landmarks_to_heatmaps(scan.points, guess, 10.0)
    true = landmarks_to_heatmaps(scan.points, scan.landmarks, 10.0)
    confidence = np.linspace(0.5, 1.0, 68)
    return landmark_table(
        confidence,
        heat,
        true if truth else None,
        guess,
        scan.landmarks if truth else None,
        threshold=0.2,
        **more,
    )


def test_the_worst_landmark_comes_first():
    rows = table(mm_per_unit=1.0).rows
    assert rows[0].index == 12
    assert rows[0].error == pytest.approx(9.0)
    assert rows[0].iou < 0.7
    assert all(row.iou == 1.0 for row in rows[1:])


def test_without_truth_the_least_confident_comes_first():
    rows = table(truth=False).rows
    assert [row.index for row in rows] == list(range(68))
    assert rows[0].iou is None and rows[0].error is None


def test_errors_are_in_millimetres_where_the_unit_is_known():
    assert table(mm_per_unit=10.0).rows[0].error == pytest.approx(90.0)
    assert table(mm_per_unit=10.0).unit == "mm"
    assert table().unit == "units"


def test_the_summary_is_that_of_the_rows():
    found = table(mm_per_unit=1.0)
    assert found.worst_error == pytest.approx(9.0)
    assert found.median_error == 0.0
    assert found.mean_iou == pytest.approx(np.mean([row.iou for row in found.rows]))


def test_every_landmark_is_found_in_the_table():
    rows = table().rows
    assert sorted(rows[selected_row(rows, i)].index for i in range(68)) == list(range(68))
    assert selected_row(rows, None) is None


@pytest.mark.parametrize(
    ("value", "fraction"), [(0.0, 0.0), (1e-9, 0.0), (1e-6, 1 / 3), (1.0, 1.0), (7.0, 1.0)]
)
def test_a_logarithmic_scale_runs_from_its_low_to_its_high_end(value, fraction):
    assert log_fraction(value, 1e-9, 1.0) == pytest.approx(fraction)


def test_uncertainty_leads_the_table_where_the_truth_is_unknown_and_names_five_to_check():
    doubt = np.full(68, 2.0)
    doubt[[5, 40, 41, 60, 61]] = [9.0, 8.0, 7.0, 6.0, 5.0]
    table = landmark_table(
        np.full(68, 0.9), np.zeros((4, 68)), None, np.zeros((68, 3)), None,
        threshold=0.2, unit="cm", mm_per_unit=10.0, deviation=doubt, usual=np.full(68, 2.0),
    )  # fmt: skip
    assert [row.index for row in table.rows[:5]] == [5, 40, 41, 60, 61]
    assert table.rows[0].uncertainty == 90.0 and table.check == (5, 40, 41, 60, 61)
    assert table.suspects is None


def test_suspect_truths_are_said_in_their_rows():
    suspect = Suspect(36, "right eye outer corner", "far", 20.0, 9.0)
    audit = TruthAudit((suspect,), "", np.zeros(68), np.zeros(68), 1.0)
    table = landmark_table(
        np.full(68, 0.9),
        np.zeros((4, 68)),
        None,
        np.zeros((68, 3)),
        np.ones((68, 3)),
        threshold=0.2,
        audit=audit,
    )
    said = {row.index: row.suspect for row in table.rows if row.suspect}
    assert said == {36: suspect.sentence} and table.suspects == 1
