"""How much of the head a scan holds: a named mixture of regions, cameras and clutter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from faceviz.synth.noise import smooth_noise
from faceviz.synth.visibility import view_direction

Keep = Callable[[np.ndarray], np.ndarray]  # (N, 3) mm -> (N,) signed mm, positive inside
Region = Callable[[np.ndarray, np.random.Generator], Keep]  # of a head with landmarks (68, 3)


@dataclass(frozen=True)
class CropStyle:
    """How often a crop is drawn, from where it is seen, and what clutter goes with it (chances)."""

    share: float
    cameras: str = "front"  # front | around | profile
    hair: float = 0.0
    hanging: float = 0.0
    collar: float = 0.0


CROPS: dict[str, CropStyle] = {
    "tight": CropStyle(0.20, hair=0.2),
    "sphere": CropStyle(0.10, hair=0.3, hanging=0.05),
    "face": CropStyle(0.16, hair=0.35, hanging=0.05),
    "ears": CropStyle(0.15, hair=0.6, hanging=0.15, collar=0.1),
    "bust": CropStyle(0.13, hair=0.8, hanging=0.3, collar=0.5),
    "whole_head": CropStyle(0.11, cameras="around", hair=0.6, hanging=0.15, collar=0.2),
    "cut": CropStyle(0.08, cameras="around", hair=0.4),
    "profile": CropStyle(0.07, cameras="profile", hair=0.5, hanging=0.1, collar=0.2),
}


def crop_region(name: str, landmarks: np.ndarray, rng: np.random.Generator) -> Keep:
    """The region of a crop, about a head with the given landmarks (68, 3); its border is wavy."""
    inside = _REGIONS[name](landmarks, rng)
    waviness, wave_rng = rng.uniform(0.0, 4.0), np.random.default_rng(rng.integers(2**63))
    state = wave_rng.bit_generator.state

    def keep(points: np.ndarray) -> np.ndarray:
        wave_rng.bit_generator.state = state
        return inside(points) + smooth_noise(points, wave_rng, (30.0, 120.0), waviness)

    return keep


def camera_directions(cameras: str, rng: np.random.Generator) -> list[np.ndarray]:
    """Unit vectors from the head to the cameras."""
    tilt = rng.normal(0.0, 7.0)
    places = [(yaw, tilt + pitch + rng.normal(0.0, 6.0)) for yaw, pitch in _rig(cameras, rng)]
    return [view_direction(np.radians(yaw), np.radians(pitch)) for yaw, pitch in places]


def _rig(cameras: str, rng: np.random.Generator) -> list[tuple[float, float]]:
    """Yaw and pitch of each camera, degrees: one, two or three in front, a dome, a ring, or one at the side."""
    if cameras == "profile":
        return [(rng.choice([-1.0, 1.0]) * rng.uniform(20.0, 50.0), 0.0)]
    if cameras == "around":
        step = 360.0 / rng.integers(5, 9)
        return [(yaw + rng.normal(0.0, 8.0), 0.0) for yaw in np.arange(0.0, 359.0, step)]
    spread = rng.uniform(15.0, 65.0)
    pair = [(-spread, 0.0), (spread, 0.0)]
    kind = rng.choice(4, p=[0.26, 0.26, 0.3, 0.18])
    if kind == 0:
        return [(rng.normal(0.0, 10.0), 0.0)]
    if kind == 1:
        return pair
    if kind == 2:
        return [*pair, (rng.normal(0.0, 8.0), 0.0)]
    return [
        *pair,
        (0.0, rng.uniform(-50.0, -25.0)),
        (0.0, rng.uniform(10.0, 35.0)),
        (-80.0, 0.0),
        (80.0, 0.0),
    ]


def _tight(marks: np.ndarray, rng: np.random.Generator) -> Keep:
    """A superellipsoid about the face, from a small mask to forehead and jaw."""
    low, high = marks[8, 1], marks[17:27, 1].mean()
    depth = rng.uniform(0.0, 30.0)
    centre = np.array([0.0, 0.5 * (low + high) + rng.uniform(-4.0, 16.0), marks[36:48, 2].mean() - depth])
    centre += rng.normal(0.0, [4.0, 5.0, 4.0])
    half = 0.5 * (high - low)
    radii = np.array(
        [rng.uniform(62.0, 82.0), half + rng.uniform(10.0, 34.0), depth + rng.uniform(50.0, 75.0)]
    )
    power = rng.uniform(2.2, 4.0)

    def inside(points: np.ndarray) -> np.ndarray:
        return (1.0 - (np.abs((points - centre) / radii) ** power).sum(axis=1) ** (1.0 / power)) * radii.min()

    return inside


def _sphere(marks: np.ndarray, rng: np.random.Generator) -> Keep:
    """A ball about the nose tip."""
    centre, radius = marks[30] + rng.normal(0.0, [5.0, 7.0, 5.0]) + [0.0, 5.0, 0.0], rng.uniform(72.0, 125.0)
    return lambda points: radius - np.linalg.norm(points - centre, axis=1)


def _front(
    before_ears: tuple[float, float], below: tuple[float, float], above: tuple[float, float]
) -> Region:
    """A box: from so far before the ears (mm), so far below the chin, so far above the brows."""

    def region(marks: np.ndarray, rng: np.random.Generator) -> Keep:
        back = marks[[0, 16], 2].mean() + rng.uniform(*before_ears)
        bottom = marks[8, 1] - rng.uniform(*below)
        top = marks[17:27, 1].mean() + rng.uniform(*above)
        tilt = np.tan(np.radians(rng.uniform(-15.0, 25.0)))
        middle = marks[30, 1]

        def inside(points: np.ndarray) -> np.ndarray:
            slanted = points[:, 2] - back - tilt * np.maximum(middle - points[:, 1], 0.0)
            return np.minimum(np.minimum(points[:, 1] - bottom, top - points[:, 1]), slanted)

        return inside

    return region


def _whole_head(marks: np.ndarray, rng: np.random.Generator) -> Keep:
    bottom = marks[8, 1] - rng.uniform(0.0, 120.0)
    slope = np.tan(np.radians(rng.uniform(-10.0, 30.0)))
    return lambda points: points[:, 1] - bottom - slope * (marks[8, 2] - 60.0 - points[:, 2])


def _cut(marks: np.ndarray, rng: np.random.Generator) -> Keep:
    """The whole head cut by one to three planes: crown, back, one side, anywhere beyond the inner face."""
    whole = _whole_head(marks, rng)
    inner = marks[17:]
    planes = []
    for _ in range(rng.integers(1, 4)):
        kind = rng.integers(4)
        base = ([0, -1, 0], [0, 0, 1], [rng.choice([-1.0, 1.0]), 0, 0], rng.normal(size=3))[kind]
        normal = np.array(base, dtype=float) + rng.normal(0.0, 0.15, 3)
        normal /= np.linalg.norm(normal)
        edge = (inner @ normal).min() - rng.uniform(4.0, 60.0)
        planes.append((normal, edge))
    return lambda points: np.minimum.reduce([whole(points)] + [points @ n - edge for n, edge in planes])


_REGIONS: dict[str, Region] = {
    "tight": _tight,
    "sphere": _sphere,
    "face": _front((-8.0, 30.0), (0.0, 30.0), (25.0, 90.0)),
    "ears": _front((-55.0, -20.0), (8.0, 60.0), (45.0, 130.0)),
    "bust": _front((-110.0, -20.0), (50.0, 170.0), (60.0, 200.0)),
    "whole_head": _whole_head,
    "cut": _cut,
    "profile": _front((-110.0, 0.0), (5.0, 90.0), (40.0, 200.0)),
}
