from __future__ import annotations

import numpy as np

from faceviz.synth.appearance import random_appearance


def test_more_melanin_makes_darker_skin_and_more_blood_redder_skin(rng):
    looks = random_appearance(rng)
    tones = looks.skin(np.array([0.0, 0.5, 1.5]))
    assert (np.diff(tones, axis=0) < 0).all()
    pale, ruddy = looks.skin(0.0, np.array([0.0, 0.5]))
    assert ruddy[0] / ruddy[1] > pale[0] / pale[1]


def test_all_skins_and_colours_are_reflectances(rng):
    for _ in range(200):
        looks = random_appearance(rng)
        for colour in (looks.skin(), looks.hair, looks.iris, looks.cloth):
            assert (np.asarray(colour) > 0).all() and (np.asarray(colour) < 1).all()


def test_people_are_as_different_as_people(rng):
    people = [random_appearance(rng) for _ in range(300)]
    tones = np.array([looks.skin().mean() for looks in people])
    assert tones.min() < 0.12 and tones.max() > 0.4
    for name in ("hair_style", "glasses", "beard_volume", "collar"):
        assert len({getattr(looks, name) for looks in people}) > 1
    assert 0.15 < np.mean([looks.beard > 0 for looks in people]) < 0.45
