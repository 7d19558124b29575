from __future__ import annotations

import numpy as np
import pytest

from faceviz.io import read_scan_bytes

SQUARE = b"0 0 0\n100 0 0\n100 100 0\n0 100 0\n"


@pytest.mark.parametrize(
    "head",
    [b"OFF\n4 1 0\n", b"OFF 4 1 0\n", b"OFF4 1 0\n", b"# made by hand\nOFF\n# counts\n4 1 4 # edges\n"],
)
def test_the_counts_may_stand_beside_or_below_the_magic_word(head):
    scan = read_scan_bytes("a.off", head + SQUARE + b"4 0 1 2 3\n")
    np.testing.assert_array_equal(scan.triangles, [[0, 1, 2], [0, 2, 3]])


def test_colours_of_vertices_and_faces_are_skipped():
    data = b"COFF\n3 1 0\n0 0 0 255 0 0 255\n9 0 0 255 0 0 255\n0 9 0 255 0 0 255\n3 0 1 2 255 0 0\n"
    scan = read_scan_bytes("c.off", data)
    np.testing.assert_array_equal(scan.points, [[0, 0, 0], [9, 0, 0], [0, 9, 0]])
    np.testing.assert_array_equal(scan.triangles, [[0, 1, 2]])


@pytest.mark.parametrize(
    ("data", "cause"),
    [
        (b"OFF\n4 1 0\n" + SQUARE, "0 of the 1 faces"),
        (b"OFF\n4 0 0\n" + SQUARE[:-9], "3 of the 4 vertices"),
        (b"OFF\n4 1 0\n" + SQUARE + b"4 0 1 2 3\n3 0 1 2\n", "goes on at line"),
        (b"OFF\n4 1 0\n" + SQUARE + b"3 0 1 4\n", "points to vertex 4"),
        (b"OFF\n4 1 0\n" + SQUARE + b"3 0 1 -1\n", "points to vertex -1"),
        (b"OFF\n4 1 0\n" + SQUARE + b"5 0 1 2 3\n", "announces 5 indices and holds 4"),
        (b"OFF\n4 1 0\n" + SQUARE + b"-3 0 1 2\n", "announces -3 indices"),
        (b"OFF\n4 1 0\n" + SQUARE + b"2 0 1\n", "has 2 corners"),
        (b"OFF\n4 1 0\n" + SQUARE.replace(b"100 0 0", b"nan 0 0") + b"3 0 1 2\n", "point 1 of 4"),
        (b"OFF\n-4 1 0\n" + SQUARE, "-4 vertices"),
        (b"OFF\n0 0 0\n", "no vertices"),
        (b"OFF\n", "ends before its counts"),
        (b"OFF\nfour 1 0\n", "'four'"),
        (b"OFF BINARY\n\0\0", "binary"),
        (b"4OFF\n1 0 0\n0 0 0 0\n", "three-dimensional"),
        (b"OFF\n1500000 0 0\n0 0 0\n", "too many for"),
        (b"OFF\n1500000000 0 0\n0 0 0\n", "more than the 2,000,000 allowed"),
        (b"OFF\n1 999999999 0\n0 0 0\n", "999,999,999 faces, more than"),
    ],
)
def test_a_file_that_lies_or_is_cut_off_is_refused(complaint, data, cause):
    assert cause in complaint("bad.off", data)
