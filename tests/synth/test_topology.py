from __future__ import annotations

import numpy as np
import pytest
import trimesh

from faceviz.synth.topology import (
    catmull_clark,
    face_normals,
    neighbour_average,
    quads_to_triangles,
    vertex_normals,
)

CUBE = np.array([[x, y, z] for x in (-1.0, 1.0) for y in (-1.0, 1.0) for z in (-1.0, 1.0)])
CUBE_QUADS = np.array(
    [[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]], dtype=np.int64
)


def test_catmull_clark_of_a_cube_gives_the_known_points():
    matrix, quads = catmull_clark(CUBE_QUADS, 8)
    points = matrix @ CUBE
    assert matrix.shape == (8 + 12 + 6, 8) and quads.shape == (24, 4)
    np.testing.assert_allclose(np.abs(points[:8]), 5 / 9, atol=1e-6)
    np.testing.assert_allclose(np.sort(np.abs(points[8:20]), axis=1), [[0, 0.75, 0.75]] * 12, atol=1e-6)
    np.testing.assert_allclose(np.sort(np.abs(points[20:]), axis=1), [[0, 0, 1]] * 6, atol=1e-6)


def test_catmull_clark_keeps_a_closed_surface_closed_and_turned_outwards():
    matrix, quads = catmull_clark(CUBE_QUADS, 8)
    mesh = trimesh.Trimesh(matrix @ CUBE, quads_to_triangles(quads), process=False)
    assert mesh.is_watertight and mesh.is_winding_consistent
    assert mesh.volume * trimesh.Trimesh(CUBE, quads_to_triangles(CUBE_QUADS), process=False).volume > 0


def test_catmull_clark_leaves_a_flat_sheet_flat_and_its_straight_border_straight():
    ids = np.arange(16).reshape(4, 4)
    quads = np.stack([ids[:-1, :-1], ids[:-1, 1:], ids[1:, 1:], ids[1:, :-1]], axis=-1).reshape(-1, 4)
    x, y = np.meshgrid(np.arange(4.0), np.arange(4.0))
    points = catmull_clark(quads, 16)[0] @ np.stack([x, y, 0 * x], axis=-1).reshape(-1, 3)
    assert np.abs(points[:, 2]).max() == 0
    assert np.isclose(points[1:3, 1], 0.0).all()


def test_neighbour_average_of_a_ring_is_the_mean_of_two_and_lonely_vertices_stay():
    average = neighbour_average(np.array([[0, 1, 2]]), 4)
    values = average @ np.array([[0.0], [3.0], [6.0], [7.0]])
    np.testing.assert_allclose(values.ravel(), [4.5, 3.0, 1.5, 7.0])


def test_normals_agree_with_trimesh():
    sphere = trimesh.creation.icosphere(3, radius=5.0)
    areas = 0.5 * np.linalg.norm(face_normals(sphere.vertices, sphere.faces), axis=1)
    np.testing.assert_allclose(areas, sphere.area_faces, rtol=1e-9)
    normals = vertex_normals(np.asarray(sphere.vertices), np.asarray(sphere.faces))
    assert (normals * sphere.vertices).sum(axis=1) == pytest.approx(np.full(len(normals), 5.0), rel=1e-3)
