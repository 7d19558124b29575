import numpy as np

from faceviz.landmarks import INNER, LANDMARK_COUNT, MIRROR, NAMES, POLYLINES, REGIONS, region_of


def test_the_regions_hold_each_landmark_once():
    assert sorted(i for members in REGIONS.values() for i in members) == list(range(LANDMARK_COUNT))


def test_every_landmark_has_a_name_of_its_own():
    assert len(set(NAMES)) == LANDMARK_COUNT


def test_mirroring_twice_changes_nothing():
    np.testing.assert_array_equal(MIRROR[MIRROR], np.arange(LANDMARK_COUNT))


def test_mirroring_swaps_the_names_of_the_sides():
    swapped = [
        name.replace("right", "LEFT").replace("left", "right").replace("LEFT", "left") for name in NAMES
    ]
    assert [NAMES[i] for i in MIRROR] == swapped


def test_polylines_stay_in_their_region():
    for line in POLYLINES:
        assert len({region_of(i) for i in line}) == 1


def test_the_inner_landmarks_are_all_but_the_jaw():
    assert len(INNER) == 51 and set(INNER).isdisjoint(REGIONS["jaw"])
