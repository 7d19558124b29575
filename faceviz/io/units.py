"""The unit of a scan, guessed from its extent: a face or head measures 150 to 450 mm across."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from faceviz.errors import ConfigError, GeometryError, ShapeError, nearest_name
from faceviz.scan import UNITS

#: Diagonals of the bounding box, in mm, from a tight mask to a bust with shoulders; a decade holds only one unit.
SMALLEST_MM, LARGEST_MM = 120.0, 700.0

_NAMES = {"mm": ("millimetres", 1.0), "cm": ("centimetres", 10.0), "m": ("metres", 1000.0)}
_INCHES = (5.5, 12.0)


@dataclass(frozen=True, slots=True)
class UnitGuess:
    """The unit of a scan and why.

    Args:
        unit: ``"mm"``, ``"cm"``, ``"m"`` or ``"unknown"``.
        mm_per_unit: millimetres in one unit, None where unknown.
        sentence: to be said aloud by whoever relies on the guess.
    """

    unit: str
    mm_per_unit: float | None
    sentence: str


def guess_unit(points: np.ndarray) -> UnitGuess:
    """The unit in which the bounding box's diagonal is that of a face or head.

    Args:
        points: (N, 3).

    >>> guess_unit(np.array([[0.0, 0, 0], [0.1, 0.15, 0.1]])).sentence
    'extent 0.206: taken as metres'
    """
    points = np.asarray(points, dtype=np.float64)
    if points.ndim != 2 or points.shape[1] != 3:
        raise ShapeError(f"points must be (N, 3), got {points.shape}")
    if not len(points) or not np.isfinite(points).all():
        raise GeometryError(
            "the unit of an empty or infinite cloud cannot be guessed; clean the points first"
        )
    extent = float(np.linalg.norm(np.ptp(points, axis=0)))
    shown = f"extent {extent:.1f}" if 10 <= extent < 1e6 else f"extent {extent:.3g}"
    for unit, (name, mm_per_unit) in _NAMES.items():
        if SMALLEST_MM <= extent * mm_per_unit <= LARGEST_MM:
            return UnitGuess(unit, mm_per_unit, f"{shown}: taken as {name}")
    return UnitGuess("unknown", None, f"{shown}: {_why_unknown(extent)}; name the unit if you know it")


def check_unit(unit: str) -> str:
    """A unit that exists.

    Raises:
        ConfigError: it does not.
    """
    if unit not in UNITS:
        raise ConfigError(f"unit {unit!r} does not exist{nearest_name(str(unit), UNITS)}")
    return unit


def _why_unknown(extent: float) -> str:
    if _INCHES[0] <= extent < _INCHES[1]:
        return "perhaps inches"
    if 0.7 < extent <= 4.0:
        return "looks normalised, unit unknown"
    return "no face measures that in mm, cm or m, unit unknown"
