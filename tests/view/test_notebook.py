from __future__ import annotations

import numpy as np
import pytest

from faceviz.display.settings import Settings
from faceviz.display.wire import BINARY
from faceviz.geometry.transforms import random_pose
from faceviz.testing import random_face
from faceviz.view.notebook import view_prediction
from tests.truthful import TruthfulPredictor


@pytest.fixture
def widget():
    return view_prediction(TruthfulPredictor().predict(random_face(1)), settings=Settings.of(body="network"))


def test_the_widget_carries_all_that_the_viewer_reads(widget):
    assert all(getattr(widget, name) for name in BINARY if name != "triangles")
    assert widget.look["height"] == 480


def test_every_value_that_the_viewer_reads_is_synced(widget):
    synced = set(widget.traits(sync=True))
    assert {*BINARY, "look", "tick", "message", "picture", "shoot", "selected", "clicks", "webgl"} <= synced


def test_a_click_shows_the_heat_of_the_landmark_under_it(widget):
    before, tick = widget.heat, widget.tick
    widget.selected = 30
    widget.clicks += 1
    assert widget.look["selected"] == 30 and widget.heat != before and widget.tick > tick
    widget.selected = -1
    widget.clicks += 1
    assert widget.look["selected"] == -1 and widget.heat == before


def test_a_motion_changes_the_pose_and_nothing_of_the_heat(widget, rng):
    heat, pose = widget.heat, widget.pose
    widget.move(random_pose(rng, 50.0))
    assert widget.heat == heat and widget.pose != pose
    rotation = np.frombuffer(widget.pose, "<f4").reshape(4, 4)[:3, :3]
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-5)
