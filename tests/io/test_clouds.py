from __future__ import annotations

import numpy as np
import pytest

from faceviz.io import read_scan_bytes

ROWS = [[0, 0, 0], [100, 0.5, 0], [0, 100, -3]]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("plain.xyz", b"0 0 0\n100 0.5 0\n0 1e2 -3\n"),
        ("tabs.txt", b"0\t0\t0\r\n100\t0.5\t0\r\n0\t100\t-3\r\n"),
        ("old_mac.xyz", b"0 0 0\r100 0.5 0\r0 100 -3"),
        ("comma.csv", b"0,0,0\n100, 0.5, 0\n0,100,-3\n"),
        ("semicolon.csv", b"X;Y;Z\n0;0;0\n100;0.5;0\n0;100;-3\n"),
        ("header.csv", b'"x","y","z","r"\n0,0,0,1\n100,0.5,0,1\n0,100,-3,1\n'),
        ("mark.csv", b"\xef\xbb\xbfx,y,z\n0,0,0\n100,0.5,0\n0,100,-3\n"),
        ("comments.xyz", b"# a scan\n//X Y Z\n0 0 0 # first\n\n100 0.5 0\n0 100 -3\n"),
        ("counted.pts", b"3\n0 0 0\n100 0.5 0\n0 100 -3\n"),
        ("normals.xyz", b"0 0 0 0 0 1\n100 0.5 0 0 0 1\n0 100 -3 0 0 1\n"),
    ],
)
def test_rows_of_points_are_read_however_they_are_written(name, data):
    np.testing.assert_array_equal(read_scan_bytes(name, data).points, ROWS)


@pytest.mark.parametrize(
    ("data", "cause"),
    [
        (b"0 0 0\n1 2\n", "line 2 has 2 values where 3 are expected"),
        (b"0 0 0\n1 two 3\n", "line 2 holds 'two'"),
        (b"0 0 0\n1 1_0 3\n", "line 2 holds '1_0'"),
        (b"0 0 0\n1 nan 3\n", "point 1 of 2"),
        (b"5\n0 0 0\n", "announces 5 points and holds 1"),
        (b"99999999\n0 0 0\n", "99,999,999 points, more than"),
        (b"99999999999999999999999\n0 0 0\n", "where an integer is expected"),
        (b"hello\n", "'hello', not a point"),
        (b"hello my friend\n", "'hello' where a number is expected"),
        (b"# only a comment\n", "no points"),
        (b"x y z\n", "no points"),
        (b"0 0 0\n\0\0\0", "binary data"),
        (b"\xff\xfe0\x000\x00", "UTF-16"),
        (b"1 2 3 " * 20_000, "longer than 65,536 characters"),
    ],
)
def test_text_that_is_no_cloud_is_refused(complaint, data, cause):
    assert cause in complaint("bad.xyz", data)


def test_more_points_than_allowed_are_refused_before_they_become_numbers(complaint, monkeypatch):
    monkeypatch.setattr("faceviz.io.clouds.numbers", lambda *_: pytest.fail("they became numbers"))
    assert "more than the 9 allowed" in complaint("many.xyz", b"1 2 3\n" * 10, max_points=9)


def test_endless_empty_lines_are_refused_at_once(complaint):
    assert "17,000,000 lines" in complaint("lines.xyz", b"\n" * 17_000_000 + b"1 2 3")
