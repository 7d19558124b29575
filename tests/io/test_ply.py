from __future__ import annotations

import struct

import numpy as np
import pytest

from faceviz.io import read_scan_bytes

XYZ = """property float x
    property float y
    property float z"""
FACES = "property list uchar int vertex_indices"
THREE = "0 0 0\n100 0 0\n0 100 0\n"


def one_face(types: str) -> str:
    """The header of three vertices and one face whose list has these types."""
    return f"""format binary_little_endian 1.0
        element vertex 3
        {XYZ}
        element face 1
        property list {types} vertex_indices"""


@pytest.fixture
def text(make):
    """An ASCII PLY of the given faces over three vertices."""

    def build(faces: str, count: int, vertices: str = THREE, properties: str = FACES) -> bytes:
        header = f"format ascii 1.0\nelement vertex 3\n{XYZ}\nelement face {count}\n{properties}"
        return make.ply(header, (vertices + faces).encode())

    return build


def test_further_properties_and_elements_are_skipped_in_any_order(make):
    header = """format binary_big_endian 1.0
        comment made by hand
        obj_info none
        element camera 2
        property list uchar float parameters
        property char kind
        element vertex 3
        property uchar red
        property double z
        property double y
        property double x
        element face 1
        property ushort flags
        property list uchar uint vertex_index
        property list uchar float texcoord"""
    cameras = struct.pack(">B2fbB1fb", 2, 1, 2, 0, 1, 3, 0)
    vertices = b"".join(struct.pack(">B3d", 9, z, y, x) for x, y, z in [(0, 0, 0), (1, 0, 0), (0, 1, 5)])
    face = struct.pack(">HB3IB2f", 7, 3, 0, 1, 2, 2, 0, 0)
    scan = read_scan_bytes("rich.ply", make.ply(header, cameras + vertices + face))
    np.testing.assert_array_equal(scan.points, [[0, 0, 0], [1, 0, 0], [0, 1, 5]])
    np.testing.assert_array_equal(scan.triangles, [[0, 1, 2]])


def test_binary_triangles_and_quads_mixed_are_all_read(make):
    header = f"format binary_little_endian 1.0\nelement vertex 4\n{XYZ}\nelement face 3\n{FACES}"
    vertices = np.arange(12, dtype="<f4").tobytes()
    faces = (
        struct.pack("<B3i", 3, 0, 1, 2) + struct.pack("<B4i", 4, 0, 1, 2, 3) + struct.pack("<B3i", 3, 3, 2, 1)
    )
    scan = read_scan_bytes("mixed.ply", make.ply(header, vertices + faces))
    np.testing.assert_array_equal(scan.triangles, [[0, 1, 2], [0, 1, 2], [0, 2, 3], [3, 2, 1]])


def test_text_faces_with_further_properties_are_read(text):
    data = text("7 3 0 1 2 0.5\n", 1, properties=f"property uchar flag\n{FACES}\nproperty float quality")
    np.testing.assert_array_equal(read_scan_bytes("a.ply", data).triangles, [[0, 1, 2]])


def test_windows_line_ends_in_the_header_are_understood(meshes, points):
    data = meshes["little.ply"]
    head, mark, body = data.partition(b"end_header\n")
    scan = read_scan_bytes("a.ply", head.replace(b"\n", b"\r\n") + b"end_header\r\n" + body)
    np.testing.assert_array_equal(scan.points, points)


def test_the_unit_in_a_comment_wins_over_the_guess(text):
    data = text("3 0 1 2\n", 1).replace(b"ascii 1.0\n", b"ascii 1.0\ncomment unit in\n")
    assert read_scan_bytes("a.ply", data).unit == "in"


def test_more_points_than_allowed_are_refused_from_the_header_alone(make, complaint):
    header = f"format binary_little_endian 1.0\nelement vertex 1000000000\n{XYZ}"
    assert "1,000,000,000 points, more than the 2,000,000 allowed" in complaint("bomb.ply", make.ply(header))


def test_more_faces_than_allowed_are_refused_from_the_header_alone(make, complaint):
    header = f"format binary_little_endian 1.0\nelement vertex 1\n{XYZ}\nelement face 900000000\n{FACES}"
    assert "900,000,000 faces" in complaint("bomb.ply", make.ply(header, bytes(12)))


@pytest.mark.parametrize("encoding", ["ascii", "binary_little_endian", "binary_big_endian"])
def test_counts_are_checked_against_the_size_of_the_file_before_reading(make, complaint, encoding):
    header = f"format {encoding} 1.0\nelement vertex 1900000\n{XYZ}"
    assert "announces 1,900,000 vertex" in complaint("lie.ply", make.ply(header, b"0 0 0\n"))


def test_lists_that_are_longer_than_the_file_are_refused(make, complaint):
    header = one_face("uint int")
    body = np.zeros(9, "<f4").tobytes() + struct.pack("<I3i", 2**31, 0, 1, 2)
    assert "ends inside its 1 face rows" in complaint("list.ply", make.ply(header, body))


def test_a_negative_list_length_is_refused(make, complaint):
    header = one_face("char int")
    body = np.zeros(9, "<f4").tobytes() + struct.pack("<b3i", -3, 0, 1, 2)
    assert "-3 corners" in complaint("list.ply", make.ply(header, body))


@pytest.mark.parametrize("name", ["text.ply", "little.ply", "big.ply"])
def test_a_cut_off_file_is_refused(meshes, complaint, name):
    data = meshes[name]
    for stop in (len(data) - 3, len(data) * 3 // 4, len(data) // 2):
        assert "cut off" in complaint(name, data[:stop])


@pytest.mark.parametrize("name", ["text.ply", "little.ply", "big.ply"])
def test_content_after_the_announced_end_is_refused(meshes, complaint, name):
    assert "header announces" in complaint(name, meshes[name] + b"3 0 1 2\n")


@pytest.mark.parametrize(("face", "vertex"), [("3 0 1 3\n", 3), ("3 0 -1 2\n", -1)])
def test_a_vertex_index_out_of_range_is_refused_with_its_face(text, complaint, face, vertex):
    message = complaint("index.ply", text("3 0 1 2\n" + face, 2))
    assert f"face 1 of 2 (the first is 0) points to vertex {vertex}" in message


def test_an_unsigned_index_beyond_all_integers_is_refused(make, complaint):
    header = one_face("uchar uint64")
    body = np.zeros(9, "<f4").tobytes() + struct.pack("<B3Q", 3, 0, 1, 2**64 - 1)
    assert "points to vertex" in complaint("index.ply", make.ply(header, body))


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "1e300"])
def test_a_coordinate_that_is_not_finite_is_refused_with_its_row(text, complaint, value):
    assert "point 1 of 3" in complaint(
        "nan.ply", text("3 0 1 2\n", 1, vertices=f"0 0 0\n100 {value} 0\n0 100 0\n")
    )


def test_a_binary_nan_is_refused_with_its_row(make, complaint, points, triangles):
    broken = points.copy()
    broken[7, 1] = np.nan
    assert "point 7 of 25" in complaint("nan.ply", make.ply_binary(broken, triangles))


@pytest.mark.parametrize("vertices", ["0 0 0\n100 0\n0 100 0\n", "0 0 0\n100 0 0 0\n0 100 0\n"])
def test_a_row_with_too_few_or_too_many_values_is_refused(text, complaint, vertices):
    assert "line 11 has" in complaint("row.ply", text("3 0 1 2\n", 1, vertices=vertices))


@pytest.mark.parametrize("word", ["abc", "1_0", "0x10", "1,5"])
def test_a_word_that_is_no_number_is_named(text, complaint, word):
    assert f"'{word}' where a number is expected" in complaint(
        "word.ply", text("3 0 1 2\n", 1, vertices=f"0 0 0\n100 {word} 0\n0 100 0\n")
    )


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("format ascii 1.0\n", ""),
        ("format ascii 1.0", "format utf8 1.0"),
        ("property float x", "property float9 x"),
        ("property float x", "property float w"),
        ("element vertex 3", "element vertex three"),
        ("element vertex 3", "element vertex -3"),
        ("element vertex 3", "element vertex 0"),
        ("element vertex 3", "element corner 3"),
        ("element face 1", "element vertex 1"),
        ("end_header", "end"),
        ("vertex_indices", "corners"),
        ("list uchar int", "list float int"),
        ("list uchar int", "list uchar float"),
        ("element face 1", "hello world\nelement face 1"),
    ],
)
def test_a_header_that_is_no_ply_header_is_refused(text, complaint, old, new):
    data = text("3 0 1 2\n", 1)
    assert old.encode() in data
    complaint("header.ply", data.replace(old.encode(), new.encode()))


def test_an_element_without_properties_is_refused(text, complaint):
    data = text("3 0 1 2\n", 1).replace(b"element face", b"element camera 9\nelement face")
    assert "'camera' without properties" in complaint("empty.ply", data)


def test_a_header_without_end_is_not_searched_forever(complaint):
    assert "end_header" in complaint("long.ply", b"ply\n" + b"comment x\n" * 100_000)


def test_a_face_with_two_corners_is_refused(text, complaint):
    assert "face 0 of 1 (the first is 0) has 2 corners" in complaint("line.ply", text("2 0 1\n", 1))
