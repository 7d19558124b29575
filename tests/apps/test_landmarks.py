from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from faceviz.io import write_scan
from faceviz.testing import random_face
from tests.truthful import TruthfulPredictor


def test_the_page_is_made_without_the_libraries_that_only_its_worker_needs():
    code = "import sys, landmarks\nassert not {'torch', 'dgl', 'open3d', 'pyvista'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2] / "apps")


@pytest.fixture
def good_file(tmp_path) -> bytes:
    write_scan(tmp_path / "dropped.ply", random_face(5, 700))
    return (tmp_path / "dropped.ply").read_bytes()


def test_the_first_sample_is_shown_with_its_truth_and_its_numbers(app):
    assert [pane.title for pane in app.page.view.spec.panes] == ["Prediction", "Truth"]
    assert app.page.view.message == ""
    assert re.search(r"0\.\d{3}", app.page.iou.object)
    assert "mm" in app.page.error.object
    assert len(app.page.table.grid.value) == 68


def test_a_motion_is_drawn_and_its_change_is_told(hand, app):
    hand.turn(10, 20, 30, 4, 5, 6)
    np.testing.assert_allclose(app.shown.moved.pose.matrix, app.page.view.spec.pose.matrix)
    assert float(re.search(r'data-change="([^"]+)"', app.page.meter.object)[1]) < 1e-6
    assert app.shown.moves == 1


def test_a_network_that_is_not_invariant_shows_in_red(hand, app, monkeypatch):
    from widgets import jobs

    leaky = TruthfulPredictor(leak=0.1)
    monkeypatch.setattr(jobs, "predictor", lambda _: leaky)
    hand.turn(0, 50, 0, 0, 0, 0)
    assert "broken" in app.page.meter.object


def test_of_many_quick_moves_the_last_one_wins_and_few_passes_are_made(hand, app, predictor):
    predictor.seconds = 0.2
    before = predictor.passes
    for angle in range(60):
        app.page.pose.sliders.values = [float(angle), 0.0, 0.0, 0.0, 0.0, 0.0]
    hand.settle()
    assert predictor.passes - before <= 5
    assert app.shown.moved.pose.rotation == pytest.approx(app.shown.settings.pose(np.zeros(3)).rotation)
    assert app.shown.settings.rotation_deg == (59.0, 0.0, 0.0)


def test_reset_brings_the_scan_back(hand, app):
    hand.turn(10, 20, 30, 4, 5, 6)
    app.page.pose.reset.clicks += 1
    hand.settle()
    np.testing.assert_allclose(app.page.view.spec.pose.matrix, np.eye(4), atol=1e-12)


def test_a_random_pose_moves_sliders_and_scan_alike(hand, app):
    app.page.pose.random.clicks += 1
    hand.settle()
    values = app.page.pose.sliders.values
    assert values[:3] == list(app.shown.settings.rotation_deg) and np.abs(values).max() > 1
    centre = app.shown.moved.loaded.scan.centroid
    np.testing.assert_allclose(app.shown.moved.pose.matrix, app.shown.settings.pose(centre).matrix)


def test_one_selection_joins_picture_table_and_chooser(app):
    app.page.view.param.update(selected=30, clicks=1)
    assert app.page.landmark.value == 30
    row = app.page.table.grid.selection[0]
    assert app.page.table.grid.value.iloc[row]["Landmark"] == "nose tip"
    app.page.table.grid.selection = [0]
    worst = int(app.page.table.grid.value.iloc[0]["#"])
    drawn = json.loads(app.page.view.look)["selected"]
    assert app.page.landmark.value == worst == app.shown.settings.landmark == drawn
    app.page.view.param.update(selected=-1, clicks=2)
    assert app.shown.settings.landmark is None and app.page.table.grid.selection == []


def test_the_threshold_changes_the_iou_and_its_mark(app):
    before = app.page.iou.object
    app.page.threshold.values = [0.7]
    assert app.page.iou.object != before
    assert "at 0.7" in app.page.iou.object
    assert json.loads(app.page.view.look)["bar"]["mark"] == 0.7


def test_a_dropped_file_is_shown_and_named_and_the_sliders_start_anew(hand, app, good_file):
    hand.turn(10, 0, 0, 0, 0, 0)
    hand.drop("dropped.ply", good_file)
    assert app.shown.moved.loaded.scan.source == "dropped.ply"
    assert "dropped.ply" in app.page.sample.options
    assert app.page.sample.value is app.shown.moved.loaded.scan
    assert app.page.pose.sliders.values == [0.0] * 6
    assert "700 points" in app.page.facts.object
    assert app.page.drop[0].value == {}


def test_a_scan_without_truth_says_so(hand, app, good_file):
    hand.drop("dropped.ply", good_file)
    assert "no true landmarks" in app.page.view.spec.panes[0].note
    assert "no truth" in app.page.iou.object and "no truth" in app.page.error.object
    assert app.page.curve.object == ""


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.ply", b""),
        ("text.ply", b"this is no scan at all\n"),
        ("nan.xyz", b"nan 0 0\n" * 50),
        ("few.xyz", "1 2 3\n4 5 6\n"),
        ("cut.ply", b"ply\nformat ascii 1.0\nelement vertex 900000000\nproperty float x\nend_header\n"),
        ("noface.xyz", "\n".join(f"{i} {i * i % 97} {i % 13}" for i in range(400))),
    ],
)
def test_a_bad_file_makes_a_one_line_notice_and_the_former_scan_stays(hand, app, notices, name, content):
    before = app.shown.moved
    hand.drop(name, content)
    assert app.shown.moved is before
    assert len(notices) == 1
    assert name in notices[0] and "\n" not in notices[0] and "; " in notices[0]
    hand.turn(0, 15, 0, 0, 0, 0)
    assert app.shown.moves == 1


def test_an_unforeseen_error_is_a_notice_too_and_the_page_lives_on(
    hand, app, notices, monkeypatch, predictor
):
    monkeypatch.setattr(predictor, "predict_prepared", lambda *_, **__: 1 / 0)
    hand.turn(0, 15, 0, 0, 0, 0)
    assert len(notices) == 1 and "ZeroDivisionError" in notices[0]


def test_a_choice_that_fails_leaves_the_chooser_on_the_scan_that_is_shown(
    hand, app, notices, monkeypatch, predictor
):
    from faceviz.errors import NoFaceError

    first = app.page.sample.value

    def refuse(*_):
        raise NoFaceError("no face was found; crop it")

    with monkeypatch.context() as patch:
        patch.setattr(predictor, "predict", refuse)
        app.page.sample.value = list(app.page.sample.options.values())[1]
        hand.settle()
    assert app.page.sample.value is first
    assert notices == ["sample_smile.ply: no face was found; crop it"]


def test_the_download_holds_68_landmarks_in_the_scans_frame(hand, app):
    still = json.loads(app.page.download.callback().read())
    hand.turn(40, 20, 30, 4, 5, 6)
    moved = json.loads(app.page.download.callback().read())
    np.testing.assert_allclose(moved["landmarks"], still["landmarks"], atol=1e-9)
    assert len(moved["confidence"]) == 68 and moved["model"] == "truthful"


def test_dark_and_light_reach_the_picture(app):
    app._change(dark=True)
    assert json.loads(app.page.view.look)["dark"] is True


def test_without_webgl_the_picture_is_drawn_here(app):
    app.page.view.webgl = "none"
    end = time.monotonic() + 60
    while not app.page.view.picture and time.monotonic() < end:
        time.sleep(0.02)
    assert app.page.view.picture.startswith(b"\x89PNG")


def test_apps_import_neither_torch_nor_models():
    from pathlib import Path

    for file in Path("apps").rglob("*.py"):
        text = file.read_text()
        assert not re.search(r"^\s*(import|from) (torch|faceviz\.models)", text, re.M), file


def test_undo_and_redo_lead_back_and_forth_through_what_was_chosen(hand, app):
    hand.turn(0, 30, 0, 0, 0, 0)
    app.page.landmark.value = 8
    hand.settle()
    app.memory.undo.clicks += 1
    hand.settle()
    assert app.shown.settings.landmark is None and app.page.landmark.value == -1
    app.memory.undo.clicks += 1
    hand.settle()
    assert app.page.pose.sliders.values == [0.0] * 6
    np.testing.assert_allclose(app.shown.moved.pose.matrix, np.eye(4), atol=1e-12)
    app.memory.redo.clicks += 1
    app.memory.redo.clicks += 1
    hand.settle()
    assert app.shown.settings.landmark == 8 and app.shown.moved.pose.rotation[0, 2] == pytest.approx(0.5)
    assert app.page.pose.sliders.values[1] == 30.0


def test_settings_of_an_address_are_shown_and_unknown_models_are_left_out(hand, app):
    from faceviz.display.settings import Settings

    app.recall(
        Settings.from_query(
            {"landmark": "30", "rotation_deg": "0,30,0", "beside": "model", "second": "/etc/passwd"}
        )
    )
    hand.settle()
    assert app.shown.settings.beside == "truth" and app.page.landmark.value == 30
    assert app.shown.moved.pose.rotation[0, 2] == pytest.approx(0.5)
