import numpy as np
import pytest

from faceviz.evaluation import PROTOCOLS, evaluate_landmarks
from faceviz.evaluation.groups import group_figures
from tests.evaluation.conftest import Oracle


def entry(head, crop, iou):
    return {"source": f"synth:{head}:id7:crop={crop}", "iou": iou}


def test_figures_are_those_of_the_members_alone():
    per_scan = [entry("ict", "tight", 0.4), entry("anny", "bust", 0.8), entry("anny", "tight", 0.6)]
    errors = np.full((3, 68), 1.0)
    errors[1] = np.nan
    errors[2, 17:] = 4.0
    groups = group_figures(per_scan, errors)
    tight, bust = groups["crop"]["tight"], groups["crop"]["bust"]
    assert list(groups["crop"]) == ["tight", "bust"] and list(groups["head"]) == ["anny", "ict"]
    assert (tight.scans, tight.iou, tight.inner_median, tight.no_face) == (2, 0.5, 2.5, 0)
    assert (bust.scans, bust.no_face) == (1, 1) and np.isnan(bust.inner_median)


def test_scans_that_name_no_crop_make_no_group(scans):
    report = evaluate_landmarks(scans, Oracle(scans), [PROTOCOLS["none"]])
    assert report.groups == {} and report.to_dict()["groups"] == {}
    assert report.to_group_table() is None


def test_the_report_groups_its_scans(scans):
    named = [
        s.with_(source=f"synth:ict:id{i}:crop={c}") for i, (s, c) in enumerate(zip(scans, "aab", strict=True))
    ]
    report = evaluate_landmarks(named, Oracle(named, offset=2.0), [PROTOCOLS["none"]])
    row = report.to_dict()["groups"]["crop"]["a"]
    assert row["scans"] == 2 and row["iou"] == 1.0 and row["inner_median"] == pytest.approx(2.0)
    assert report.to_group_table().row_count == 3
