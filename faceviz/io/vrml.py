"""VRML 2.0 with one IndexedFaceSet, as BU-4DFE stores its frames: points, polygons, texture coordinates, picture."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from faceviz.io.files import read_bytes
from faceviz.io.polygons import fan
from faceviz.io.problems import MAX_BYTES, Limits, Parsed, Problem, check_points, file_error, shown
from faceviz.io.text import convert

MAGIC = b"#VRML V2.0 utf8"

_MOVED = re.compile(rb"\b(?:translation|rotation|scale|scaleOrientation|center)\b")
_FOREIGN = re.compile(rb"\b(PROTO|EXTERNPROTO|Inline|USE)\b")
_STRING_OR_COMMENT = re.compile(rb'"(?:[^"\\]|\\.)*"|#[^\r\n]*', re.S)
_NAMED = rb"(?:DEF\s+[^\s{}\[\]]+\s+)?"
_POINTS = re.compile(rb"\bcoord\s+" + _NAMED + rb"Coordinate\s*\{\s*point\s*\[")
_INDICES = re.compile(rb"\bcoordIndex\s*\[")
_TEXTURE = re.compile(rb"\btexCoord\s+" + _NAMED + rb"TextureCoordinate\s*\{\s*point\s*\[")
_TEXTURE_INDICES = re.compile(rb"\btexCoordIndex\s*\[")
_PICTURE = re.compile(rb"\bImageTexture\s*\{[^{}\"]*\"((?:[^\"\\]|\\.)*)\"")
_EXPORT = "export it again as VRML 2.0 with one IndexedFaceSet"


@dataclass(frozen=True, slots=True, eq=False)
class VrmlMesh:
    """One textured mesh."""

    points: np.ndarray  # (N, 3) float64
    triangles: np.ndarray | None  # (M, 3) int64
    uv: np.ndarray | None  # (N, 2) float64 of each point; None where the file has none, or not one a point
    picture: str | None  # file name of the texture, without any folder


def read_vrml(path: str | os.PathLike[str], *, max_bytes: int = MAX_BYTES) -> VrmlMesh:
    """A VRML 2.0 file.

    Raises:
        FileFormatError: ``<file>: <cause>; <what to do>``, in one line.
    """
    path = Path(path)
    try:
        return parse_textured(read_bytes(path, max_bytes), Limits(bytes=max_bytes))
    except Problem as problem:
        raise file_error(path.name, problem) from None


def parse_vrml(data: bytes, limits: Limits) -> Parsed:
    """Points and triangles."""
    mesh = parse_textured(data, limits)
    return Parsed(mesh.points, mesh.triangles)


def parse_textured(data: bytes, limits: Limits) -> VrmlMesh:
    """Arrays are counted before they are converted; whatever moves, repeats or includes geometry is refused."""
    if not data.startswith(MAGIC):
        raise Problem(f"is no VRML 2.0: it begins with {shown(data[:32])}", _EXPORT)
    if b"\0" in data:
        raise Problem("holds binary data where text is expected", "unpack it first")
    bare = _STRING_OR_COMMENT.sub(_blank, data)
    _check_structure(bare)
    content = _array(bare, _POINTS, "points")
    points = _reals(content, 3, limits, "points")
    points = check_points(points, limits)
    indices = _array(bare, _INDICES, "coordIndex", needed=False)
    triangles = None if indices is None else _polygons(indices, len(points), limits)
    picture = _PICTURE.search(data)
    return VrmlMesh(points, triangles, _uv(bare, len(points), indices, limits), _file_name(picture))


def _blank(found: re.Match[bytes]) -> bytes:
    """A string or comment as nothing, the lines kept."""
    return b"\n" * found[0].count(b"\n")


def _check_structure(bare: bytes) -> None:
    if bare.count(b"{") != bare.count(b"}") or bare.count(b"[") != bare.count(b"]"):
        raise Problem(
            "ends before all its braces and brackets are closed", "the file is cut off: copy it again"
        )
    sets = len(re.findall(rb"\bIndexedFaceSet\b", bare))
    if sets != 1:
        raise Problem(f"holds {sets} IndexedFaceSets where one is expected", _EXPORT)
    foreign = _FOREIGN.search(bare)
    if foreign:
        raise Problem(f"uses {foreign[1].decode()}, which is not read", _EXPORT)
    if re.search(rb"\bTransform\b", bare) and _MOVED.search(bare):
        raise Problem(
            "moves its mesh by a Transform, which is not read", "export it with the transform applied"
        )


def _array(
    bare: bytes, opening: re.Pattern[bytes], what: str, needed: bool = True
) -> tuple[bytes, int] | None:
    """What stands between the brackets and the number of its first line."""
    start = opening.search(bare)
    if start is None:
        if needed:
            raise Problem(f"has no {what}", _EXPORT)
        return None
    end = bare.find(b"]", start.end())
    if end < 0:
        raise Problem(f"does not end its {what}", "the file is damaged: copy it again")
    return bare[start.end() : end], bare.count(b"\n", 0, start.end()) + 1


def _words(content: tuple[bytes, int] | None, limit: int, what: str) -> list[bytes]:
    """The words of an array, counted before they are made."""
    text = b"" if content is None else content[0].replace(b",", b" ")
    letters = np.frombuffer(text, np.uint8) > 32
    count = int(np.count_nonzero(letters[1:] & ~letters[:-1])) + int(letters[:1].sum())
    if count > limit:
        raise Problem(f"has {count:,} numbers as {what}, more than the {limit:,} allowed", "reduce the mesh")
    return text.split()


def _line(content: tuple[bytes, int], index: int) -> int:
    """The line of the file on which a word of an array stands."""
    for number, found in enumerate(re.finditer(rb"[^\s,]+", content[0])):
        if number == index:
            return content[1] + content[0].count(b"\n", 0, found.start())
    return content[1]


def _reals(content: tuple[bytes, int] | None, columns: int, limits: Limits, what: str) -> np.ndarray:
    words = _words(content, columns * limits.points, what)
    if len(words) % columns:
        raise Problem(
            f"has {len(words)} numbers as {what}, which is no multiple of {columns}", "export it again"
        )
    assert content is not None
    return convert(words, float, lambda index: _line(content, index)).reshape(-1, columns)


def _polygons(content: tuple[bytes, int], count: int, limits: Limits) -> np.ndarray | None:
    """Polygons, each ended by -1 (the last one may go without), as triangles."""
    words = _words(content, 4 * limits.triangles, "coordIndex")
    indices = convert(words, int, lambda index: _line(content, index))
    if len(indices) and indices[-1] != -1:
        indices = np.append(indices, -1)
    ends = np.flatnonzero(indices == -1)
    sizes = np.diff(ends, prepend=-1) - 1
    return fan(sizes[sizes > 0], indices[indices != -1], count, limits)


def _uv(bare: bytes, count: int, indices: tuple[bytes, int] | None, limits: Limits) -> np.ndarray | None:
    """Texture coordinates, where there is one of each point."""
    content = _array(bare, _TEXTURE, "texture coordinates", needed=False)
    if content is None:
        return None
    uv = _reals(content, 2, limits, "texture coordinates")
    own = _array(bare, _TEXTURE_INDICES, "texCoordIndex", needed=False)
    same = own is None or (indices is not None and own[0].split() == indices[0].split())
    return uv if same and len(uv) == count and np.isfinite(uv).all() else None


def _file_name(found: re.Match[bytes] | None) -> str | None:
    if found is None:
        return None
    name = found[1].decode("utf-8", "replace").replace("\\", "/").rpartition("/")[2]
    return name or None
