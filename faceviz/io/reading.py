"""``read_scan``: any supported file to a FaceScan. Nothing but a FileFormatError comes out of a bad file."""

from __future__ import annotations

import os
from pathlib import Path, PurePath

import numpy as np

from faceviz.errors import FacevizError, FileFormatError
from faceviz.io.files import read_bytes
from faceviz.io.formats import detect
from faceviz.io.problems import MAX_BYTES, MAX_POINTS, Limits, Parsed, Problem, check_points, file_error
from faceviz.io.sidecars import Landmarks, find_sidecar, read_landmarks
from faceviz.io.units import check_unit, guess_unit
from faceviz.scan import FaceScan


def read_scan(
    path: str | os.PathLike[str],
    *,
    unit: str | None = None,
    landmarks: str | os.PathLike[str] | None = "auto",
    max_points: int = MAX_POINTS,
    max_bytes: int = MAX_BYTES,
) -> FaceScan:
    """Reads a scan of any supported format (``faceviz.io.SUPPORTED``), known by its content, then its extension.

    Args:
        path: the file.
        unit: of the coordinates; by default the one that the file or its landmarks name, else guessed from the extent
            (``guess_unit`` says why).
        landmarks: ``"auto"`` takes the truth from the file itself or from ``<stem>.landmarks.json``,
            ``<stem>_landmarks.npy`` or ``<stem>_landmarks.txt`` beside it; a path names the landmark file; None reads
            none.
        max_points: a file that announces more is refused before anything is allocated.
        max_bytes: of the file, and of each array packed in it.

    Raises:
        FileFormatError: ``<file>: <cause>; <what to do>``, in one line.
        ConfigError: ``unit`` does not exist.
    """
    path = Path(path)
    if unit is not None:
        check_unit(unit)
    limits = Limits(max_points, max_bytes)
    try:
        parsed = _parse(path.name, read_bytes(path, max_bytes), limits)
    except Problem as problem:
        raise file_error(path.name, problem) from problem.__cause__
    truth = None
    if landmarks == "auto":
        sidecar = find_sidecar(path) if parsed.landmarks is None else None
        truth = None if sidecar is None else read_landmarks(sidecar)
    elif landmarks is not None:
        truth = read_landmarks(Path(landmarks))
    if truth is not None:
        parsed = _with_truth(path.name, parsed, truth, unit)
    return _scan(path.name, parsed, unit, with_landmarks=landmarks is not None)


def read_scan_bytes(
    name: str,
    data: bytes,
    *,
    unit: str | None = None,
    max_points: int = MAX_POINTS,
    max_bytes: int = MAX_BYTES,
) -> FaceScan:
    """``read_scan`` for an upload: the file's name and content.

    Raises:
        FileFormatError: ``<file>: <cause>; <what to do>``, in one line.
    """
    if unit is not None:
        check_unit(unit)
    name = PurePath(name.replace("\\", "/")).name
    try:
        parsed = _parse(name, bytes(data), Limits(max_points, max_bytes))
    except Problem as problem:
        raise file_error(name, problem) from problem.__cause__
    return _scan(name, parsed, unit)


def _parse(name: str, data: bytes, limits: Limits) -> Parsed:
    """Points, triangles and landmarks, all checked."""
    limits.check_bytes(len(data))
    known = detect(name, data)
    try:
        with np.errstate(all="ignore"):  # what overflows is not finite, and is refused
            parsed = known.parse(data, limits)
            return Parsed(
                check_points(parsed.points, limits), parsed.triangles, parsed.landmarks, parsed.unit
            )
    except Problem:
        raise
    except MemoryError:
        raise Problem("needs more memory than there is", "reduce the mesh") from None
    except Exception as error:  # a parser's surprise must not end the app
        raise Problem(
            f"cannot be read as {known.name} ({type(error).__name__})", "export it again"
        ) from error


def _with_truth(name: str, parsed: Parsed, truth: Landmarks, unit: str | None) -> Parsed:
    """The landmarks beside a scan are in its coordinates, so that their unit is the scan's."""
    named = truth.unit if truth.unit != "unknown" else None
    guessed = guess_unit(parsed.points).unit
    if unit is None and parsed.unit is None and named and guessed not in ("unknown", named):
        ratio = np.linalg.norm(np.ptp(truth.positions, axis=0)) / np.linalg.norm(
            np.ptp(parsed.points, axis=0)
        )
        if not 0.1 <= ratio <= 5:
            problem = Problem(
                f"is in {guessed} by its extent, its landmarks in {named}", "bring both to one unit"
            )
            raise file_error(name, problem)
    return Parsed(parsed.points, parsed.triangles, truth.positions, parsed.unit or truth.unit)


def _scan(name: str, parsed: Parsed, unit: str | None, *, with_landmarks: bool = True) -> FaceScan:
    unit = unit or parsed.unit or guess_unit(parsed.points).unit
    try:
        return FaceScan(
            parsed.points,
            parsed.triangles,
            parsed.landmarks if with_landmarks else None,
            unit=unit,
            source=name,
        )
    except FileFormatError:
        raise
    except FacevizError as error:
        raise file_error(name, error) from None
