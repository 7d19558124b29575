"""NumPy's NPY and NPZ. Pickled arrays are refused; of a zip only the members that are wanted are read, to their
announced length and no further."""

from __future__ import annotations

import io
import math
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

import numpy as np

from faceviz.io.polygons import check_triangles
from faceviz.io.problems import Limits, Parsed, Problem, shown
from faceviz.landmarks import LANDMARK_COUNT
from faceviz.scan import UNITS

NPY_MAGIC = b"\x93NUMPY"
MAX_MEMBERS = 1_000
MAX_DIMENSIONS = 4
#: A member this large (bytes) that is compressed more than MAX_RATIO times is taken for a bomb.
LARGE_MEMBER, MAX_RATIO = 1 << 24, 200

MAX_NPY_HEADER = 10_000

_NPY_VERSIONS = {
    b"\1\0": (2, np.lib.format.read_array_header_1_0),
    b"\2\0": (4, np.lib.format.read_array_header_2_0),
}
BUNDLE = ("is a bundle of many scans", "read it with faceviz.io.read_bundle")

_ZIP_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    OSError,
    RuntimeError,
    ValueError,
)
_DAMAGED = "the file is damaged: save it again"
_MEMBER_SIGNATURE = b"PK\x01\x02"


def parse_npy(data: bytes, limits: Limits) -> Parsed:
    """An array of points, (N, 3)."""
    stream = io.BytesIO(data)
    return Parsed(_points(read_npy_body(stream, *npy_header(stream), len(data), limits)))


def parse_npz(data: bytes, limits: Limits) -> Parsed:
    """``points`` (or ``vertices``), ``triangles`` (or ``faces``), ``landmarks`` and ``unit``.

    Where both ``points`` and ``vertices`` are there, ``faces`` belong to the vertices and are left out.
    """
    with open_zip(io.BytesIO(data), data.count(_MEMBER_SIGNATURE)) as archive:
        names = member_names(archive)
        points_key = next((key for key in ("points", "vertices") if key in names), None)
        if points_key is None:
            raise Problem(*_without_points(names))
        mesh_keys = (
            ("triangles",) if points_key == "points" and "vertices" in names else ("triangles", "faces")
        )
        faces_key = next((key for key in mesh_keys if key in names), None)
        points = _points(read_array(archive, names[points_key], limits))
        triangles = None if faces_key is None else read_array(archive, names[faces_key], limits)
        landmarks = read_array(archive, names["landmarks"], limits) if "landmarks" in names else None
        unit = _unit(_read_text(archive, names["unit"], limits)) if "unit" in names else None
    return Parsed(
        points,
        None if triangles is None else check_triangles(triangles, len(points), limits),
        None if landmarks is None else check_landmarks(landmarks),
        unit,
    )


def check_landmarks(landmarks: np.ndarray) -> np.ndarray:
    """(68, 3) finite float64."""
    if landmarks.shape != (LANDMARK_COUNT, 3) or landmarks.dtype.kind not in "fiu":
        raise Problem(
            f"holds {landmarks.dtype} landmarks of shape {landmarks.shape}", "store numbers as (68, 3)"
        )
    landmarks = landmarks.astype(np.float64)
    bad = np.flatnonzero(~np.isfinite(landmarks).all(axis=1))
    if len(bad):
        raise Problem(f"landmark {bad[0]} is not finite", "leave the landmarks out, or store all 68")
    return landmarks


def npy_header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Shape, whether in Fortran order, and type; read before any element is."""
    start = stream.read(len(NPY_MAGIC) + 2)
    version = start[len(NPY_MAGIC) :]
    if not start.startswith(NPY_MAGIC) or version not in _NPY_VERSIONS:
        raise Problem(f"begins with {shown(start)}, no NPY of version 1 or 2", _DAMAGED)
    length_bytes, read = _NPY_VERSIONS[version]
    length = stream.read(length_bytes)
    if int.from_bytes(length, "little") > MAX_NPY_HEADER:  # NumPy would read it all before it complains
        raise Problem(f"announces an NPY header of {int.from_bytes(length, 'little'):,} bytes", _DAMAGED)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of headers that Python 2 wrote
            shape, fortran, dtype = read(io.BytesIO(length + stream.read(int.from_bytes(length, "little"))))
    except Exception as error:  # literal_eval of the header raises nearly anything
        raise Problem(f"has a damaged NPY header ({type(error).__name__})", _DAMAGED) from None
    if len(shape) > MAX_DIMENSIONS or any(length < 0 for length in shape):
        raise Problem(f"has an NPY header with shape {shown(str(shape).encode())}", _DAMAGED)
    return shape, fortran, dtype


def read_npy_body(
    stream: IO[bytes], shape: tuple[int, ...], fortran: bool, dtype: np.dtype, size: int, limits: Limits
) -> np.ndarray:
    """The elements after an NPY header: exactly as many bytes as the header announces, ``size`` with the header."""
    if dtype.hasobject:
        raise Problem(
            "holds Python objects, which could run code", "save plain numbers: np.save(file, points)"
        )
    if dtype.kind not in "fiu":
        raise Problem(f"holds values of type {shown(str(dtype).encode())}", "save plain numbers")
    length = math.prod(shape) * dtype.itemsize
    limits.check_triangles(shape[0] if shape else 0)
    left = size - stream.tell()
    if length != left:
        raise Problem(f"announces shape {shape}, {length:,} bytes, and has {left:,}", _DAMAGED)
    values = np.frombuffer(_exactly(stream, length), dtype, math.prod(shape))
    return values.reshape(shape, order="F" if fortran else "C")


def open_zip(stream: IO[bytes], signatures: int) -> zipfile.ZipFile:
    """An archive whose directory is small; ``signatures`` of directory entries are counted before it is parsed."""
    if signatures > MAX_MEMBERS:
        raise Problem(f"is a zip of about {signatures:,} members", "check that this is an NPZ")
    try:
        return zipfile.ZipFile(stream)
    except Exception as error:  # hostile directories raise struct, Unicode and other errors
        raise Problem(f"is a damaged zip ({type(error).__name__})", _DAMAGED) from None


def member_names(archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """Members by name without ``.npy``; nothing is ever extracted to a path."""
    infos = archive.infolist()
    names = {info.filename.removesuffix(".npy"): info for info in infos}
    if len(names) != len(infos):
        raise Problem("holds two members of one name", _DAMAGED)
    return names


@contextmanager
def open_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, limits: Limits) -> Iterator[IO[bytes]]:
    """A member whose announced size and ratio are sane; damage met while reading it becomes a Problem."""
    _check_member(info, _size(archive), limits)
    try:
        with archive.open(info) as stream:
            yield stream
    except _ZIP_ERRORS as error:
        raise Problem(f"holds a damaged {_shown_name(info)} ({type(error).__name__})", _DAMAGED) from None


def read_array(archive: zipfile.ZipFile, info: zipfile.ZipInfo, limits: Limits) -> np.ndarray:
    """A member that is an array of numbers."""
    with open_member(archive, info, limits) as stream:
        return read_npy_body(stream, *npy_header(stream), info.file_size, limits)


def _read_text(archive: zipfile.ZipFile, info: zipfile.ZipInfo, limits: Limits) -> str:
    """A member that is one short string."""
    with open_member(archive, info, limits) as stream:
        shape, _, dtype = npy_header(stream)
        if shape not in ((), (1,)) or dtype.kind not in "US" or not 0 < dtype.itemsize <= 256:
            raise Problem(f"has a {_shown_name(info)} that is no short text", "store one string")
        value = np.frombuffer(_exactly(stream, dtype.itemsize), dtype, 1)[0]
        return value.decode("latin1") if isinstance(value, bytes) else str(value)


def _size(archive: zipfile.ZipFile) -> int:
    assert archive.fp is not None
    return archive.fp.seek(0, io.SEEK_END)


def _check_member(info: zipfile.ZipInfo, archive_size: int, limits: Limits) -> None:
    if info.flag_bits & 1:
        raise Problem("is encrypted", "save it without a password")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise Problem("is compressed in a way that NumPy does not use", "save it with numpy.savez")
    is_stored = info.compress_type == zipfile.ZIP_STORED
    if info.compress_size > archive_size or (is_stored and info.file_size != info.compress_size):
        raise Problem(f"holds {_shown_name(info)} with a size that cannot be", _DAMAGED)
    limits.check_bytes(info.file_size)
    if info.file_size > LARGE_MEMBER and info.file_size > MAX_RATIO * max(info.compress_size, 1):
        raise Problem(
            f"holds {_shown_name(info)} of {info.file_size:,} bytes packed in {info.compress_size:,}",
            "it looks like a zip bomb: save it with numpy.savez",
        )


def _shown_name(info: zipfile.ZipInfo) -> str:
    return shown(info.filename.encode("utf-8", "replace"))


def _exactly(stream: IO[bytes], length: int) -> bytes:
    content = stream.read(length)
    if len(content) != length or stream.read(1):
        raise Problem("does not hold what its header announces", _DAMAGED)
    return content


def _unit(name: str) -> str:
    if name not in UNITS:
        raise Problem(f"names the unit {name!r}", f"use one of {', '.join(UNITS)}")
    return name


def _points(points: np.ndarray) -> np.ndarray:
    if points.ndim == 2 and points.shape[0] == 3 != points.shape[1]:
        raise Problem(f"holds points of shape {points.shape}", "transpose them to (N, 3)")
    if points.ndim != 2 or points.shape[1] != 3:
        raise Problem(f"holds points of shape {points.shape}", "store them as (N, 3)")
    return points


def _without_points(names: dict[str, zipfile.ZipInfo]) -> tuple[str, str]:
    if "point_list" in names:
        return BUNDLE
    listed = ", ".join(shown(name.encode("utf-8", "replace")) for name in list(names)[:8]) or "nothing"
    return f"holds no 'points' or 'vertices', but {listed}", "save it with numpy.savez(file, points=...)"
