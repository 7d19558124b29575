from __future__ import annotations

import numpy as np
import pytest

from faceviz.display import body as bodies
from faceviz.display.body import make_body, point_normals, surface_normals, typical_spacing
from faceviz.scan import FaceScan
from faceviz.testing import random_face
from tests.truthful import TruthfulPredictor


@pytest.fixture
def ball() -> FaceScan:
    import trimesh

    mesh = trimesh.creation.icosphere(subdivisions=3, radius=80.0)
    return FaceScan(
        mesh.vertices + [0, 0, 500], mesh.faces, landmarks=mesh.vertices[:68] + [0, 0, 500], unit="mm"
    )


def outward(scan: FaceScan, points: np.ndarray) -> np.ndarray:
    away = points - scan.centroid
    return away / np.linalg.norm(away, axis=1, keepdims=True)


def test_surface_normals_of_a_ball_point_outwards(ball):
    normals = surface_normals(ball.points, ball.triangles)
    assert np.einsum("ni,ni->n", normals, outward(ball, ball.points)).min() > 0.99


def test_point_normals_of_a_ball_point_outwards(ball):
    normals = point_normals(ball.points, ball.centroid)
    assert np.einsum("ni,ni->n", normals, outward(ball, ball.points)).min() > 0.97


def test_heat_on_the_networks_points_is_shown_as_it_is():
    prepared = TruthfulPredictor().prepare(random_face(1))
    body = make_body(prepared, "network")
    values = np.linspace(0, 1, len(prepared.points))
    np.testing.assert_allclose(body.spread(values), values, atol=1e-6)


def test_heat_between_the_networks_points_lies_between_its_neighbours():
    prepared = TruthfulPredictor().prepare(random_face(1))
    body = make_body(prepared, "points")
    values = np.random.default_rng(0).random(len(prepared.points))
    shown, near = body.spread(values), values[body.neighbours]
    assert np.all(shown <= near.max(axis=1) + 1e-6)
    assert np.all(shown >= near.min(axis=1) - 1e-6)


def test_outside_the_face_region_there_is_no_heat(ball):
    from dataclasses import replace

    prepared = replace(TruthfulPredictor().prepare(ball), radius=40.0, centre=ball.centroid + [0, 0, 80.0])
    body = make_body(prepared, "surface")
    shown = body.spread(np.ones(len(prepared.points)))
    inside = np.linalg.norm(ball.points - prepared.centre, axis=1) <= 40.0
    np.testing.assert_allclose(shown, inside.astype(float), atol=1e-6)


def test_the_spacing_of_a_square_grid_is_its_edge():
    grid = np.stack(np.meshgrid(np.arange(40.0), np.arange(40.0), [0.0]), axis=-1).reshape(-1, 3)
    assert typical_spacing(3.0 * grid) == pytest.approx(3.0, rel=0.15)


def test_a_surface_keeps_its_triangles_and_a_cloud_has_none(ball):
    predictor = TruthfulPredictor()
    assert make_body(predictor.prepare(ball), "surface").triangles is ball.triangles
    assert make_body(predictor.prepare(ball), "points").triangles is None
    assert make_body(predictor.prepare(random_face(1)), "surface").triangles is None


def test_a_scan_with_too_many_points_is_thinned_to_points_that_it_has(ball, monkeypatch):
    monkeypatch.setattr(bodies, "MAX_POINTS", 300)
    body = make_body(TruthfulPredictor().prepare(ball), "surface")
    assert len(body.points) == 300 and body.triangles is None
    np.testing.assert_array_equal(body.points, ball.points[body.ids])
