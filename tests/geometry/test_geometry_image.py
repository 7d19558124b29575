from __future__ import annotations

import numpy as np
import pytest
import trimesh
from scipy.ndimage import map_coordinates

from faceviz.errors import ShapeError
from faceviz.geometry import geometry_image as gi
from faceviz.geometry.transforms import RigidTransform, random_rotation
from faceviz.landmarks import MEAN_FACE, MIRROR


def test_the_mean_face_is_its_own_mirror_image():
    np.testing.assert_allclose(gi.mirrored(gi.mean_face()), gi.mean_face(), atol=1e-6)


def test_the_landmarks_of_the_grid_are_those_of_the_mean_face():
    distance = np.linalg.norm(gi.landmarks(gi.mean_face()) - MEAN_FACE, axis=1)
    assert distance.max() < 1.0 and distance.mean() < 0.3


def test_landmarks_lie_between_the_points_as_scipy_interpolates(rng):
    face, cells = rng.normal(size=(gi.GRID, gi.GRID, 3)), gi.landmark_cells()
    expected = np.stack([map_coordinates(face[:, :, i], cells.T, order=1) for i in range(3)], axis=1)
    np.testing.assert_allclose(gi.landmarks(face), expected, atol=1e-12)


def test_landmarks_may_lie_on_the_border(rng, monkeypatch):
    face, last = rng.normal(size=(gi.GRID, gi.GRID, 3)), gi.GRID - 1
    corners = np.array([[0.0, 0.0], [0.0, last], [last, 0.0], [last, last]])
    monkeypatch.setattr(gi, "landmark_cells", lambda: corners)
    expected = [face[0, 0], face[0, -1], face[-1, 0], face[-1, -1]]
    np.testing.assert_allclose(gi.landmarks(face), expected, atol=1e-4)


def test_mirrored_landmarks_lie_in_mirrored_cells():
    cells = gi.landmark_cells()
    np.testing.assert_allclose(cells[MIRROR][:, 0], cells[:, 0], atol=1e-5)
    np.testing.assert_allclose(cells[MIRROR][:, 1], gi.GRID - 1 - cells[:, 1], atol=1e-4)


def test_the_cells_of_the_grid_are_even():
    areas = gi.areas(gi.mean_face())
    low, middle, high = np.percentile(areas, [5, 50, 95])
    assert 0.4 * middle < low and high < 1.6 * middle
    assert (areas > 0).all()


def test_of_a_thousand_triangles_at_most_one_looks_inwards_as_under_the_nose():
    points = gi.mean_face().reshape(-1, 3)
    a, b, c = (points[gi.triangles()[:, i]] for i in range(3))
    inside = np.array([0.0, -42.0, -95.0])
    inwards = np.einsum("nd,nd->n", np.cross(b - a, c - a), a - inside) <= 0
    assert inwards.sum() < 0.001 * len(inwards)


def test_the_triangles_cover_every_cell_once_and_the_mirror_image_has_the_same():
    triangles = gi.triangles()
    assert triangles.shape == (2 * 127 * 127, 3)
    edges = np.sort(triangles[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
    _, counts = np.unique(edges, axis=0, return_counts=True)
    assert (counts == 1).sum() == 4 * 127 and counts.max() == 2
    column = triangles % gi.GRID
    flipped = np.sort(triangles - column + gi.GRID - 1 - column, axis=1)
    outside = (np.abs(column - 63.5) > 1).any(axis=1)
    ours = {tuple(row) for row in np.sort(triangles, axis=1)}
    assert all(tuple(row) in ours for row in flipped[outside])


def test_a_moved_face_has_the_same_canonical_image(rng):
    face = gi.mean_face() * 1.05 + rng.normal(0, 1, (gi.GRID, gi.GRID, 3))
    motion = RigidTransform(random_rotation(rng), rng.normal(0, 100, 3))
    moved = motion.apply(face.reshape(-1, 3))
    np.testing.assert_allclose(gi.canonical(moved), gi.canonical(face), atol=1e-8)


def test_a_mirrored_face_has_left_and_right_exchanged(rng):
    face = rng.normal(size=(gi.GRID, gi.GRID, 3))
    np.testing.assert_array_equal(gi.mirrored(face)[3, 10], face[3, 117] * [-1, 1, 1])


def test_the_canonical_image_of_the_mean_face_is_itself():
    np.testing.assert_allclose(gi.canonical(1.0 + gi.mean_face()), gi.mean_face(), atol=1e-9)


def test_areas_are_those_of_trimesh(rng):
    face = gi.mean_face() + rng.normal(0, 1, (gi.GRID, gi.GRID, 3))
    mesh = trimesh.Trimesh(face.reshape(-1, 3), gi.triangles(), process=False)
    np.testing.assert_allclose(gi.areas(face), mesh.area_faces)


def test_mirroring_twice_changes_nothing(rng):
    face = rng.normal(size=(gi.POINTS, 3))
    np.testing.assert_array_equal(gi.mirrored(gi.mirrored(face)).reshape(-1, 3), face)


def test_another_number_of_points_is_refused():
    with pytest.raises(ShapeError, match=r"\(16384, 3\)"):
        gi.as_image(np.zeros((100, 3)))
    with pytest.raises(ShapeError):
        gi.as_image(np.zeros((gi.POINTS, 2)))


def test_a_cloud_lies_row_by_row_in_its_image():
    cloud = np.arange(3 * gi.POINTS).reshape(-1, 3)
    np.testing.assert_array_equal(gi.as_image(cloud)[2, 5], cloud[2 * 128 + 5])


def test_shape_and_size_make_the_canonical_face_again(rng):
    face = gi.mean_face() * 1.07 + rng.normal(0, 1, (gi.GRID, gi.GRID, 3))
    shape, size = gi.to_shape(face)
    np.testing.assert_allclose(gi.from_shape(shape, size), gi.canonical(face), atol=1e-9)
    assert size == pytest.approx(1.07, rel=0.01)


def test_the_shape_is_the_face_about_the_centroid_of_the_mean_face_without_its_size(rng):
    face = gi.canonical(gi.mean_face() * 1.07 + rng.normal(0, 1, (gi.GRID, gi.GRID, 3)))
    shape, size = gi.to_shape(face)
    centre = gi.mean_face().mean(axis=(0, 1))
    np.testing.assert_allclose(centre + size * (shape - centre), face, atol=1e-9)
    np.testing.assert_allclose(gi.from_shape(gi.mean_face(), 2.0), 2 * gi.mean_face() - centre, atol=1e-9)
    plain, one = gi.to_shape(gi.mean_face())
    assert one == pytest.approx(1.0)
    np.testing.assert_allclose(plain, gi.mean_face(), atol=1e-9)


def test_a_scaled_face_has_the_same_shape(rng):
    face = gi.mean_face() + rng.normal(0, 1, (gi.GRID, gi.GRID, 3))
    shape, size = gi.to_shape(face)
    larger, larger_size = gi.to_shape(1.1 * face)
    np.testing.assert_allclose(larger, shape, atol=1e-9)
    assert larger_size == pytest.approx(1.1 * size)
