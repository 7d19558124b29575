"""STL, ASCII and binary: loose triangles, whose equal corners are merged into one mesh."""

from __future__ import annotations

import numpy as np

from faceviz.io.problems import Limits, Parsed, Problem, shown
from faceviz.io.text import BATCH, Row, numbers, rows

HEADER_BYTES, FACET_BYTES = 84, 50

_FACET = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])


def parse_stl(data: bytes, limits: Limits) -> Parsed:
    """Corners with the same three float32 become one vertex; vertices are in the order of first use."""
    is_text = data.lstrip()[:5].lower() == b"solid" and not has_binary_length(data)
    corners = _text_corners(data, limits) if is_text else _binary_corners(data, limits)
    if not len(corners):
        raise Problem("holds no facets", "check the export")
    points, triangles = merge_corners(corners)
    return Parsed(points, triangles)


def has_binary_length(data: bytes) -> bool:
    """Whether the length is the one that the count in a binary header asks for."""
    return len(data) > HEADER_BYTES and len(data) == HEADER_BYTES + FACET_BYTES * _announced(data)


def merge_corners(corners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Equal rows of (3 M, 3) corners as one vertex: (V, 3) points and (M, 3) triangles.

    Corners are compared as float32, the precision of the format: x and y are packed in one integer, its rank and z in
    another, so that two sorts of integers do for a sort of rows.
    """
    single = corners.astype(np.float32) + np.float32(0)  # -0 + 0 is 0
    bits = single.view(np.uint32).astype(np.uint64)
    _, xy = np.unique((bits[:, 0] << np.uint64(32)) | bits[:, 1], return_inverse=True)
    _, first, vertex = np.unique(
        (xy.astype(np.uint64) << np.uint64(32)) | bits[:, 2], return_index=True, return_inverse=True
    )
    order = np.argsort(first)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return corners[first[order]].astype(np.float64), rank[vertex].reshape(-1, 3)


def _announced(data: bytes) -> int:
    return int.from_bytes(data[80:84], "little")


def _binary_corners(data: bytes, limits: Limits) -> np.ndarray:
    if len(data) < HEADER_BYTES:
        raise Problem(f"has {len(data)} bytes, less than an STL header", "check that this is an STL file")
    count = _announced(data)
    limits.check_triangles(count)
    if len(data) != HEADER_BYTES + FACET_BYTES * count:
        raise Problem(
            f"announces {count:,} facets, {HEADER_BYTES + FACET_BYTES * count:,} bytes, and has {len(data):,}",
            "the file is cut off or no STL: copy or export it again",
        )
    return np.frombuffer(data, _FACET, count, HEADER_BYTES)["corners"].reshape(-1, 3)


def _text_corners(data: bytes, limits: Limits) -> np.ndarray:
    packed: list[np.ndarray] = []
    pending: list[Row] = []
    corners = facets = solids = 0
    for number, words in rows(data):
        word = words[0].lower()
        if word == b"vertex":
            corners += 1
            pending.append((number, words))
        elif word == b"endfacet":
            facets += 1
            if corners != 3 * facets:
                raise Problem(
                    f"the facet that ends at line {number} has not three corners", "export it again"
                )
        elif word in (b"solid", b"endsolid"):
            solids += 1 if word == b"solid" else -1
        elif word not in (b"facet", b"outer", b"endloop"):
            raise Problem(
                f"line {number} begins with {shown(words[0])}, unknown in STL", "check that this is an STL"
            )
        if len(pending) >= BATCH:
            limits.check_triangles(facets)
            packed.append(numbers(pending, 1, 3))
            pending = []
    if solids or corners != 3 * facets:
        raise Problem("ends inside a solid", "the file is cut off: copy or export it again")
    limits.check_triangles(facets)
    if pending:
        packed.append(numbers(pending, 1, 3))
    return np.concatenate(packed) if packed else np.empty((0, 3))
