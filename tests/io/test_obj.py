from __future__ import annotations

import numpy as np
import pytest

from faceviz.io import read_scan, read_scan_bytes

THREE = b"v 0 0 0\nv 100 0 0\nv 0 100 0\n"


def test_vertices_keep_their_order_and_count_even_where_equal_or_unused():
    data = b"v 5 0 0\nv 1 0 0\nv 1 0 0\nv 9 9 9\nv 0 0 0\nf 5 2 1\n"
    scan = read_scan_bytes("order.obj", data)
    np.testing.assert_array_equal(scan.points[:, 0], [5, 1, 1, 9, 0])
    np.testing.assert_array_equal(scan.triangles, [[4, 1, 0]])


@pytest.mark.parametrize(
    "face", [b"f 1 2 3", b"f 1/1 2/2 3/3", b"f 1//1 2//1 3//1", b"f 1/1/1 2/2/1 3/3/1", b"f\t1 2 3 # c"]
)
def test_texture_and_normal_indices_are_skipped(face):
    np.testing.assert_array_equal(read_scan_bytes("f.obj", THREE + face).triangles, [[0, 1, 2]])


def test_relative_indices_count_back_from_the_last_vertex_read():
    data = THREE + b"f -3 -2 -1\nv 0 0 100\nf -1 -2 -3\n"
    np.testing.assert_array_equal(read_scan_bytes("rel.obj", data).triangles, [[0, 1, 2], [3, 2, 1]])


def test_a_polygon_becomes_a_fan_of_triangles():
    data = THREE + b"v 0 0 9\nv 1 1 9\nf 1 2 3 4 5\n"
    np.testing.assert_array_equal(read_scan_bytes("p.obj", data).triangles, [[0, 1, 2], [0, 2, 3], [0, 3, 4]])


def test_colours_after_a_vertex_and_continued_lines_are_understood():
    data = b"v 0 0 0 1 0 0\nv 100 \\\n 0 0 1 1 1\nv 0 100 0 0.5 0 0\nf 1 2 \\\r\n 3\n"
    scan = read_scan_bytes("c.obj", data)
    np.testing.assert_array_equal(scan.points, [[0, 0, 0], [100, 0, 0], [0, 100, 0]])
    np.testing.assert_array_equal(scan.triangles, [[0, 1, 2]])


def test_other_statements_are_skipped():
    data = b"# hello\n\ng face\no head\ns off\nusemtl skin\n" + THREE + b"vn 0 0 1\nvt 0 0\nl 1 2\nf 1 2 3\n"
    assert len(read_scan_bytes("g.obj", data).points) == 3


def test_a_cloud_without_faces_is_read():
    assert read_scan_bytes("cloud.obj", THREE).triangles is None


def test_the_files_that_an_obj_names_are_never_opened(tmp_path):
    (tmp_path / "secret.mtl").write_text("newmtl skin\nmap_Kd secret.png\n")
    path = tmp_path / "face.obj"
    names = b"mtllib secret.mtl\nmtllib ../../etc/passwd\nmaplib secret.mtl\ncall secret.mtl\n"
    path.write_bytes(names + THREE + b"f 1 2 3\n")
    opened = _record_opened_files("face.obj", "secret.mtl", "passwd", "secret.png")
    assert len(read_scan(path).points) == 3
    assert opened == ["face.obj"]


def _record_opened_files(*names: str) -> list[str]:
    """Which of these the process opens from now on, whoever does it."""
    import os
    import sys

    opened: list[str] = []

    def hook(event: str, arguments: tuple) -> None:
        if event == "open" and isinstance(arguments[0], str | os.PathLike):
            name = os.path.basename(os.fspath(arguments[0]))
            opened.extend([name] if name in names else [])

    sys.addaudithook(hook)
    return opened


@pytest.mark.parametrize(
    ("face", "cause"),
    [
        (b"f 1 2 4", "points to vertex 3, but the vertices run from 0 to 2"),
        (b"f 1 2 0", "points to vertex 0"),
        (b"f -4 -2 -1", "points to vertex -1"),
        (b"f 1 2", "has 2 corners"),
        (b"f", "has 0 corners"),
        (b"f 1 2 x", "'x' where an integer"),
        (b"f 1 2 1.5", "'1.5' where an integer"),
        (b"f 1 2 /3", "where an integer"),
        (b"f 1 2 99999999999999999999", "where an integer"),
        (b"f 1 2 1_0", "where an integer"),
    ],
)
def test_a_face_that_makes_no_sense_is_refused(complaint, face, cause):
    assert cause in complaint("face.obj", THREE + face + b"\n")


def test_the_line_of_a_bad_index_is_named(complaint):
    assert "line 5 holds 'b'" in complaint("line.obj", THREE + b"f 1 2 3 1\nf 1 b 3\n")


@pytest.mark.parametrize(("line", "number"), [(b"v 1 2", 4), (b"v 1 2 a", 4), (b"v", 4)])
def test_a_vertex_without_three_numbers_is_refused(complaint, line, number):
    assert f"line {number} " in complaint("v.obj", THREE + line + b"\n")


def test_a_text_that_is_no_obj_is_refused(complaint):
    assert "line 1 begins with 'Dear'" in complaint("letter.obj", b"Dear reader,\nthis is no mesh.\n")


def test_a_file_without_vertices_is_refused(complaint):
    assert "no vertices" in complaint("none.obj", b"# nothing\ng face\n")


def test_more_vertices_than_allowed_are_refused_before_they_become_numbers(complaint, monkeypatch):
    monkeypatch.setattr("faceviz.io.obj.numbers", lambda *_: pytest.fail("they became numbers"))
    assert "more than the 100 allowed" in complaint("many.obj", b"v 1 2 3\n" * 101, max_points=100)


def test_more_faces_than_allowed_are_refused_before_they_become_numbers(complaint, monkeypatch):
    monkeypatch.setattr("faceviz.io.obj.convert", lambda *_: pytest.fail("they became numbers"))
    data = THREE + b"f 1 2 3\n" * 401
    assert "faces, more than the 400 allowed" in complaint("many.obj", data, max_points=100)


def test_the_triangles_of_a_large_polygon_count_too(complaint):
    data = THREE + b"f " + b"1 " * 500 + b"\n"
    assert "faces, more than the 400 allowed" in complaint("wide.obj", data, max_points=100)


def test_a_coordinate_that_is_not_finite_is_refused_with_its_row(complaint):
    assert "point 3 of 4" in complaint("nan.obj", THREE + b"v nan 0 0\n")
