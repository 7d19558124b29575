from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from faceviz.display.scene import reduce_heat, scene
from faceviz.display.settings import Settings
from faceviz.geometry.transforms import random_pose
from faceviz.testing import random_face
from tests.calibrated import even_calibration
from tests.truthful import TruthfulPredictor


@pytest.fixture
def predictor():
    return TruthfulPredictor()


def test_prediction_and_truth_stand_side_by_side_under_one_range(predictor):
    spec = scene(predictor.predict(random_face(1)), Settings())
    assert [pane.title for pane in spec.panes] == ["Prediction", "Truth"]
    assert spec.heat_range == (0.0, 1.0)
    assert all(pane.heat.shape == (len(spec.body.points),) for pane in spec.panes)


def test_without_truth_there_is_one_pane_that_says_so(predictor):
    spec = scene(predictor.predict(random_face(1).with_(landmarks=None)), Settings())
    assert len(spec.panes) == 1
    assert "no true landmarks" in spec.panes[0].note


def test_the_difference_is_that_of_the_heatmaps(predictor):
    prediction = predictor.predict(random_face(1))
    spec = scene(prediction, Settings.of(beside="difference", landmark=30, body="network"))
    truth = scene(prediction, Settings.of(beside="truth", landmark=30, body="network")).panes[1].heat
    np.testing.assert_allclose(spec.panes[1].heat, np.abs(spec.panes[0].heat - truth), atol=1e-6)


def test_a_perfect_prediction_shows_no_difference():
    class Perfect(TruthfulPredictor):
        def predict_prepared(self, prepared, pose=None):
            from dataclasses import replace

            from faceviz.display.scene import true_heat

            return replace(super().predict_prepared(prepared, pose), point_heatmaps=true_heat(prepared))

    spec = scene(Perfect().predict(random_face(1)), Settings.of(beside="difference"))
    assert spec.panes[1].heat.max() == 0.0


def test_landmarks_are_given_in_the_scans_own_frame_whatever_the_pose(predictor, rng):
    prepared = predictor.prepare(random_face(1))
    still = scene(predictor.predict_prepared(prepared), Settings())
    moved = scene(predictor.predict_prepared(prepared, random_pose(rng, 300.0)), Settings())
    np.testing.assert_allclose(moved.panes[0].landmarks, still.panes[0].landmarks, atol=1e-9)
    np.testing.assert_allclose(moved.body.points, still.body.points, atol=1e-9)
    np.testing.assert_allclose(moved.front.forward, still.front.forward, atol=1e-9)


def test_all_landmarks_show_the_highest_heat_and_one_shows_its_own():
    heat = np.random.default_rng(0).random((50, 68))
    np.testing.assert_array_equal(reduce_heat(heat, None), heat.max(axis=1))
    np.testing.assert_array_equal(reduce_heat(heat, 8), heat[:, 8])


def test_a_calibrated_prediction_brings_the_regions_where_its_truths_lie_whatever_the_pose(predictor, rng):
    prepared, pose = predictor.prepare(random_face(1)), random_pose(rng)
    calibration = even_calibration(0.02)
    still = replace(predictor.predict_prepared(prepared), calibration=calibration)
    moved = replace(predictor.predict_prepared(prepared, pose), calibration=calibration)
    first = scene(still, Settings()).panes[0].spread
    assert (
        first.shape == (68, 3, 3)
        and scene(predictor.predict(random_face(1)), Settings()).panes[0].spread is None
    )
    radius = np.sqrt(2.0 / 3.0) * calibration.reach(0.95) * 0.02 * prepared.radius
    np.testing.assert_allclose(np.linalg.norm(first, axis=1), radius, rtol=1e-6)
    second = scene(moved, Settings()).panes[0].spread
    np.testing.assert_allclose(
        second @ second.transpose(0, 2, 1), first @ first.transpose(0, 2, 1), rtol=1e-5, atol=1e-8
    )


def test_suspect_truths_are_handed_to_the_pane_of_the_truth(predictor):
    spec = scene(predictor.predict(random_face(1)), Settings(), suspects=(8, 30))
    assert spec.panes[0].suspects == () and spec.panes[1].suspects == (8, 30)
    assert "2 suspect" in spec.panes[1].note
