"""The formats, and which of them a file is: by its first bytes, then by its extension, then by a look at its text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePath

from faceviz.io.arrays import NPY_MAGIC, parse_npy, parse_npz
from faceviz.io.clouds import looks_like_numbers, parse_xyz
from faceviz.io.glb import parse_glb
from faceviz.io.obj import parse_obj
from faceviz.io.off import MAGIC as OFF_MAGIC
from faceviz.io.off import parse_off
from faceviz.io.ply import parse_ply
from faceviz.io.problems import Limits, Parsed, Problem, shown
from faceviz.io.stl import has_binary_length, parse_stl
from faceviz.io.vrml import MAGIC as VRML_MAGIC
from faceviz.io.vrml import parse_vrml


@dataclass(frozen=True, slots=True)
class Format:
    """One format of scans.

    Args:
        name: as people call it.
        extensions: in lower case with the dot, the usual one first.
        writes: whether ``write_scan`` knows it.
        holds: what it can hold, for help texts.
        parse: from bytes to arrays.
    """

    name: str
    extensions: tuple[str, ...]
    writes: bool
    holds: str
    parse: Callable[[bytes, Limits], Parsed]


#: All formats that ``read_scan`` reads, for help texts and file choosers.
SUPPORTED: tuple[Format, ...] = (
    Format("PLY", (".ply",), True, "points, triangles, colours and heat; ASCII or binary", parse_ply),
    Format("OBJ", (".obj",), True, "points and triangles, vertex order kept", parse_obj),
    Format("STL", (".stl",), False, "triangles, equal corners merged; ASCII or binary", parse_stl),
    Format("OFF", (".off",), False, "points and triangles, ASCII", parse_off),
    Format("GLB", (".glb",), False, "points and triangles of a scene, transforms applied", parse_glb),
    Format("VRML", (".wrl",), False, "points and triangles of one IndexedFaceSet, version 2.0", parse_vrml),
    Format("NPY", (".npy",), False, "points (N, 3)", parse_npy),
    Format("NPZ", (".npz",), True, "points, triangles, landmarks, unit, heatmaps", parse_npz),
    Format("XYZ", (".xyz", ".txt", ".csv", ".pts", ".asc"), False, "points, one row each", parse_xyz),
)

_BY_NAME = {known.name: known for known in SUPPORTED}
_BY_EXTENSION = {extension: known for known in SUPPORTED for extension in known.extensions}

_FOREIGN = (
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"\x89PNG", "a PNG image"),
    (b"%PDF", "a PDF"),
    (b"\x1f\x8b", "packed with gzip"),
    (b"Rar!", "a RAR archive"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"#VRML", "VRML of another version than 2.0"),
    (b"Kaydara FBX", "an FBX file"),
    (b"<", "an HTML or XML file"),
)
_PICKLES = tuple(bytes([0x80, protocol]) for protocol in range(2, 6))


def read_extensions() -> tuple[str, ...]:
    """Extensions of all formats that can be read."""
    return tuple(_BY_EXTENSION)


def write_extensions() -> tuple[str, ...]:
    """Extensions of all formats that can be written."""
    return tuple(known.extensions[0] for known in SUPPORTED if known.writes)


def detect(name: str, data: bytes) -> Format:
    """The format of a file's content. Unmistakable first bytes win over the extension.

    Raises:
        Problem: empty, or not a format that is known.
    """
    if not data.strip():
        raise Problem("is empty", "check the export or the download")
    extension = PurePath(name).suffix.lower()
    if extension == ".stl" and has_binary_length(data):  # its header may begin with anything
        return _BY_NAME["STL"]
    by_content = _by_magic(data)
    if by_content is not None:
        return _BY_NAME[by_content]
    _refuse_foreign(data)
    found = _BY_EXTENSION.get(extension)
    if found is None:
        return _by_look(extension, data)
    if found.name in ("PLY", "OFF", "GLB", "VRML", "NPY", "NPZ"):
        raise Problem(f"is no {found.name}: it begins with {shown(data[:64])}", _rename_hint(data, extension))
    return found


def _by_magic(data: bytes) -> str | None:
    if data.startswith((b"ply\n", b"ply\r")):
        return "PLY"
    if data.startswith(VRML_MAGIC):
        return "VRML"
    if data.startswith(b"glTF"):
        return "GLB"
    if data.startswith(NPY_MAGIC):
        return "NPY"
    if data.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return "NPZ"
    return "OFF" if OFF_MAGIC.match(data[:4096]) else None


def _refuse_foreign(data: bytes) -> None:
    if data.startswith(_PICKLES):
        raise Problem(
            "is a Python pickle, which could run code", "save plain arrays, or use faceviz.io.read_bundle"
        )
    for magic, description in _FOREIGN:
        if data.lstrip()[: len(magic)] == magic:
            raise Problem(f"is {description}", f"a scan is expected: {', '.join(read_extensions())}")


def _by_look(extension: str, data: bytes) -> Format:
    looks = _looks_like(data)
    if looks is None:
        what = f"has the extension {shown(extension.encode())}" if extension else "has no extension"
        raise Problem(f"{what} and no known content", f"use one of {', '.join(read_extensions())}")
    return _BY_NAME[looks]


def _looks_like(data: bytes) -> str | None:
    """A guess for text without a first word that settles it."""
    head = data[:65536]
    if has_binary_length(data) or (head.lstrip()[:5].lower() == b"solid" and b"facet" in head):
        return "STL"
    if any(line.startswith((b"v ", b"v\t")) for line in head.splitlines()):
        return "OBJ"
    return "XYZ" if looks_like_numbers(data) else None


def _rename_hint(data: bytes, extension: str) -> str:
    looks = _looks_like(data)
    if looks is None:
        return "check the export or the download"
    return f"it looks like {looks}: name it {_BY_NAME[looks].extensions[0]} instead of {extension}"
