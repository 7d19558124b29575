"""What the parsers of this package share: the problem they report, the limits they keep, the result they return."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from faceviz.errors import FileFormatError

MAX_POINTS = 2_000_000
MAX_BYTES = 256 * 1024**2
#: Coordinates beyond this are no scan in any unit, and their squares would overflow further on.
MAX_COORDINATE = 1e12

_SHOWN_CHARACTERS = 40


class Problem(Exception):
    """What is wrong with a file and the way out; the reader adds the file's name and raises a FileFormatError."""

    def __init__(self, cause: str, way_out: str) -> None:
        super().__init__(f"{cause}; {way_out}")


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a file may hold. ``triangles`` follows from ``points``: a closed mesh has twice as many."""

    points: int = MAX_POINTS
    bytes: int = MAX_BYTES

    @property
    def triangles(self) -> int:
        return 4 * self.points

    def check_points(self, count: int) -> None:
        """Before anything is allocated: a header that announces ``count`` points."""
        if count > self.points:
            raise Problem(
                f"has {count:,} points, more than the {self.points:,} allowed",
                "reduce the mesh, or raise max_points",
            )

    def check_triangles(self, count: int) -> None:
        """Before anything is allocated: a header that announces ``count`` faces or triangles."""
        if count > self.triangles:
            raise Problem(
                f"has {count:,} faces, more than the {self.triangles:,} allowed",
                "reduce the mesh, or raise max_points (four faces are allowed per point)",
            )

    def check_bytes(self, count: int) -> None:
        if count > self.bytes:
            raise Problem(
                f"has {count:,} bytes, more than the {self.bytes:,} allowed",
                "reduce the mesh, or raise max_bytes",
            )


@dataclass(frozen=True, slots=True, eq=False)
class Parsed:
    """The content of a file, as its parser found it."""

    points: np.ndarray  # (N, 3) float64
    triangles: np.ndarray | None = None  # (M, 3) int64
    landmarks: np.ndarray | None = None  # (68, 3) float64
    unit: str | None = None


def file_error(name: str, problem: object) -> FileFormatError:
    """``<file>: <cause>; <what to do>`` in one line."""
    return FileFormatError(f"{one_line(name)}: {one_line(str(problem))}")


def one_line(text: str) -> str:
    """The text with line breaks and other control characters escaped."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def shown(content: bytes) -> str:
    """A piece of a file as it may stand in a message: short, quoted, in one line."""
    text = content[: _SHOWN_CHARACTERS + 1].decode("utf-8", "backslashreplace").strip()
    return repr(text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "...")


def check_points(points: np.ndarray, limits: Limits) -> np.ndarray:
    """Points as (N, 3) float64, not empty, not too many, finite."""
    if points.ndim != 2 or points.shape[1] != 3:
        raise Problem(f"holds points of shape {points.shape}", "store them as (N, 3)")
    if not len(points):
        raise Problem("holds no points", "check the export")
    limits.check_points(len(points))
    points = np.asarray(points, dtype=np.float64)
    good = (np.abs(points) <= MAX_COORDINATE).all(axis=1)
    if not good.all():
        row = int(np.argmin(good))
        values = ", ".join(f"{value:g}" for value in points[row])
        raise Problem(
            f"point {row} of {len(points)} (the first is 0) is ({values}), not a finite coordinate",
            "remove or repair it",
        )
    return points
