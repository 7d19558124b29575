from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest

from faceviz.errors import ConfigError, NoFaceError
from faceviz.evaluation import PROTOCOLS, evaluate_landmarks, open_data
from faceviz.evaluation.report import PUBLISHED_IOU
from tests.evaluation.conftest import Brittle, Oracle, bumpy_scan


def test_the_truth_scores_one_under_every_protocol(scans):
    report = evaluate_landmarks(scans, Oracle(scans))
    for result in report.protocols:
        np.testing.assert_array_equal(result.iou, 1.0)
    assert report.invariance_error < 1e-6
    assert [r.name for r in report.protocols] == list(PUBLISHED_IOU)


def test_a_model_of_absolute_coordinates_breaks_when_the_scan_moves_and_is_mended_by_alignment(scans):
    report = evaluate_landmarks(scans[:1], Brittle(scans))
    assert report["none"].mean == 1.0
    assert report["st_t"].mean == report["st_rt"].mean == 0.0
    assert report["st_r"].mean < 0.3
    assert report["icp_rt"].mean > 0.99
    assert report["none"].invariance_error == 0.0
    assert report.invariance_error > 0.9


def test_landmark_errors_are_in_millimetres_whatever_the_unit_of_the_scan():
    scan = bumpy_scan(0, unit="cm")
    report = evaluate_landmarks([scan], Oracle([scan], offset=0.3), [PROTOCOLS["none"]])
    summary = report.landmark_errors.summary()
    assert summary["unit"] == "mm"
    assert [summary["median"], summary["inner_mean"]] == pytest.approx([3.0, 3.0])


def test_landmark_errors_are_in_radii_where_a_unit_is_unknown():
    known, unknown = bumpy_scan(0), bumpy_scan(1, unit="unknown")
    report = evaluate_landmarks([known, unknown], Oracle([known, unknown], offset=5.0), [PROTOCOLS["none"]])
    assert report.landmark_errors.unit == "radii"
    np.testing.assert_allclose(report.landmark_errors.errors[:, 0], [5 / known.radius, 5 / unknown.radius])


def test_scans_without_a_face_are_counted_and_left_out_of_the_landmark_error(scans):
    class Blind(Oracle):
        def predict(self, scan):
            if scan is scans[1]:
                raise NoFaceError("no face")
            return super().predict(scan)

    summary = evaluate_landmarks(
        scans, Blind(scans, offset=2.0), [PROTOCOLS["none"]]
    ).landmark_errors.summary()
    assert summary["no_face_found"] == 1
    assert summary["mean"] == pytest.approx(2.0)


def test_the_report_is_strict_json_and_repeats_itself(scans):
    def run():
        return json.loads(
            evaluate_landmarks(scans[:2], Oracle(scans), seed=3).to_json(), parse_constant=pytest.fail
        )

    first, second = run(), run()
    assert first["protocols"] == second["protocols"]
    assert (first["seed"], first["data"]["scans"]) == (3, 2)
    assert first["protocols"]["st_rt"]["mean"] == 1.0
    assert len(first["protocols"]["none"]["per_landmark"]) == 68
    assert "FaceScape" in first["published"]["note"]


def test_nothing_to_evaluate_is_an_error(scans):
    with pytest.raises(ConfigError, match="no scans"):
        evaluate_landmarks([], Oracle(scans))
    with pytest.raises(ConfigError, match="no protocol"):
        evaluate_landmarks(scans, Oracle(scans), [])


def test_progress_counts_the_scans(scans):
    seen = []
    evaluate_landmarks(scans, Oracle(scans), [PROTOCOLS["none"]], progress=seen.append)
    assert seen == [1, 2, 3]


def test_the_table_shows_our_columns_beside_the_published_ones(scans):
    from rich.console import Console

    console = Console(width=160, record=True, file=open("/dev/null", "w"))
    console.print(evaluate_landmarks(scans[:1], Oracle(scans)).to_table())
    text = console.export_text()
    assert "1.000" in text and "0.520" in text and "FaceScape" in text


def test_each_scan_has_its_own_line_in_the_report(scans):
    report = evaluate_landmarks(scans, Oracle(scans), [PROTOCOLS["none"]])
    lines = report.to_dict()["per_scan"]
    assert [line["source"] for line in lines] == [scan.source for scan in scans]
    assert all(line["iou"] == 1.0 and line["inner_median_error"] == 0.0 for line in lines)


def test_landmarks_without_truth_are_not_measured(scans):
    scan = scans[0].with_(landmarks=scans[0].landmarks + np.eye(68, 3) * 50.0)  # the first three are wrong
    model = Oracle([scans[0]])
    model.predict = lambda _: SimpleNamespace(landmarks=scans[0].landmarks)
    valid = {scan.source: np.arange(68) >= 3}
    report = evaluate_landmarks([scan], model, [PROTOCOLS["none"], PROTOCOLS["st_r"]], valid=valid)
    blind = evaluate_landmarks([scan], model, [PROTOCOLS["none"]])
    assert np.isnan(report["none"].iou[:3]).all() and np.isnan(report["st_r"].iou[:3]).all()
    assert report["none"].mean == 1.0 > blind["none"].mean
    summary = report.landmark_errors.summary()
    assert (summary["mean"], summary["no_face_found"], summary["landmarks_measured"]) == (0.0, 0, 65)
    assert blind.landmark_errors.summary()["mean"] > 1.0


def test_a_folder_tells_which_landmarks_count(tmp_path, scans):
    valid = np.arange(68) % 2 == 0
    np.savez(tmp_path / "a.npz", points=scans[0].points, landmarks=scans[0].landmarks, valid=valid, unit="mm")
    np.savez(tmp_path / "b.npz", points=scans[1].points, landmarks=scans[1].landmarks, unit="mm")
    source = open_data(str(tmp_path))
    report = evaluate_landmarks(source.scans, Oracle(scans), [PROTOCOLS["none"]], valid=source.valid)
    np.testing.assert_array_equal(np.isfinite(report.landmark_errors.errors).sum(axis=1), [34, 68])
    assert list(source.valid) == ["a.npz"]
