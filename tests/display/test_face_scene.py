from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from faceviz.display.body import surface_normals
from faceviz.display.face_scene import face_scene
from faceviz.display.reconstruction import FaceProgress
from faceviz.display.wire import scene_to_wire, wire_changes
from faceviz.errors import ConfigError
from faceviz.geometry.geometry_image import mean_face, triangles


@pytest.fixture
def progress():
    """The mean face, its last image having pushed one half of it forward by 2 mm."""
    mean = mean_face().reshape(-1, 3)
    points = mean + np.where(mean[:, :1] > 0, 2.0, 0.0) * [0.0, 0.0, 1.0]
    return replace(FaceProgress.begin(mean), points=points, used=3)


def test_every_point_carries_its_own_value(progress):
    pane = face_scene(progress, by="change").panes[0]
    np.testing.assert_allclose(pane.heat, np.where(progress.points[:, 0] > 0, 2.0, 0.0), atol=1e-5)
    height = face_scene(progress, by="height")
    np.testing.assert_allclose(height.panes[0].heat, progress.points[:, 2], rtol=1e-6)
    assert height.heat_range == (progress.mean[:, 2].min(), progress.mean[:, 2].max())


def test_normals_are_those_of_the_surface_and_point_outwards(progress):
    normals = face_scene(FaceProgress.begin(progress.mean)).body.normals
    by_triangles = surface_normals(progress.mean, triangles())
    assert np.percentile((normals * by_triangles).sum(axis=1), 1) > 0.99
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1.0)


def test_centre_and_radius_stay_while_the_face_grows(progress):
    before, after = face_scene(FaceProgress.begin(progress.mean)), face_scene(progress)
    np.testing.assert_array_equal(before.centre, after.centre)
    assert before.radius == after.radius and before.key == after.key


def test_the_viewer_is_told_points_but_not_triangles_again(progress):
    before, after = face_scene(FaceProgress.begin(progress.mean)), face_scene(progress)
    changes = wire_changes(before, after)
    assert "points" in changes and "triangles" not in changes
    assert len(scene_to_wire(after)["triangles"]) == 12 * len(triangles())
    cloud = face_scene(progress, body="points")
    assert wire_changes(after, cloud)["triangles"] == b"" and cloud.body.spacing > 0


def test_the_value_under_the_mouse_has_its_name_and_unit_and_no_threshold_is_marked(progress):
    look = scene_to_wire(face_scene(progress, by="change"))["look"]
    assert (look["value"]["name"], look["value"]["unit"]) == ("Change", "mm")
    assert look["bar"]["mark"] is None and look["panes"][0]["note"].startswith("after 3 images")


def test_a_face_without_truth_has_no_error_to_show(progress):
    with pytest.raises(ConfigError, match="no truth"):
        face_scene(progress, by="error")
