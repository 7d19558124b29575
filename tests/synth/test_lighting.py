from __future__ import annotations

import numpy as np

from faceviz.synth.lighting import Light, random_light, tint


def test_equal_light_from_everywhere_gives_every_normal_the_same(rng):
    harmonics = np.zeros((9, 3))
    harmonics[0] = 0.7 / 0.282095
    light = Light(harmonics, ())
    directions = rng.normal(size=(50, 3)).astype(np.float32)
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    np.testing.assert_allclose(light.radiance(directions), 0.7, rtol=1e-5)
    np.testing.assert_allclose(light.irradiance(directions), 0.7, rtol=1e-5)


def test_irradiance_is_the_cosine_weighted_mean_of_the_radiance(rng):
    harmonics = rng.normal(size=(9, 3)) * 0.1
    harmonics[0] = 4.0  # nowhere dark, so that nothing is clipped
    light = Light(harmonics, ())
    normal = np.array([0.48, -0.6, 0.64])
    sphere = rng.normal(size=(400_000, 3))
    sphere /= np.linalg.norm(sphere, axis=1, keepdims=True)
    around = normal + sphere
    around /= np.linalg.norm(around, axis=1, keepdims=True)
    mean = light.radiance(around.astype(np.float32)).mean(axis=0)
    np.testing.assert_allclose(light.irradiance(normal[None].astype(np.float32))[0], mean, rtol=2e-3)


def test_random_light_is_finite_positive_and_has_a_lamp(rng):
    normals = np.eye(3, dtype=np.float32)
    for _ in range(50):
        light = random_light(rng)
        assert (light.irradiance(normals) > 0).all() and np.isfinite(light.harmonics).all()
        assert len(light.lamps) >= 1
        for lamp in light.lamps:
            np.testing.assert_allclose(np.linalg.norm(lamp.direction), 1.0)


def test_warm_light_is_red_and_cold_light_is_blue():
    assert tint(0.2)[0] > tint(0.2)[2] and tint(-0.2)[0] < tint(-0.2)[2]
    np.testing.assert_allclose(tint(0.0), 1.0)
