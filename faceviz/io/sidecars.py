"""True landmarks in a file beside the scan, in the scan's own coordinates.

``face.ply`` may have ``face.landmarks.json`` (``{"landmarks": [[x, y, z], ... 68], "unit": "mm"}``),
``face_landmarks.npy`` (68, 3) or ``face_landmarks.txt`` (68 rows of x y z); the first that exists is taken.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from faceviz.errors import FileFormatError
from faceviz.io.arrays import check_landmarks, parse_npy
from faceviz.io.clouds import parse_xyz
from faceviz.io.files import read_bytes
from faceviz.io.problems import Limits, Problem, file_error
from faceviz.landmarks import LANDMARK_COUNT
from faceviz.scan import UNITS

MAX_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, eq=False)
class Landmarks:
    """The content of a landmark file."""

    positions: np.ndarray  # (68, 3) float64
    unit: str | None


def sidecar_paths(scan_path: Path) -> tuple[Path, ...]:
    """Where the landmarks of a scan may lie, the preferred place first."""
    stem = scan_path.stem
    return tuple(
        scan_path.with_name(stem + end) for end in (".landmarks.json", "_landmarks.npy", "_landmarks.txt")
    )


def find_sidecar(scan_path: Path) -> Path | None:
    """The landmark file that goes with a scan, if there is one."""
    return next((path for path in sidecar_paths(scan_path) if path != scan_path and path.is_file()), None)


def read_landmarks(path: Path) -> Landmarks:
    """68 landmarks from JSON, NPY or text.

    Raises:
        FileFormatError: no such file, another shape, values that are not finite.
    """
    try:
        return _parse(path.suffix.lower(), read_bytes(path, MAX_BYTES))
    except Problem as problem:
        raise file_error(path.name, problem) from None
    except FileFormatError:
        raise
    except Exception as error:
        raise file_error(
            path.name, f"cannot be read ({type(error).__name__}); save the landmarks again"
        ) from error


def landmarks_to_json(landmarks: np.ndarray, unit: str) -> bytes:
    """The content of ``<stem>.landmarks.json``."""
    return json.dumps({"landmarks": landmarks.tolist(), "unit": unit}).encode() + b"\n"


def _parse(extension: str, data: bytes) -> Landmarks:
    if extension == ".json":
        return _parse_json(data)
    parse = parse_npy if extension == ".npy" else parse_xyz
    return Landmarks(check_landmarks(parse(data, Limits(bytes=MAX_BYTES)).points), None)


def _parse_json(data: bytes) -> Landmarks:
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise Problem(f"is no JSON ({type(error).__name__})", "save the landmarks again") from None
    rows = document.get("landmarks") if isinstance(document, dict) else None
    if not isinstance(rows, list) or len(rows) != LANDMARK_COUNT or not all(_is_point(row) for row in rows):
        raise Problem("has no 68 landmarks of three numbers each", 'store {"landmarks": [[x, y, z], ...]}')
    unit = document.get("unit")
    if unit is not None and (not isinstance(unit, str) or unit not in UNITS):
        raise Problem("names an unknown unit", f"use one of {', '.join(UNITS)}")
    return Landmarks(check_landmarks(np.array(rows, dtype=np.float64)), unit)


def _is_point(row: object) -> bool:
    return isinstance(row, list) and len(row) == 3 and all(type(value) in (int, float) for value in row)
