from __future__ import annotations

import numpy as np
import pytest

from faceviz.geometry.geometry_image import to_shape
from faceviz.synth.correspondence import geometry_image_of
from faceviz.synth.dataset import cached_head
from faceviz.synth.motion import random_moments
from faceviz.synth.sequences import SIZE
from faceviz.training import people as module
from faceviz.training.people import People
from faceviz.training.shape_space import ShapeSpace


@pytest.fixture(scope="module")
def space():
    return ShapeSpace.fit(("anny",), 12, 5, seed=0)


@pytest.fixture(scope="module")
def reduced():
    return module._ReducedHead(cached_head("anny", None))


def test_the_code_is_that_of_the_whole_geometry_image(space, reduced):
    head, rng = cached_head("anny", None), np.random.default_rng(1)
    for _ in range(3):
        identity = head.sample_identity(rng)
        shape, size = to_shape(geometry_image_of(head, head.mesh(identity).vertices))
        np.testing.assert_allclose(reduced.code(identity, space), space.code(shape, size), atol=0.02)


def test_landmarks_are_those_of_the_whole_head(reduced):
    head = cached_head("anny", None)
    identity = head.sample_identity(np.random.default_rng(2))
    found = reduced.pictured(identity, 4, np.random.default_rng(3))
    rng = np.random.default_rng(3)
    moments = random_moments(head.ex_names, 4, rng.random() < 0.5, rng)
    neutral = head.mesh(identity).vertices
    for marks, moment in zip(found, moments, strict=True):
        moved = neutral + head.displacement(moment.expression)
        np.testing.assert_allclose(marks * SIZE, moment.view.project(moved[head.lm68]), atol=1e-2)


def test_the_same_seed_draws_the_same_people_and_another_seed_others(space, tmp_path):
    one, again, other = (People.draw(space, ("anny",), 3, 2, seed) for seed in (0, 0, 1))
    assert one.landmarks.shape == (3, 2, 68, 2) and one.codes.shape == (3, 6)
    np.testing.assert_array_equal(one.landmarks, again.landmarks)
    assert not np.allclose(one.codes, other.codes)
    one.write(tmp_path / "people.npz")
    np.testing.assert_array_equal(People.read(tmp_path / "people.npz").codes, one.codes)
