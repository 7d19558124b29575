from __future__ import annotations

import struct

import numpy as np
import pytest

from faceviz.io import read_scan_bytes
from faceviz.io.stl import merge_corners


def test_equal_corners_are_merged_in_the_order_of_first_use():
    corners = np.array([[5, 0, 0], [1, 0, 0], [0, 1, 0], [1, 0, 0], [5, 0, 0], [0, 0, 7]], dtype=np.float64)
    points, triangles = merge_corners(corners)
    np.testing.assert_array_equal(points, [[5, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 7]])
    np.testing.assert_array_equal(triangles, [[0, 1, 2], [1, 0, 3]])


def test_merging_keeps_every_corner_where_it_was(rng):
    corners = rng.integers(-3, 3, (999, 3)).astype(np.float64)
    points, triangles = merge_corners(corners)
    np.testing.assert_array_equal(points[triangles.ravel()], corners)
    assert len(np.unique(points, axis=0)) == len(points)


def test_corners_that_differ_in_one_coordinate_stay_apart():
    corners = np.array([[1, 2, 3], [1, 2, 3.0000005], [1, 2.0000005, 3]])
    assert len(merge_corners(corners)[0]) == 3


def test_minus_zero_and_zero_are_one_corner():
    assert len(merge_corners(np.array([[0.0, 0, 0], [-0.0, 0, -0.0], [1, 0, 0]]))[0]) == 2


@pytest.mark.parametrize("name", ["text.stl", "binary.stl"])
def test_the_mesh_is_connected(meshes, points, name):
    scan = read_scan_bytes(name, meshes[name])
    assert len(scan.points) == len(points)
    assert len(np.unique(scan.triangles)) == len(points)


def test_a_binary_file_whose_header_begins_with_solid_is_binary(meshes, points):
    data = b"solid made by a careless tool".ljust(80) + meshes["binary.stl"][80:]
    assert len(read_scan_bytes("a.stl", data).points) == len(points)


def test_two_solids_in_one_text_file_are_one_scan(meshes, points):
    assert len(read_scan_bytes("two.stl", meshes["text.stl"] * 2).points) == len(points)


def test_a_count_that_lies_is_refused_before_memory_is_taken(complaint):
    assert "announces 7,000,000 facets" in complaint(
        "lie.stl", bytes(80) + struct.pack("<I", 7_000_000) + bytes(50)
    )


def test_more_facets_than_allowed_are_refused(complaint):
    assert "4,000,000,000 faces" in complaint(
        "bomb.stl", bytes(80) + struct.pack("<I", 4_000_000_000) + bytes(50)
    )


@pytest.mark.parametrize("name", ["text.stl", "binary.stl"])
def test_a_cut_off_file_is_refused(meshes, complaint, name):
    for stop in (100, len(meshes[name]) // 2, len(meshes[name]) - 13):
        complaint(name, meshes[name][:stop])


def test_trailing_bytes_are_refused(meshes, complaint):
    assert "announces 32 facets" in complaint("long.stl", meshes["binary.stl"] + b"x")


def test_a_facet_without_three_corners_is_refused(meshes, complaint):
    first = meshes["text.stl"].index(b"vertex")
    stop = meshes["text.stl"].index(b"\n", first) + 1
    data = meshes["text.stl"][:first] + meshes["text.stl"][stop:]
    assert "has not three corners" in complaint("two.stl", data)


def test_a_text_without_facets_is_refused(complaint):
    assert "no facets" in complaint("none.stl", b"solid face\nendsolid face\n")


def test_prose_is_refused(complaint):
    assert "unknown in STL" in complaint("prose.stl", b"solid advice:\nnever trust a file\n")
    assert "less than an STL header" in complaint("prose.stl", b"never trust a file")


def test_a_corner_that_is_not_finite_is_refused(make, complaint, points, triangles):
    broken = points.copy()
    broken[3, 2] = np.inf
    assert "not a finite coordinate" in complaint("inf.stl", make.stl_binary(broken, triangles))
    assert "not a finite coordinate" in complaint("inf.stl", make.stl_text(broken, triangles))
