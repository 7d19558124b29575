from __future__ import annotations

from dataclasses import replace
from zlib import crc32

import numpy as np
import pytest

from faceviz.errors import ConfigError, ShapeError
from faceviz.evaluation.audit import LIMIT, audit_truth, off_surface
from faceviz.evaluation.auditing import audit_data
from faceviz.evaluation.corruption import CORRUPTIONS, Trial, try_audit
from faceviz.geometry.transforms import random_pose
from faceviz.landmarks import MIRROR, REGIONS
from faceviz.prediction import LandmarkPrediction
from faceviz.scan import FaceScan
from faceviz.testing import random_face
from tests.calibrated import even_calibration
from tests.truthful import TruthfulPredictor


class Calibrated(TruthfulPredictor):
    """Errs by 0.01 radii per axis, and says so."""

    calibration = even_calibration(0.01 * np.sqrt(3.0))

    def predict(self, scan: FaceScan, *, raw: bool = False) -> LandmarkPrediction:
        rng = np.random.default_rng(crc32(scan.source.encode()))
        truth = RIGHT[scan.source] if scan.source in RIGHT else scan.landmarks
        slip = self.error * scan.radius * rng.normal(size=(68, 3))
        found = self.predict_prepared(self.prepare(scan))
        return replace(found, landmarks=truth + slip, calibration=self.calibration)


RIGHT: dict[str, np.ndarray] = {}


@pytest.fixture
def face() -> FaceScan:
    return random_face(3)


@pytest.fixture
def prediction(face) -> LandmarkPrediction:
    return Calibrated().predict(face)


def test_a_truth_that_is_right_is_believed(face, prediction):
    audit = audit_truth(prediction, face.landmarks)
    assert audit.clean and audit.flagged == frozenset()
    assert audit.ratio.max() < LIMIT and audit.widened < 1.3


def test_one_displaced_landmark_is_named_with_its_distance(face, prediction):
    truth = face.landmarks.copy()
    truth[30] += [0.0, 0.0, 0.12 * face.radius]
    (suspect,) = audit_truth(prediction, truth).suspects
    assert suspect.landmark == 30 and suspect.kind in ("far", "off the surface")
    assert suspect.distance == pytest.approx(0.12 * face.radius, rel=0.3)
    assert "deviations from its prediction" in suspect.sentence


def test_swapped_sides_and_permuted_numbers_are_told_apart(face, prediction):
    truth = face.landmarks.copy()
    truth[[36, 45]] = truth[[45, 36]]
    truth[[17, 19, 21]] = truth[[19, 21, 17]]
    audit = audit_truth(prediction, truth)
    kinds = {suspect.landmark: (suspect.kind, suspect.belongs_to) for suspect in audit.suspects}
    assert kinds == {
        36: ("swapped sides", 45), 45: ("swapped sides", 36),
        17: ("other number", 19), 19: ("other number", 21), 21: ("other number", 17),
    }  # fmt: skip


def test_whole_truths_that_are_mirrored_renumbered_or_elsewhere_are_one_finding(face, prediction):
    mirrored = audit_truth(prediction, face.landmarks[MIRROR])
    assert "left and right" in mirrored.whole and mirrored.suspects == () and len(mirrored.flagged) == 68
    counted_from_one = audit_truth(prediction, np.roll(face.landmarks, 5, axis=0))
    assert "another order" in counted_from_one.whole
    in_metres = audit_truth(prediction, face.landmarks / 1000.0)
    assert "another frame, unit" in in_metres.whole


def test_landmarks_that_do_not_claim_to_be_true_are_left_out(face, prediction):
    truth = face.landmarks.copy()
    truth[list(REGIONS["jaw"])] += 0.5 * face.radius
    known = np.ones(68, dtype=bool)
    known[list(REGIONS["jaw"])] = False
    assert audit_truth(prediction, truth, known=known).clean
    assert len(audit_truth(prediction, truth).suspects) == 17


def test_an_audit_does_not_depend_on_the_pose(face):
    truth = face.landmarks.copy()
    truth[[48, 54]] = truth[[54, 48]]
    predictor, pose = Calibrated(), random_pose(np.random.default_rng(5))
    prepared = predictor.prepare(face)
    still = replace(predictor.predict_prepared(prepared), calibration=predictor.calibration)
    moved = replace(predictor.predict_prepared(prepared, pose), calibration=predictor.calibration)
    first, second = audit_truth(still, truth), audit_truth(moved, pose.apply(truth))
    assert first.flagged == second.flagged == {48, 54}
    np.testing.assert_allclose(first.ratio, second.ratio, rtol=1e-6)


def test_positions_over_the_surface_are_off_it_and_those_beside_its_edge_are_not(face, prediction):
    rng = np.random.default_rng(0)
    sheet = np.column_stack([rng.uniform(-1, 1, (4000, 2)) * 100.0, np.zeros(4000)])
    prepared = replace(prediction.prepared, surface=sheet, radius=100.0)
    positions = np.array([[0.0, 0.0, 12.0], [0.0, 0.0, -12.0], [0.0, 0.0, 2.0], [112.0, 0.0, 0.0]])
    assert off_surface(prepared, positions).tolist() == [True, True, False, False]


def test_a_model_without_calibration_cannot_audit(face):
    with pytest.raises(ConfigError, match="faceviz calibrate landmarks"):
        audit_truth(TruthfulPredictor().predict(face), face.landmarks)
    with pytest.raises(ShapeError, match=r"\(68, 3\)"):
        audit_truth(Calibrated().predict(face), face.landmarks[:5])


@pytest.mark.parametrize("kind", CORRUPTIONS)
def test_truths_spoilt_on_purpose_are_found_with_few_false_alarms(kind):
    trials = Trial()
    for seed in range(10):
        face = random_face(seed)
        trials += try_audit(Calibrated().predict(face), face.landmarks, kind, (seed,))
    print(f"{kind}: {trials.found} of {trials.spoilt} found, {trials.false} of {trials.others} false alarms")
    assert trials.found >= 0.9 * trials.spoilt
    assert trials.false <= 0.01 * trials.others


def test_a_convention_that_differs_on_all_scans_is_found_though_no_scan_alone_is_suspect():
    scans = []
    for seed in range(8):
        face = random_face(seed)
        source = f"face {seed}"
        RIGHT[source] = face.landmarks
        lowered = face.landmarks.copy()
        lowered[30] += [0.0, -0.03 * face.radius, 0.0]
        scans.append(face.with_(landmarks=lowered, source=source))
    found = audit_data(scans, Calibrated(), trial_seed=0)
    assert [convention.landmark for convention in found.conventions][:1] == [30]
    assert found.conventions[0].offset[1] < 0 and found.flagged_landmarks <= 2
    assert found.trials["swapped"].found >= 15
    assert found.to_dict()["flagged"]["scans"] == found.flagged_scans
    with pytest.raises(ConfigError, match="no scans"):
        audit_data([], Calibrated())
