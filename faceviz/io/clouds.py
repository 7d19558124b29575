"""Clouds in text files: XYZ, CSV and PTS; one point a row, further columns (colours, normals) skipped."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import numpy as np

from faceviz.io.problems import Limits, Parsed, Problem, shown
from faceviz.io.text import BATCH, Row, numbers, rows

_SEPARATORS = bytes.maketrans(b",;", b"  ")


def parse_xyz(data: bytes, limits: Limits) -> Parsed:
    """x, y, z in the first three columns, separated by blanks, commas or semicolons.

    Comments begin with ``#`` or ``//``. A first row of column names is skipped; a first row that is one integer
    (PTS) is the number of points, and is checked.
    """
    if b"," in data or b";" in data:
        data = data.translate(_SEPARATORS)
    announced, source = _header(row for row in rows(data) if not row[1][0].startswith(b"//"))
    if announced is not None:
        limits.check_points(announced)
    packed, count = [], 0
    while batch := list(islice(source, BATCH)):
        count += len(batch)
        limits.check_points(count)
        packed.append(numbers(batch, 0, 3))
    if announced is not None and announced != count:
        raise Problem(
            f"announces {announced:,} points and holds {count:,}", "the file is cut off: export it again"
        )
    if not packed:
        raise Problem("holds no points", "check the export: rows of x y z are expected")
    return Parsed(np.concatenate(packed))


def looks_like_numbers(data: bytes) -> bool:
    """Whether the first rows of a text are points."""
    try:
        parse_xyz(data[:4096].rpartition(b"\n")[0] or data[:4096], Limits())
    except Problem:
        return False
    return True


def _header(source: Iterator[Row]) -> tuple[int | None, Iterator[Row]]:
    """The number of points where the first row names it, and the rows of points."""
    first = next(source, None)
    if first is None:
        raise Problem("holds no points", "check the export: rows of x y z are expected")
    line, words = first
    if len(words) == 1 and words[0].isdigit():
        return int(numbers([first], 0, 1, int)[0, 0]), source
    if [word.strip(b"\"'/").lower() for word in words[:3]] == [b"x", b"y", b"z"]:
        return None, source
    if len(words) < 3:
        raise Problem(f"line {line} is {shown(b' '.join(words))}, not a point", "rows of x y z are expected")
    return None, (row for rows_ in ([first], source) for row in rows_)
