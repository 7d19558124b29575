"""The 68 facial landmarks (iBUG / Multi-PIE scheme, 0-based) as data: names, regions, polylines and mirror order.

"Right" and "left" are the subject's own. The order of each region follows the scheme: the jaw runs from the right ear
over the chin (8) to the left ear, the right brow from outside in, the left brow from inside out, each eye clockwise as
seen by the viewer, the lips clockwise from the right corner.
"""

from __future__ import annotations

import numpy as np

LANDMARK_COUNT = 68

REGIONS: dict[str, range] = {
    "jaw": range(0, 17),
    "right_brow": range(17, 22),
    "left_brow": range(22, 27),
    "nose_ridge": range(27, 31),
    "nose_base": range(31, 36),
    "right_eye": range(36, 42),
    "left_eye": range(42, 48),
    "outer_lip": range(48, 60),
    "inner_lip": range(60, 68),
}

#: The 51 landmarks inside the face; the jaw line (0-16) is defined by a contour and is looser on scans.
INNER = range(17, 68)


def _names() -> tuple[str, ...]:
    eye = (
        "outer corner",
        "upper lid outer",
        "upper lid inner",
        "inner corner",
        "lower lid inner",
        "lower lid outer",
    )
    mirrored_eye = (
        "inner corner",
        "upper lid inner",
        "upper lid outer",
        "outer corner",
        "lower lid outer",
        "lower lid inner",
    )
    outer_lip = (
        "right mouth corner", "upper lip right outer", "upper lip right peak", "upper lip centre",
        "upper lip left peak", "upper lip left outer", "left mouth corner", "lower lip left outer",
        "lower lip left", "lower lip centre", "lower lip right", "lower lip right outer",
    )  # fmt: skip
    inner_lip = (
        "inner right mouth corner", "inner upper lip right", "inner upper lip centre", "inner upper lip left",
        "inner left mouth corner", "inner lower lip left", "inner lower lip centre", "inner lower lip right",
    )  # fmt: skip
    jaw = [f"jaw right {i + 1}" for i in range(8)] + ["chin"] + [f"jaw left {8 - i}" for i in range(8)]
    right_brow = [f"right brow {i + 1}" for i in range(5)]
    left_brow = [f"left brow {5 - i}" for i in range(5)]
    ridge = ["nasion", "nose ridge upper", "nose ridge lower", "nose tip"]
    base = ["right alar base", "right nostril", "subnasale", "left nostril", "left alar base"]
    eyes = [f"right eye {part}" for part in eye] + [f"left eye {part}" for part in mirrored_eye]
    return (*jaw, *right_brow, *left_brow, *ridge, *base, *eyes, *outer_lip, *inner_lip)


#: Name of each landmark, in order.
NAMES: tuple[str, ...] = _names()

_MIRROR = [
    *range(16, -1, -1),
    *range(26, 16, -1),
    27, 28, 29, 30,
    35, 34, 33, 32, 31,
    45, 44, 43, 42, 47, 46,
    39, 38, 37, 36, 41, 40,
    54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55,
    64, 63, 62, 61, 60, 67, 66, 65,
]  # fmt: skip

#: ``landmarks[MIRROR]`` are the landmarks of the mirrored face, (68,) int64; an involution.
MIRROR: np.ndarray = np.array(_MIRROR, dtype=np.int64)
MIRROR.setflags(write=False)


def _closed(region: range) -> tuple[int, ...]:
    return (*region, region.start)


_MEAN_FACE = [
    (-69.8, 31.0, -62.3), (-69.6, 9.1, -59.4), (-66.2, -6.8, -49.9), (-64.0, -21.0, -54.6),
    (-57.2, -39.0, -43.2), (-47.0, -62.0, -42.5), (-35.2, -72.7, -32.4), (-21.9, -80.3, -22.2),
    (0.0, -83.9, -15.4), (21.9, -80.3, -22.2), (35.2, -72.7, -32.4), (47.0, -62.0, -42.5),
    (57.2, -39.0, -43.2), (64.0, -21.0, -54.6), (66.2, -6.8, -49.9), (69.6, 9.1, -59.4),
    (69.8, 31.0, -62.3), (-58.1, 42.0, -23.3), (-49.7, 48.1, -10.8), (-38.7, 51.8, -2.6),
    (-25.9, 50.4, 2.2), (-13.2, 46.3, 3.1), (13.2, 46.3, 3.1), (25.9, 50.4, 2.2),
    (38.7, 51.8, -2.6), (49.7, 48.1, -10.8), (58.1, 42.0, -23.3), (0.0, 32.6, 1.2),
    (-0.0, 20.1, 4.7), (0.0, 8.4, 12.3), (0.0, -5.0, 20.5), (-14.2, -13.1, 4.7),
    (-7.1, -16.1, 7.6), (-0.0, -17.9, 10.5), (7.1, -16.1, 7.6), (14.2, -13.1, 4.7),
    (-44.5, 30.6, -14.0), (-38.6, 34.2, -7.3), (-27.4, 34.8, -5.8), (-20.3, 29.3, -10.7),
    (-28.0, 26.8, -7.9), (-35.6, 26.6, -8.1), (20.3, 29.3, -10.7), (27.4, 34.8, -5.8),
    (38.6, 34.2, -7.3), (44.5, 30.6, -14.0), (35.6, 26.6, -8.1), (28.0, 26.8, -7.9),
    (-23.3, -40.5, -2.1), (-14.4, -35.7, 7.2), (-5.6, -32.2, 11.9), (0.0, -32.7, 12.7),
    (5.6, -32.2, 11.9), (14.4, -35.7, 7.2), (23.3, -40.5, -2.1), (18.4, -48.3, 1.9),
    (6.6, -51.8, 6.2), (0.0, -52.1, 7.0), (-6.6, -51.8, 6.2), (-18.4, -48.3, 1.9),
    (-19.8, -40.7, -2.0), (-7.1, -39.0, 5.3), (-0.0, -39.2, 6.1), (7.1, -39.0, 5.3),
    (19.8, -40.7, -2.0), (8.6, -40.5, 4.5), (0.0, -40.6, 5.6), (-8.6, -40.5, 4.5),
]  # fmt: skip

#: An average adult face, (68, 3) mm: the mean MakeHuman head (CC0), the mean of its inner landmarks at the origin; +x
#: the subject's left, +y up, +z forward.
MEAN_FACE: np.ndarray = np.array(_MEAN_FACE)
MEAN_FACE.setflags(write=False)

#: Lines that join the landmarks of a region, as index sequences; eyes and lips are closed.
POLYLINES: tuple[tuple[int, ...], ...] = (
    tuple(REGIONS["jaw"]),
    tuple(REGIONS["right_brow"]),
    tuple(REGIONS["left_brow"]),
    tuple(REGIONS["nose_ridge"]),
    tuple(REGIONS["nose_base"]),
    _closed(REGIONS["right_eye"]),
    _closed(REGIONS["left_eye"]),
    _closed(REGIONS["outer_lip"]),
    _closed(REGIONS["inner_lip"]),
)


def region_of(landmark: int) -> str:
    """The region that holds a landmark.

    >>> region_of(30)
    'nose_ridge'
    """
    return next(name for name, members in REGIONS.items() if landmark in members)
