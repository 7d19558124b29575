from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from faceviz.display.comparison import SHADES, Pair, pair_scene
from faceviz.display.settings import Settings
from faceviz.display.state import LoadedScan
from faceviz.display.wire import scene_to_wire
from faceviz.geometry.transforms import random_pose
from faceviz.testing import random_face
from tests.calibrated import even_calibration
from tests.truthful import TruthfulPredictor


def loaded(seed: int, count: int, **changes) -> LoadedScan:
    prediction = TruthfulPredictor(error=0.0).predict(random_face(seed, count).with_(**changes))
    return LoadedScan(replace(prediction, calibration=even_calibration(0.01)))


@pytest.fixture
def pair(rng) -> Pair:
    second = random_face(1, 700).transformed(random_pose(rng, 300.0))
    return Pair.of(loaded(1, 1024), loaded(1, 700, points=second.points, landmarks=second.landmarks))


@pytest.mark.parametrize("shade", SHADES.values())
def test_both_scans_are_shown_with_their_own_points_under_one_range(pair, shade):
    spec = pair_scene(pair, Settings(), shade)
    assert [len(pane.heat) for pane in spec.panes] == [1024, 700]
    assert all(len(pane.body.points) == len(pane.heat) for pane in spec.panes)
    assert all(spec.heat_range[0] <= np.quantile(pane.heat, 0.9) <= spec.heat_range[1] for pane in spec.panes)


def test_the_second_scan_is_brought_onto_the_first(pair):
    first, second = pair_scene(pair, Settings()).panes
    np.testing.assert_allclose(second.landmarks, first.landmarks, atol=1e-6)
    assert second.heat.mean() < 1.0 and "0.0 mm" in second.note


def test_the_distance_has_its_unit_on_the_bar(pair):
    assert pair_scene(pair, Settings(), "distance").heat_label == "Distance to the other scan, mm"
    assert "moved by 0.0 mm" in pair_scene(pair, Settings(landmark=30)).panes[1].note


def test_two_bodies_are_sent_one_after_the_other(pair):
    wire = scene_to_wire(pair_scene(pair, Settings()))
    assert len(wire["points"]) == len(wire["normals"]) == 12 * 1724 and len(wire["heat"]) == 4 * 1724
    assert wire["look"]["bodies"] == [{"points": 1024, "triangles": 0}, {"points": 700, "triangles": 0}]
    assert [pane["body"] for pane in wire["look"]["panes"]] == [0, 1]


def test_another_alignment_makes_another_pair_of_the_same_scans(pair):
    other = pair.aligned("none")
    assert other.comparison.align == "none" and other.first is pair.first
    assert other.comparison.distance.max() > 10.0
