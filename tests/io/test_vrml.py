from __future__ import annotations

import numpy as np
import pytest

from faceviz.errors import FileFormatError
from faceviz.io import read_scan_bytes
from faceviz.io.vrml import read_vrml


@pytest.fixture
def face(make, points, triangles) -> bytes:
    return make.vrml(points, triangles)


def test_points_triangles_texture_and_picture_are_read(face, points, triangles, tmp_path):
    (tmp_path / "000.wrl").write_bytes(face)
    mesh = read_vrml(tmp_path / "000.wrl")
    np.testing.assert_array_equal(mesh.points, points)
    np.testing.assert_array_equal(mesh.triangles, triangles)
    np.testing.assert_allclose(mesh.uv, (points[:, :2] + 90) / 180)
    assert mesh.picture == "000.jpg", "without the folders of another machine"


def test_polygons_are_cut_into_triangles_and_the_last_may_go_without_its_end(make, points):
    text = make.vrml(points, np.array([[0, 1, 6]])).replace(b"0, 1, 6, -1,", b"0 1 6 5 -1, 1 2 7")
    scan = read_scan_bytes("x.wrl", text)
    np.testing.assert_array_equal(scan.triangles, [[0, 1, 6], [0, 6, 5], [1, 2, 7]])


def test_texture_of_other_indices_is_left_out(face, tmp_path):
    start = face.index(b"texCoordIndex")
    (tmp_path / "x.wrl").write_bytes(face[:start] + face[start:].replace(b"0, 1, 5, -1", b"1, 0, 5, -1", 1))
    assert read_vrml(tmp_path / "x.wrl").uv is None


def test_comments_and_names_and_strings_do_not_mislead(face, points):
    text = face.replace(
        b"coord Coordinate {",
        b'# coord Coordinate { point [ 9 9 9 ] }\n info "point [ 1 ]"\n coord DEF C Coordinate {',
    )
    np.testing.assert_array_equal(read_scan_bytes("x.wrl", text).points, points)


@pytest.mark.parametrize(
    ("old", "new", "cause"),
    [
        (b"V2.0", b"V1.0", "another version"),
        (b"IndexedFaceSet", b"PointSet", "holds 0 IndexedFaceSets"),
        (b"Shape {", b"IndexedFaceSet { } Shape {", "holds 2 IndexedFaceSets"),
        (b"Shape {", b"Transform { scale 2 2 2 } Shape {", "moves its mesh"),
        (b"Shape {", b"Inline { url [] } Shape {", "uses Inline"),
        (b"coord Coordinate", b"coord Nothing", "has no points"),
        (b"0, 1, 5, -1", b"0, 1, 99, -1", "points to vertex 99"),
        (b"0, 1, 5, -1", b"0, 1, -7, -1", "points to vertex -7"),
        (b"0, 1, 5, -1", b"0, 1, -1", "has 2 corners"),
        (b"0, 1, 5, -1", b"0, 1.5, 5, -1", "holds '1.5' where an integer is expected"),
        (b"-90.0 -80.0", b"-90.0 nan", "not a finite coordinate"),
        (b"-90.0 -80.0", b"-90.0", "no multiple of 3"),
        (b"-90.0 -80.0", b"-90.0 high", "line 6 holds 'high'"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_cause(face, complaint, old, new, cause):
    assert old in face
    assert cause in complaint("x.wrl", face.replace(old, new, 1))


def test_a_file_that_is_cut_off_is_refused(face, complaint):
    assert "are closed; the file is cut off" in complaint("x.wrl", face[:400])


def test_too_many_numbers_are_counted_before_they_are_converted(face, complaint):
    many = face.replace(b"point [", b"point [" + b"0 " * 400_000, 1)
    assert "more than the 3,000 allowed" in complaint("x.wrl", many, max_points=1000)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(FileFormatError, match="does not exist"):
        read_vrml(tmp_path / "none.wrl")
