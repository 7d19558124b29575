from __future__ import annotations

import numpy as np
import pytest

import faceviz
from faceviz.display import state
from faceviz.display.settings import Settings
from faceviz.display.wire import scene_to_wire
from faceviz.errors import ConfigError, FileFormatError, NoFaceError
from faceviz.io import write_scan
from faceviz.testing import random_face
from faceviz.view.explore import ALL
from tests.truthful import TruthfulPredictor

SETTINGS = Settings.of(body="network")


def explored(scan=None, **options):
    options = {"predictor": TruthfulPredictor(), "settings": SETTINGS} | options
    return faceviz.explore(random_face(1) if scan is None else scan, **options)


def shown(explorer, name):
    return getattr(explorer.scene, name)


def test_the_picture_is_the_scene_that_every_front_end_makes():
    explorer = explored()
    explorer.controls["turn_y"].value = 30.0
    loaded = explorer.moved.loaded
    pose = SETTINGS.with_(rotation_deg=(0, 30, 0)).pose(loaded.scan.centroid)
    same = state.moved_scene(state.move(loaded.predictor, loaded, pose), explorer.settings)
    wire = scene_to_wire(same)
    for name in ("points", "heat", "pose", "landmarks", "lut"):
        assert shown(explorer, name) == wire[name], name


def test_a_slider_asks_the_network_again_and_moves_the_picture():
    explorer = explored()
    asked, pose = explorer.moved.loaded.predictor.passes, explorer.scene.pose
    explorer.controls["shift_x"].value = 0.5
    assert explorer.moved.loaded.predictor.passes == asked + 1
    assert explorer.scene.pose != pose
    assert explorer.settings.translation == (0.5, 0.0, 0.0)


def test_what_is_only_looks_asks_no_network():
    explorer = explored()
    asked, heat = explorer.moved.loaded.predictor.passes, explorer.scene.heat
    explorer.controls["landmark"].value = 30
    assert explorer.scene.heat != heat and explorer.scene.look["selected"] == 30
    explorer.controls["dark"].value = True
    assert explorer.scene.look["dark"] and explorer.moved.loaded.predictor.passes == asked


def test_a_click_in_the_picture_chooses_the_landmark_in_the_chooser_too():
    explorer = explored()
    explorer.scene.selected, explorer.scene.clicks = 8, 1
    assert explorer.settings.landmark == 8 and explorer.controls["landmark"].value == 8
    explorer.scene.selected, explorer.scene.clicks = -1, 2
    assert explorer.settings.landmark is None and explorer.controls["landmark"].value == ALL


def test_the_numbers_say_what_the_motion_changed():
    honest, leaking = explored(), explored(predictor=TruthfulPredictor(leak=0.3))
    for explorer in (honest, leaking):
        explorer.controls["turn_x"].value = 60.0
    assert honest.moved.change < 1e-6 and f"{honest.moved.change:.1e}" in honest.numbers.value
    assert leaking.moved.change > 0.01 and f"{leaking.moved.change:.1e}" in leaking.numbers.value
    assert "mean IoU" in honest.numbers.value


def test_reset_brings_the_scan_back():
    explorer = explored()
    pose = explorer.scene.pose
    explorer.set(rotation_deg=(10, 20, 30), translation=(0.1, 0, 0))
    assert explorer.scene.pose != pose and explorer.controls["turn_z"].value == 30
    explorer.reset.click()
    np.testing.assert_allclose(
        np.frombuffer(explorer.scene.pose, "<f4"), np.frombuffer(pose, "<f4"), atol=1e-6
    )
    assert explorer.controls["turn_z"].value == 0


def test_several_settings_are_one_step():
    explorer = explored()
    asked = explorer.moved.loaded.predictor.passes
    explorer.set(rotation_deg=(10, 20, 30), translation=(0.1, 0.2, 0.3))
    assert explorer.moved.loaded.predictor.passes == asked + 1
    with pytest.raises(ConfigError, match="did you mean 'landmark'"):
        explorer.set(landmrk=3)


def test_a_second_model_is_shown_beside():
    explorer = explored(second=TruthfulPredictor(leak=0.3), settings=None)
    explorer.controls["turn_x"].value = 60.0
    assert len(explorer.spec.panes) == 2 and explorer.second.change > 0.01 > explorer.moved.change
    explorer.controls["beside"].value = "truth"
    assert explorer.second is None and explorer.spec.panes[1].title == "Truth"


def test_a_scan_without_truth_offers_none():
    explorer = explored(random_face(1).with_(landmarks=None))
    offered = [value for _, value in explorer.controls["beside"].options]
    assert offered == ["nothing"] and len(explorer.spec.panes) == 1
    assert "IoU <b>" not in explorer.numbers.value


def test_a_session_comes_back_with_its_numbers_and_settings(tmp_path):
    from faceviz.display.session import read_session, save_session

    explorer = explored()
    explorer.set(rotation_deg=(0, 40, 0), landmark=30, threshold=0.3)
    save_session(tmp_path / "face.zip", explorer.session)
    again = faceviz.explore(tmp_path / "face.zip", predictor=explorer.moved.loaded.predictor)
    assert again.settings == explorer.settings
    np.testing.assert_array_equal(again.moved.prediction.landmarks, explorer.moved.prediction.landmarks)
    assert again.table == explorer.table == state.moved_table(read_session(tmp_path / "face.zip").moved, 0.3)


def test_files_are_read_and_their_errors_passed_on(tmp_path):
    write_scan(tmp_path / "face.ply", random_face(1))
    assert explored(tmp_path / "face.ply").moved.loaded.scan.source == "face.ply"
    (tmp_path / "bad.ply").write_bytes(b"ply")
    with pytest.raises(FileFormatError, match="^bad.ply: "):
        explored(tmp_path / "bad.ply")
    with pytest.raises(NoFaceError):
        explored(random_face(1).with_(source="noface.ply"))
