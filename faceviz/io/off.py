"""OFF: Object File Format in ASCII, with or without colours and normals."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from faceviz.io.polygons import fan
from faceviz.io.problems import Limits, Parsed, Problem
from faceviz.io.text import Row, counted_lists, end, numbers, rows, take

#: The first word: texture, colour and normal prefixes are columns after x y z and are skipped.
MAGIC = re.compile(rb"\s*(?:#[^\n]*\n\s*)*((?:ST)?C?N?4?n?OFF)")

_SMALLEST_ROW = len(b"0 0 0\n")


def parse_off(data: bytes, limits: Limits) -> Parsed:
    """Counts are checked against the size of the file, then vertices and polygons are read."""
    magic = MAGIC.match(data)
    if magic is None:
        raise Problem("does not begin with 'OFF'", "check that this is an OFF file")
    if b"4" in magic[1] or b"n" in magic[1]:
        raise Problem("holds points that are not three-dimensional", "export it as plain OFF")
    source = rows(data[magic.end() :], first=data.count(b"\n", 0, magic.end()) + 1)
    vertex_count, face_count = _counts(source)
    limits.check_points(vertex_count)
    limits.check_triangles(face_count)
    if (vertex_count + face_count) * _SMALLEST_ROW > len(data) + 1:
        raise Problem(
            f"announces {vertex_count:,} vertices and {face_count:,} faces, too many for {len(data):,} bytes",
            "the header lies or the file is cut off: export it again",
        )
    if not vertex_count:
        raise Problem("holds no vertices", "check the export")
    points = np.concatenate([numbers(batch, 0, 3) for batch in take(source, vertex_count, "vertices")])
    triangles = _faces(source, face_count, vertex_count, limits)
    end(source)
    return Parsed(points, triangles)


def _counts(source: Iterator[Row]) -> tuple[int, int]:
    row = next(source, None)
    if row is None:
        raise Problem("ends before its counts", "the file is cut off: copy or export it again")
    if row[1][0].upper() == b"BINARY":
        raise Problem("is a binary OFF", "export it as ASCII OFF, or as PLY")
    vertices, faces = (int(value) for value in numbers([row], 0, 2, int)[0])
    if vertices < 0 or faces < 0:
        raise Problem(f"announces {vertices} vertices and {faces} faces", "export it again")
    return vertices, faces


def _faces(source: Iterator[Row], count: int, vertex_count: int, limits: Limits) -> np.ndarray | None:
    lists = [counted_lists(batch, exact=False) for batch in take(source, count, "faces")]
    if not lists:
        return None
    sizes, corners = (np.concatenate(parts) for parts in zip(*lists, strict=True))
    return fan(sizes, corners, vertex_count, limits)
