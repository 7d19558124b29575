from __future__ import annotations

import json

import numpy as np
import pytest

from faceviz.errors import CheckpointError, ShapeError
from faceviz.geometry.transforms import random_pose
from faceviz.heatmaps import landmarks_to_heatmaps
from faceviz.io.weights import CALIBRATION, read_calibration, write_calibration
from faceviz.landmarks import INNER, MEAN_FACE
from faceviz.uncertainty import LEVELS, Calibration, face_rotation, heat_misfit


def some_calibration(weights: str = "abc") -> Calibration:
    rng = np.random.default_rng(0)
    roots = rng.normal(size=(68, 3, 3))
    shapes = roots @ roots.transpose(0, 2, 1)
    shapes /= np.trace(shapes, axis1=1, axis2=2)[:, None, None]
    quantiles = np.sqrt(-np.log(1.0 - LEVELS))
    offsets, slopes, usual = rng.normal(-7.0, 0.3, 68), np.array([1.0, 0.5]), np.full(68, 0.02)
    return Calibration(offsets, slopes, shapes, quantiles, usual, weights, {})


def cloud(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    points = rng.normal(size=(600, 3)) * [60.0, 70.0, 20.0]
    return points, landmarks_to_heatmaps(points, MEAN_FACE, 11.0)


def test_the_heat_of_one_place_has_no_misfit_and_blurred_heat_has_some():
    points, heat = cloud(np.random.default_rng(1))
    assert heat_misfit(heat, points, MEAN_FACE, 11.0).max() < 1e-5
    assert heat_misfit(0.5 * heat, points, MEAN_FACE, 11.0).min() > 0.1
    with pytest.raises(ShapeError, match="do not fit"):
        heat_misfit(heat[:5], points, MEAN_FACE, 11.0)


def test_misfit_does_not_change_when_scan_and_landmarks_move():
    rng = np.random.default_rng(2)
    points, heat = cloud(rng)
    heat = np.clip(heat * rng.uniform(0.6, 1.0, heat.shape), 0, 1)
    pose = random_pose(rng)
    still = heat_misfit(heat, points, MEAN_FACE, 11.0)
    moved = heat_misfit(heat, pose.apply(points), pose.apply(MEAN_FACE), 11.0)
    np.testing.assert_allclose(moved, still, atol=1e-9)


def test_less_confidence_and_more_misfit_make_a_landmark_less_certain():
    calibration, sure = some_calibration(), np.full(68, 0.9)
    low = calibration.deviation(np.full(68, 0.05), sure)
    assert (calibration.deviation(np.full(68, 0.3), sure) > low).all()
    assert (calibration.deviation(np.full(68, 0.05), sure - 0.4) > low).all()


def test_covariances_turn_with_the_face_and_have_the_deviations_as_size():
    calibration, deviation = some_calibration(), np.linspace(1.0, 3.0, 68)
    pose = random_pose(np.random.default_rng(3))
    still = calibration.covariance(deviation, MEAN_FACE)
    moved = calibration.covariance(deviation, pose.apply(MEAN_FACE))
    np.testing.assert_allclose(moved, pose.rotation @ still @ pose.rotation.T, atol=1e-9)
    np.testing.assert_allclose(np.trace(moved, axis1=1, axis2=2), deviation**2)
    np.testing.assert_allclose(face_rotation(pose.apply(MEAN_FACE)), pose.rotation, atol=1e-9)


def test_landmarks_on_a_line_have_round_covariances():
    line = np.linspace(0.0, 1.0, 68)[:, None] * [1.0, 2.0, 3.0]
    covariance = some_calibration().covariance(np.ones(68), line)
    np.testing.assert_allclose(covariance, np.broadcast_to(np.eye(3) / 3.0, (68, 3, 3)))


def test_reach_and_level_are_inverse():
    calibration = some_calibration()
    for level in (0.1, 0.5, 0.95, 0.99):
        assert calibration.level(np.array(calibration.reach(level))) == pytest.approx(level)
    assert calibration.level(np.array([0.0, 1e3])).tolist() == [0.0, 0.999]


def test_a_calibration_is_read_back_as_it_was_and_only_for_its_own_weights(tmp_path):
    calibration = some_calibration()
    write_calibration(tmp_path, calibration)
    again = read_calibration(tmp_path, "abc")
    np.testing.assert_allclose(again.shapes, calibration.shapes, atol=1e-5)
    np.testing.assert_allclose(again.offsets, calibration.offsets, atol=1e-5)
    assert read_calibration(tmp_path, "other weights") is None
    assert read_calibration(tmp_path / "nowhere", "abc") is None


@pytest.mark.parametrize(
    ("change", "cause"),
    [({"format": 99}, "format 99"), ({"offsets": [1, 2]}, "offsets"), ({"shapes": "round"}, "shapes")],
)
def test_a_damaged_calibration_is_refused_in_one_line(tmp_path, change, cause):
    (tmp_path / CALIBRATION).write_text(json.dumps(some_calibration().to_dict() | change))
    with pytest.raises(CheckpointError, match=f"calibration.json: .*{cause}.*faceviz calibrate") as refusal:
        read_calibration(tmp_path, "abc")
    assert "\n" not in str(refusal.value)
    (tmp_path / CALIBRATION).write_text("[")
    with pytest.raises(CheckpointError, match="cannot be read"):
        read_calibration(tmp_path, "abc")


def test_the_default_model_tells_its_uncertainty_and_moves_it_with_the_scan():
    from faceviz.io import read_scan
    from faceviz.pipeline import LandmarkPredictor

    predictor = LandmarkPredictor.from_pretrained()
    assert predictor.calibration is not None, "the weights changed: run `faceviz calibrate landmarks`"
    prepared = predictor.prepare(read_scan("assets/scans/sample_neutral.ply"))
    still = predictor.predict_prepared(prepared)
    pose = random_pose(np.random.default_rng(4), max_translation=200.0)
    moved = predictor.predict_prepared(prepared, pose)
    assert still.uncertainty_mm.shape == (68,) and 0.5 < np.median(still.uncertainty_mm[list(INNER)]) < 6.0
    np.testing.assert_allclose(moved.uncertainty_mm, still.uncertainty_mm, rtol=1e-3)
    turned = pose.rotation @ still.covariance @ pose.rotation.T
    np.testing.assert_allclose(moved.covariance, turned, atol=2e-2)
    unknown = predictor.predict(prepared.scan.with_(unit="unknown"))
    assert unknown.uncertainty_mm is None and unknown.deviation is not None
