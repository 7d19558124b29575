"""The landmark bundles of the SE(3)-Transformer report: many scans of 8192 points and 68 landmarks in one file.

``<folder>/Train/train_neutral.npy`` and ``<folder>/Test/test_neutral.npy`` are, despite their names, zips of arrays or
pickles of a dict, with the keys ``point_list`` (N, P, 3), ``landmark_list`` (N, 68, 3), ``subject_list``,
``heatmaps_list`` (not read: heatmaps are computed anew), ``emotion_list`` (may be missing) and ``scale_list``.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np

from faceviz.errors import FileFormatError
from faceviz.io.arrays import NPY_MAGIC, member_names, npy_header, open_member, open_zip, read_npy_body
from faceviz.io.files import open_file
from faceviz.io.pickles import load_plain_pickle
from faceviz.io.problems import MAX_POINTS, Limits, Problem, check_points, file_error
from faceviz.io.units import check_unit, guess_unit
from faceviz.landmarks import LANDMARK_COUNT
from faceviz.scan import FaceScan

MAX_BUNDLE_BYTES = 8 * 1024**3
MAX_SCANS = 100_000

_KEYS = ("point_list", "landmark_list", "subject_list", "emotion_list", "scale_list")
_SPLITS = {"train": "Train", "test": "Test"}
_DAMAGED = "the file is damaged: save it again"


class Bundle(Sequence[FaceScan]):
    """The scans of a bundle in their order, made one by one.

    Attributes:
        subjects: (N,) names of the people.
        emotions: (N,) names, or None where the bundle has none.
        scales: (N,) as stored, or None; no scan is scaled by them.
    """

    def __init__(self, name: str, content: dict[str, Any], unit: str | None) -> None:
        self._name = name
        self._points = _stack(content, "point_list")
        self._landmarks = _stack(content, "landmark_list", LANDMARK_COUNT)
        count = len(self._points)
        if not count or len(self._landmarks) != count:
            raise Problem(f"holds {count} clouds and {len(self._landmarks)} sets of landmarks", _DAMAGED)
        self.subjects = _names(content, "subject_list", count) or tuple(str(index) for index in range(count))
        self.emotions = _names(content, "emotion_list", count)
        self.scales = content.get("scale_list")
        self._unit = unit or guess_unit(self._points[0]).unit

    def __len__(self) -> int:
        return len(self._points)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        index = range(len(self))[index]
        emotion = f"/{self.emotions[index]}" if self.emotions else ""
        return FaceScan(
            self._points[index],
            landmarks=self._landmarks[index],
            unit=self._unit,
            source=f"{self._name}[{index}] {self.subjects[index]}{emotion}",
        )


def bundle_path(folder: str | os.PathLike[str], split: str, *, emotion: str = "neutral") -> Path:
    """``<folder>/Train/train_neutral.npy`` or ``<folder>/Test/test_neutral.npy``.

    >>> bundle_path("FaceScape", "test").as_posix()
    'FaceScape/Test/test_neutral.npy'
    """
    if split not in _SPLITS:
        raise FileFormatError(f"{folder}: has no split {split!r}; use one of {', '.join(_SPLITS)}")
    return Path(folder) / _SPLITS[split] / f"{split}_{emotion}.npy"


def read_bundle(
    path: str | os.PathLike[str], *, unit: str | None = None, max_bytes: int = MAX_BUNDLE_BYTES
) -> Bundle:
    """The scans of a bundle with their landmarks, as a sequence of FaceScan.

    Pickles are read without running them: arrays, dicts, lists, texts and numbers, all else is refused.

    Args:
        path: the file, or its folder's ``bundle_path``.
        unit: of the coordinates; guessed from the first scan by default.
        max_bytes: of the file, and of each array in it.

    Raises:
        FileFormatError: ``<file>: <cause>; <what to do>``, in one line.
    """
    path = Path(path)
    if unit is not None:
        check_unit(unit)
    try:
        with open_file(path, max_bytes) as stream:
            return Bundle(
                path.name, _content(stream, path.stat().st_size, Limits(MAX_POINTS, max_bytes)), unit
            )
    except Problem as problem:
        raise file_error(path.name, problem) from None
    except MemoryError:
        raise file_error(path.name, "needs more memory than there is; read it on a larger machine") from None
    except Exception as error:
        raise file_error(
            path.name, f"cannot be read as a bundle ({type(error).__name__}); save it again"
        ) from error


def _content(stream: IO[bytes], size: int, limits: Limits) -> dict[str, Any]:
    magic = stream.read(len(NPY_MAGIC))
    stream.seek(0)
    if not magic:
        raise Problem("is empty", "check the download")
    if magic.startswith(b"PK"):
        return _from_zip(stream, limits)
    if magic == NPY_MAGIC:
        content = _objects(stream, size)
        content = content.item() if isinstance(content, np.ndarray) and content.shape == () else content
    else:
        content = load_plain_pickle(stream, size)
    if not isinstance(content, dict) or "point_list" not in content:
        raise Problem("holds no dict with a 'point_list'", "read single scans with faceviz.io.read_scan")
    return content


def _objects(stream: IO[bytes], size: int) -> Any:
    """An NPY of Python objects: a header, then a pickle."""
    _, _, dtype = npy_header(stream)
    if not dtype.hasobject:
        raise Problem("holds one array of numbers", "read single scans with faceviz.io.read_scan")
    return load_plain_pickle(stream, size - stream.tell())


def _from_zip(stream: IO[bytes], limits: Limits) -> dict[str, Any]:
    with open_zip(stream, 0) as archive:
        names = member_names(archive)
        if "point_list" not in names:
            raise Problem("holds no 'point_list'", "read single scans with faceviz.io.read_scan")
        return {key: _member(archive, names[key], limits) for key in _KEYS if key in names}


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, limits: Limits) -> Any:
    with open_member(archive, info, limits) as stream:
        shape, fortran, dtype = npy_header(stream)
        if dtype.hasobject:
            return load_plain_pickle(stream, info.file_size - stream.tell())
        if dtype.kind in "US":
            return _texts(stream, shape, dtype)
        return read_npy_body(stream, shape, fortran, dtype, info.file_size, limits)


def _texts(stream: IO[bytes], shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    if len(shape) != 1 or shape[0] > MAX_SCANS or not 0 < dtype.itemsize <= 1024:
        raise Problem("holds names of an odd shape", _DAMAGED)
    return np.frombuffer(stream.read(shape[0] * dtype.itemsize), dtype, shape[0])


def _stack(content: dict[str, Any], key: str, rows: int | None = None) -> list[np.ndarray]:
    """(N, P, 3), or N arrays (P, 3): each checked."""
    values = content.get(key)
    if not isinstance(values, np.ndarray | list | tuple) or len(values) > MAX_SCANS:
        raise Problem(f"has no {key!r} of arrays", "save it as (N, P, 3)")
    clouds = []
    for index, cloud in enumerate(values):
        if not isinstance(cloud, np.ndarray) or cloud.dtype.kind not in "fiu" or cloud.ndim != 2:
            raise Problem(f"has no array of numbers in {key}[{index}]", "save it as (N, P, 3)")
        if rows is not None and len(cloud) != rows:
            raise Problem(f"has {len(cloud)} rows in {key}[{index}]", f"{rows} are expected")
        try:
            with np.errstate(all="ignore"):
                check_points(cloud, Limits())
        except Problem as problem:
            raise Problem(f"in {key}[{index}] {problem}", "no scan of it was read") from None
        clouds.append(cloud)
    return clouds


def _names(content: dict[str, Any], key: str, count: int) -> tuple[str, ...] | None:
    values = content.get(key)
    if values is None:
        return None
    values = np.ravel(values).tolist() if isinstance(values, np.ndarray) else values
    if not isinstance(values, list | tuple) or len(values) != count:
        raise Problem(f"has a {key} that does not fit its {count} clouds", _DAMAGED)
    if not all(isinstance(value, str | bytes | int | float) for value in values):
        raise Problem(f"has a {key} that holds no names", _DAMAGED)
    return tuple(value.decode("latin1") if isinstance(value, bytes) else str(value) for value in values)
