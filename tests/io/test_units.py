from __future__ import annotations

import numpy as np
import pytest

from faceviz.errors import ConfigError, GeometryError, ShapeError
from faceviz.io import guess_unit, read_scan_bytes
from faceviz.io.units import check_unit

#: Diagonals of bounding boxes in mm: a tight mask, a full face, a whole head, a bust.
FACES_MM = [155.0, 241.3, 380.0, 600.0]


def cloud(extent: float) -> np.ndarray:
    return np.array([[0, 0, 0], [2, 1, 2]]) * extent / 3 + 7


@pytest.mark.parametrize("extent_mm", FACES_MM)
@pytest.mark.parametrize(("unit", "mm_per_unit"), [("mm", 1.0), ("cm", 10.0), ("m", 1000.0)])
def test_the_unit_of_a_face_is_told_from_its_extent(extent_mm, unit, mm_per_unit):
    guess = guess_unit(cloud(extent_mm / mm_per_unit))
    assert (guess.unit, guess.mm_per_unit) == (unit, mm_per_unit)


def test_the_guess_is_said_aloud():
    assert guess_unit(cloud(241.3)).sentence == "extent 241.3: taken as millimetres"


@pytest.mark.parametrize(
    ("extent", "words"),
    [
        (2.0, "normalised"),
        (9.5, "perhaps inches"),
        (5000.0, "unit unknown"),
        (0.0, "unit unknown"),
        (1e9, "unknown"),
    ],
)
def test_an_extent_that_fits_no_unit_is_said_to_be_unknown(extent, words):
    guess = guess_unit(cloud(extent))
    assert (guess.unit, guess.mm_per_unit) == ("unknown", None)
    assert words in guess.sentence


def test_where_the_cloud_lies_does_not_matter():
    assert guess_unit(cloud(250.0) + [1e5, -1e5, 1e5]).unit == "mm"


@pytest.mark.parametrize("points", [np.empty((0, 3)), np.array([[0, 0, np.nan]])])
def test_an_empty_or_infinite_cloud_has_no_unit(points):
    with pytest.raises(GeometryError):
        guess_unit(points)


def test_points_of_another_shape_are_refused():
    with pytest.raises(ShapeError, match=r"\(N, 3\)"):
        guess_unit(np.zeros((3, 4)))


def test_a_named_unit_is_kept_and_never_guessed(clouds):
    assert read_scan_bytes("face.xyz", clouds["face.xyz"]).unit == "mm"
    assert read_scan_bytes("face.xyz", clouds["face.xyz"], unit="m").unit == "m"


def test_a_unit_that_does_not_exist_is_refused():
    with pytest.raises(ConfigError, match="'furlong' does not exist"):
        check_unit("furlong")
