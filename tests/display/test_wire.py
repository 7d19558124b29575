from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from faceviz.display.scene import scene
from faceviz.display.settings import Settings
from faceviz.display.wire import BINARY, VIEWER, coordinate_digits, scene_to_wire, wire_changes
from faceviz.geometry.transforms import RigidTransform, random_pose
from faceviz.testing import random_face
from tests.truthful import TruthfulPredictor


@pytest.fixture
def spec():
    return scene(TruthfulPredictor().predict(random_face(1)), Settings())


def floats(data: bytes, *shape: int) -> np.ndarray:
    return np.frombuffer(data, "<f4").reshape(shape)


def test_every_value_has_the_length_that_the_viewer_expects(spec):
    wire, count = scene_to_wire(spec), len(spec.body.points)
    assert set(wire) == {*BINARY, "look"}
    assert len(wire["points"]) == len(wire["normals"]) == 12 * count
    assert len(wire["heat"]) == 2 * 4 * count
    assert len(wire["landmarks"]) == 2 * 68 * 12
    assert len(wire["pose"]) == 64
    assert len(wire["lut"]) == 768
    json.dumps(wire["look"], allow_nan=False)


def test_points_moved_by_the_sent_pose_are_the_moved_points(spec, rng):
    pose = random_pose(rng, 300.0)
    wire = scene_to_wire(replace(spec, pose=pose))
    matrix = floats(wire["pose"], 4, 4)
    moved = floats(wire["points"], -1, 3) @ matrix[:3, :3].T + matrix[:3, 3] + spec.centre
    np.testing.assert_allclose(moved, pose.apply(spec.body.points), atol=1e-3)


def test_a_scan_far_from_the_origin_keeps_its_precision():
    far = random_face(1).transformed(RigidTransform(np.eye(3), [1e7, -1e7, 1e7]))
    near = scene_to_wire(scene(TruthfulPredictor().predict(random_face(1)), Settings()))
    wire = scene_to_wire(scene(TruthfulPredictor().predict(far), Settings()))
    np.testing.assert_allclose(floats(wire["points"], -1, 3), floats(near["points"], -1, 3), atol=1e-3)


def test_a_motion_sends_neither_points_nor_colours(spec, rng):
    changes = wire_changes(spec, replace(spec, pose=random_pose(rng, 10.0)))
    assert not {"points", "normals", "triangles", "lut"} & set(changes)
    assert changes["pose"] != scene_to_wire(spec)["pose"]


def test_unknown_landmarks_are_sent_as_nan(spec):
    hidden = tuple(replace(pane, landmarks=None) for pane in spec.panes)
    assert np.isnan(floats(scene_to_wire(replace(spec, panes=hidden))["landmarks"], -1)).all()


def test_the_viewer_is_one_module_under_a_megabyte_without_outside_addresses():
    text = VIEWER.read_text(encoding="utf-8")
    assert 100_000 < VIEWER.stat().st_size < 1_000_000
    assert "export{" in text.replace(" ", "")
    for host in ("unpkg.com", "jsdelivr", "esm.sh", "cdnjs", "googleapis"):
        assert host not in text


def test_the_bundle_is_built_from_the_sources_as_they_are():
    sources = Path(__file__).parents[2] / "js"
    digest = hashlib.sha256()
    for file in sorted((sources / "src").iterdir()):
        digest.update(file.read_bytes())
    digest.update((sources / "package-lock.json").read_bytes())
    assert digest.hexdigest() in VIEWER.read_text(encoding="utf-8")[:300], "run `make viewer`"


@pytest.mark.parametrize(("radius", "digits"), [(110.0, 1), (11.0, 2), (0.11, 4), (1.0, 3), (5000.0, 0)])
def test_coordinates_show_about_a_thousandth_of_the_radius(radius, digits):
    assert coordinate_digits(radius) == digits
