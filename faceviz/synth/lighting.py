"""Random light: an environment in spherical harmonics and a few lamps, one of which casts shadows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

#: A_l of the clamped cosine, divided by pi (Ramamoorthi and Hanrahan 2001, eq. 8), for the nine harmonics.
_COSINE = np.array([1.0, 2 / 3, 2 / 3, 2 / 3, 0.25, 0.25, 0.25, 0.25, 0.25])


@dataclass(frozen=True, slots=True, eq=False)
class Lamp:
    """Light from far away."""

    direction: np.ndarray  # (3,) unit, towards the lamp, camera frame (x right, y down, z forward)
    colour: np.ndarray  # (3,)
    size: float  # radians, softness of its shadow


@dataclass(frozen=True, slots=True, eq=False)
class Light:
    """All light of one picture, camera frame."""

    harmonics: np.ndarray  # (9, 3) radiance
    lamps: tuple[Lamp, ...]  # the first casts shadows

    def irradiance(self, normals: np.ndarray) -> np.ndarray:
        """E(n) / pi = sum A_l L_lm Y_lm(n) / pi (Ramamoorthi and Hanrahan 2001, eq. 9), (N, 3) >= 0."""
        return np.maximum(_basis(normals) @ (_COSINE[:, None] * self.harmonics).astype(np.float32), 0.02)

    def radiance(self, directions: np.ndarray) -> np.ndarray:
        """What a mirror would see, smooth, (N, 3) >= 0."""
        return np.maximum(_basis(directions) @ self.harmonics.astype(np.float32), 0.0)


def _basis(n: np.ndarray) -> np.ndarray:
    """Real spherical harmonics to degree 2, (N, 9)."""
    x, y, z = n[:, 0], n[:, 1], n[:, 2]
    return np.stack(
        [
            np.full_like(x, 0.282095), 0.488603 * y, 0.488603 * z, 0.488603 * x, 1.092548 * x * y,
            1.092548 * y * z, 0.315392 * (3 * z * z - 1), 1.092548 * x * z, 0.546274 * (x * x - y * y),
        ],
        axis=1,
    )  # fmt: skip


def random_light(rng: np.random.Generator) -> Light:
    """A room, the open air, a studio, a flash, or a lamp in the dark."""
    warmth = rng.normal(0.0, 0.16)
    mood = rng.choice(
        ["room", "overcast", "sun", "studio", "flash", "dark"], p=[0.34, 0.18, 0.16, 0.16, 0.10, 0.06]
    )
    ambient = {"room": 0.55, "overcast": 0.9, "sun": 0.3, "studio": 0.4, "flash": 0.35, "dark": 0.12}[mood]
    key = {"room": 0.7, "overcast": 0.2, "sun": 1.5, "studio": 0.9, "flash": 0.8, "dark": 0.9}[mood]
    size = {"room": 0.20, "overcast": 0.4, "sun": 0.02, "studio": 0.18, "flash": 0.06, "dark": 0.08}[mood]
    if mood == "flash":
        direction = _unit(np.array([rng.normal(0, 0.12), rng.normal(-0.15, 0.12), -1.0]))
    else:
        side, up = rng.uniform(-1.9, 1.9), rng.uniform(-0.25, 1.25)
        direction = np.array([np.sin(side) * np.cos(up), -np.sin(up), -np.cos(side) * np.cos(up)])
    lamps = [Lamp(direction, key * rng.uniform(0.6, 1.3) * tint(warmth + rng.normal(0, 0.08)), size)]
    for _ in range(rng.choice(3, p=[0.5, 0.35, 0.15])):
        other = _unit(rng.normal(size=3) + [0.0, -0.4, 0.0])
        lamps.append(Lamp(other, rng.uniform(0.1, 0.6) * key * tint(warmth + rng.normal(0, 0.2)), 0.2))
    return Light(_environment(ambient * rng.uniform(0.7, 1.3), warmth, rng), tuple(lamps))


def _environment(level: float, warmth: float, rng: np.random.Generator) -> np.ndarray:
    """Harmonics of a sky, a floor and a few large bright patches, (9, 3)."""
    sky, floor = rng.uniform(0.6, 1.2), rng.uniform(0.1, 0.8)
    total = np.zeros((9, 3))
    total[0] = (sky + floor) / 2 / 0.282095
    total[1] = -(sky - floor) / 2 / 0.488603
    for _ in range(rng.integers(1, 5)):
        direction = _unit(rng.normal(size=3) * [1.0, 0.6, 1.0])
        y = _basis(direction[None])[0] * np.array([1.0, 0.8, 0.8, 0.8, 0.5, 0.5, 0.5, 0.5, 0.5])
        total += rng.exponential(1.1) * y[:, None] * tint(rng.normal(0.0, 0.25))
    return level * total * tint(warmth + rng.normal(0, 0.06))


def tint(warmth: float) -> np.ndarray:
    """Colour of a lamp: 0 white, positive warm, negative cold; (3,)."""
    return np.array([np.exp(warmth), 1.0, np.exp(-warmth)])


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)
