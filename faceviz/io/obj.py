"""Wavefront OBJ, vertex for vertex as the file has them: FaceScape's landmarks are vertex numbers.

Materials and other files that an OBJ names are never opened.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

import numpy as np

from faceviz.io.polygons import fan
from faceviz.io.problems import Limits, Parsed, Problem, shown
from faceviz.io.text import BATCH, Row, convert, lines, list_of, numbers
from faceviz.scan import UNITS

_BEHIND_SLASH = re.compile(rb"/\S*")

#: Statements that hold no vertex or face; a word that is in no list of the OBJ specification is an error.
_IGNORED = frozenset(
    b"vt vn vp p l g s o mg usemtl mtllib usemap maplib bevel c_interp d_interp lod shadow_obj trace_obj ctech stech "
    b"deg bmat step cstype curv curv2 surf parm trim hole scrv sp end con call csh".split()
)


def parse_obj(data: bytes, limits: Limits) -> Parsed:
    """Vertices in file order and count; polygons as triangles; negative (relative) indices resolved."""
    points = _Vertices(limits)
    faces = _Faces(limits)
    unit = None
    source = _statements(data)
    while batch := list(islice(source, BATCH)):
        for number, words in batch:
            word = words[0]
            if word == b"v":
                points.add(number, words)
            elif word in (b"f", b"fo"):
                faces.add(number, words, points.count)
            elif word.startswith(b"#"):
                unit = _unit(words) or unit
            elif word not in _IGNORED:
                raise Problem(
                    f"line {number} begins with {shown(word)}, unknown in OBJ", "check that this is an OBJ"
                )
        points.pack()
        faces.pack()
    if not points.count:
        raise Problem(
            "holds no vertices (no line begins with 'v')", "check that this is an OBJ with geometry"
        )
    return Parsed(points.array(), faces.triangles(points.count), unit=unit)


def _statements(data: bytes) -> Iterator[Row]:
    """The words of each line, with continued lines (a backslash at the end) joined and comments after words cut."""
    if b"\\\n" in data or b"\\\r\n" in data:
        data = data.replace(b"\\\r\n", b" ").replace(b"\\\n", b" ")
    for number, line in lines(data):
        cut = line.find(b"#", 1)
        words = line[:cut].split() if cut > 0 and not line.startswith(b"#") else line.split()
        if words:
            yield number, words


def _unit(words: list[bytes]) -> str | None:
    """``# unit mm``, as faceviz writes it."""
    found = words[2].decode("latin1") if len(words) == 3 and words[:2] == [b"#", b"unit"] else None
    return found if found in UNITS else None


class _Vertices:
    def __init__(self, limits: Limits) -> None:
        self.count = 0
        self._limits = limits
        self._rows: list[Row] = []
        self._packed: list[np.ndarray] = []

    def add(self, number: int, words: list[bytes]) -> None:
        self.count += 1
        self._rows.append((number, words))

    def pack(self) -> None:
        self._limits.check_points(self.count)
        if self._rows:
            self._packed.append(numbers(self._rows, 1, 3))
            self._rows = []

    def array(self) -> np.ndarray:
        return np.concatenate(self._packed)


class _Faces:
    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._count = 0
        self._rows: list[tuple[int, list[bytes], int]] = []  # (line, words, vertices so far)
        self._sizes: list[np.ndarray] = []
        self._corners: list[np.ndarray] = []

    def add(self, number: int, words: list[bytes], vertices_so_far: int) -> None:
        self._count += 1
        self._rows.append((number, words, vertices_so_far))

    def pack(self) -> None:
        self._limits.check_triangles(self._count)
        if not self._rows:
            return
        sizes = np.array([len(words) - 1 for _, words, _ in self._rows], dtype=np.int64)
        words = [word for _, words, _ in self._rows for word in words[1:]]
        vertices = _BEHIND_SLASH.sub(b"", b" ".join(words)).split()  # a/b/c: vertex, texture, normal
        if len(vertices) != len(words):
            vertices = [word.partition(b"/")[0] for word in words]

        def line_of(index: int) -> int:
            return self._rows[list_of(sizes, index)][0]

        indices = convert(vertices, int, line_of)
        if not indices.all():
            line = line_of(int(np.argmin(indices != 0)))
            raise Problem(f"line {line} points to vertex 0", "OBJ counts vertices from 1: export it again")
        before = np.repeat([count for _, _, count in self._rows], sizes)
        self._corners.append(np.where(indices > 0, indices - 1, before + indices))
        self._sizes.append(sizes)
        self._rows = []

    def triangles(self, vertex_count: int) -> np.ndarray | None:
        if not self._sizes:
            return None
        return fan(np.concatenate(self._sizes), np.concatenate(self._corners), vertex_count, self._limits)
