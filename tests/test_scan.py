import numpy as np
import pytest

from faceviz.errors import GeometryError, ShapeError
from faceviz.geometry.transforms import random_pose
from faceviz.scan import FaceScan


def test_a_scan_keeps_a_copy_that_cannot_be_written():
    points = np.random.default_rng(0).normal(size=(10, 3))
    scan = FaceScan(points)
    points[0] = 99.0
    assert scan.points[0, 0] != 99.0
    with pytest.raises(ValueError, match="read-only"):
        scan.points[0] = 0.0


def test_landmarks_move_with_the_scan():
    rng = np.random.default_rng(1)
    scan = FaceScan(rng.normal(size=(50, 3)), landmarks=rng.normal(size=(68, 3)))
    pose = random_pose(rng)
    moved = scan.transformed(pose)
    np.testing.assert_allclose(pose.inverse().apply(moved.landmarks), scan.landmarks, atol=1e-12)
    assert moved.radius == pytest.approx(scan.radius)


@pytest.mark.parametrize("shape", [(10, 2), (3,), (2, 5, 3)])
def test_points_of_another_shape_are_refused(shape):
    with pytest.raises(ShapeError, match="points must be"):
        FaceScan(np.zeros(shape))


def test_an_empty_scan_is_refused():
    with pytest.raises(GeometryError, match="at least one point"):
        FaceScan(np.zeros((0, 3)))


def test_the_row_of_the_first_nan_is_named():
    points = np.ones((5, 3))
    points[3, 1] = np.nan
    with pytest.raises(GeometryError, match="row 3"):
        FaceScan(points)


@pytest.mark.parametrize("index", [-1, 4])
def test_triangle_indices_out_of_range_are_refused(index):
    with pytest.raises(GeometryError, match="0 to 3"):
        FaceScan(np.eye(4, 3), triangles=np.array([[0, 1, index]]))


def test_any_other_number_of_landmarks_is_refused():
    with pytest.raises(ShapeError, match="68"):
        FaceScan(np.eye(3), landmarks=np.zeros((67, 3)))


def test_an_unknown_unit_is_refused():
    with pytest.raises(GeometryError, match="furlong"):
        FaceScan(np.eye(3), unit="furlong")
