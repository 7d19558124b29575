from __future__ import annotations

import numpy as np
import pytest

from faceviz.synth.crops import CROPS, camera_directions, crop_region


def test_the_shares_add_up_to_one():
    assert sum(style.share for style in CROPS.values()) == pytest.approx(1.0)


@pytest.mark.parametrize("name", CROPS)
def test_a_region_answers_the_same_for_the_same_points(anny, rng, name):
    mesh = anny.mesh()
    keep = crop_region(name, mesh.landmarks, rng)
    np.testing.assert_array_equal(keep(mesh.vertices), keep(mesh.vertices))


@pytest.mark.parametrize("name", CROPS)
def test_nearly_every_region_holds_nearly_all_inner_landmarks(anny, name):
    marks = anny.mesh().landmarks
    inside = [(crop_region(name, marks, np.random.default_rng(i))(marks[17:]) > 0).sum() for i in range(100)]
    assert np.mean(inside) > 47
    assert np.quantile(inside, 0.2) >= 49


@pytest.mark.parametrize("name", ["front", "around", "profile"])
def test_cameras_are_directions(rng, name):
    cameras = np.stack(camera_directions(name, rng))
    np.testing.assert_allclose(np.linalg.norm(cameras, axis=1), 1.0)


def test_a_profile_is_seen_from_one_side_only():
    for seed in range(50):
        (camera,) = camera_directions("profile", np.random.default_rng(seed))
        assert abs(camera[0]) > 0.3 and camera[2] > 0.5
