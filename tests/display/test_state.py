from __future__ import annotations

import json

import numpy as np
import pytest

from faceviz.display import state
from faceviz.display.settings import Settings
from faceviz.errors import GeometryError, NoFaceError
from faceviz.geometry.transforms import random_pose
from faceviz.scan import FaceScan
from faceviz.testing import random_face
from tests.truthful import TruthfulPredictor


@pytest.fixture
def predictor():
    return TruthfulPredictor()


@pytest.fixture
def loaded(predictor):
    return state.load(predictor, random_face(1))


def test_each_motion_is_a_pass_of_its_own_through_the_network(predictor, loaded, rng):
    before = predictor.passes
    for _ in range(3):
        state.move(predictor, loaded, random_pose(rng, 100.0))
    assert predictor.passes == before + 3


def test_an_invariant_network_changes_by_rounding_only(predictor, loaded, rng):
    assert state.move(predictor, loaded, random_pose(rng, 100.0)).change < 1e-6


def test_a_network_that_is_not_invariant_is_caught(rng):
    leaky = TruthfulPredictor(leak=0.05)
    moved = state.move(leaky, state.load(leaky, random_face(1)), random_pose(rng, 100.0))
    assert moved.change > 1e-3


def test_a_scan_as_loaded_has_no_change_to_tell(loaded):
    assert state.unmoved(loaded).change is None


def test_table_and_curve_do_not_depend_on_the_motion(predictor, loaded, rng):
    still = state.unmoved(loaded)
    moved = state.move(predictor, loaded, random_pose(rng, 100.0))
    for a, b in zip(state.moved_table(still, 0.2).rows, state.moved_table(moved, 0.2).rows, strict=True):
        assert (a.index, a.iou) == (b.index, b.iou)
        assert a.error == pytest.approx(b.error, abs=1e-9)
    np.testing.assert_allclose(state.moved_curve(still)[1], state.moved_curve(moved)[1])


def test_the_curve_falls_to_the_iou_of_the_table(loaded):
    thresholds, iou = state.moved_curve(state.unmoved(loaded))
    at = int(np.argmin(np.abs(thresholds - 0.2)))
    assert iou[at] == pytest.approx(state.moved_table(state.unmoved(loaded), 0.2).mean_iou)


def test_without_truth_there_is_neither_iou_nor_error_nor_curve(predictor):
    moved = state.unmoved(state.load(predictor, random_face(1).with_(landmarks=None)))
    table = state.moved_table(moved, 0.2)
    assert table.mean_iou is table.median_error is None
    assert state.moved_curve(moved) is None


def test_a_scan_without_a_face_is_refused(predictor):
    with pytest.raises(NoFaceError, match="noface"):
        state.load(predictor, random_face(1).with_(source="noface.ply"))


def test_a_scan_that_cannot_be_worked_on_is_named(predictor):
    few = FaceScan(np.eye(3), source="few.xyz")
    with pytest.raises(GeometryError, match="^few.xyz: 3 points are fewer"):
        state.load(predictor, few)


def test_the_body_of_a_scan_is_made_once(loaded):
    assert loaded.body("points") is loaded.body("points")
    settings = Settings()
    moved = state.unmoved(loaded)
    assert state.moved_scene(moved, settings).body is state.moved_scene(moved, settings).body


def test_two_loads_of_one_file_are_told_apart(predictor):
    keys = {state.load(predictor, random_face(1)).key for _ in range(2)}
    assert len(keys) == 2


def test_the_download_holds_landmarks_in_the_scans_own_frame(predictor, loaded, rng):
    still = state.landmarks_document(state.unmoved(loaded), "m")
    moved = state.landmarks_document(state.move(predictor, loaded, random_pose(rng, 100.0)), "m")
    np.testing.assert_allclose(moved["landmarks"], still["landmarks"], atol=1e-9)
    assert json.loads(json.dumps(moved, allow_nan=False))["unit"] == "mm"


def test_a_random_motion_is_within_the_sliders_and_accepted_by_the_settings(loaded, rng):
    reach = state.translation_reach(loaded.scan)
    assert reach >= state.REACH * loaded.scan.radius
    for _ in range(20):
        settings = Settings().with_(**state.random_motion(loaded.scan, rng))
        assert np.abs(settings.rotation_deg).max() <= 180
        assert np.abs(settings.translation).max() <= reach


def test_with_st_the_network_is_shown_the_moved_points_neither_centred_nor_aligned(loaded, rng):
    prepared, pose = loaded.unmoved.prepared, random_pose(rng, 100.0)
    shown = state.protocol_cloud(prepared, pose, "st")
    expected = (pose.apply(prepared.points) - prepared.centre) / prepared.radius
    np.testing.assert_allclose(shown, expected, atol=1e-12)


@pytest.mark.parametrize("protocol", ["none", "icp"])
def test_with_none_and_icp_the_network_is_shown_the_scan_where_it_was(loaded, rng, protocol):
    prepared = loaded.unmoved.prepared
    shown = state.protocol_cloud(prepared, random_pose(rng, 100.0), protocol)
    np.testing.assert_allclose(shown, prepared.normalised, atol=1e-6)


def test_icp_without_true_landmarks_brings_a_shifted_scan_back(predictor):
    scan = random_face(2).with_(landmarks=None)
    prepared = state.load(predictor, scan).unmoved.prepared
    pose = Settings(rotation_deg=(5, 0, 0), translation=(300, 0, 0)).pose(scan.centroid)
    shown = state.protocol_cloud(prepared, pose, "icp")
    assert np.abs(shown - prepared.normalised).max() < 0.02


def test_a_protocol_that_keeps_the_motion_from_the_network_hides_what_is_wrong_with_it(rng):
    leaky = TruthfulPredictor(leak=0.3)
    loaded, pose = state.load(leaky, random_face(1)), random_pose(rng, 100.0)
    changes = {name: state.move(leaky, loaded, pose, name).change for name in ("none", "icp", "st")}
    assert changes["none"] == 0 and changes["icp"] < 1e-3 < 0.1 < changes["st"]


def test_a_second_model_is_compared_with_itself_unmoved_and_asked_about_the_same_points(loaded, rng):
    leaky = TruthfulPredictor(leak=0.3)
    moved = state.move(leaky, loaded, random_pose(rng, 100.0))
    assert moved.loaded.key == loaded.key and moved.loaded.predictor is leaky
    assert moved.loaded.unmoved.prepared is loaded.unmoved.prepared
    passes = leaky.passes
    state.move(leaky, loaded, random_pose(rng, 100.0))
    assert leaky.passes == passes + 1


def test_two_models_stand_side_by_side_each_with_what_it_makes_of_the_motion(predictor, loaded, rng):
    pose, settings = random_pose(rng, 100.0), Settings(beside="model")
    leaky = TruthfulPredictor(leak=0.3)
    leaky.name = "ordinary"
    first, second = (state.move(model, loaded, pose) for model in (predictor, leaky))
    panes = state.moved_scene(first, settings, second).panes
    assert [pane.title for pane in panes] == ["truthful", "Ordinary"]
    assert "IoU" in panes[0].note and f"{second.change:.1e}" in panes[1].note
    assert panes[1].heat.mean() > panes[0].heat.mean() + 0.1


def test_until_the_second_model_has_answered_the_first_stands_alone(predictor, loaded, rng):
    moved = state.move(predictor, loaded, random_pose(rng, 100.0))
    assert len(state.moved_scene(moved, Settings(beside="model")).panes) == 1
