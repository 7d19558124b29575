"""What the surface at each pixel is made of: colour, relief and gloss of skin, eyes, mouth, teeth, hair and cloth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from faceviz.synth.dressing import MATERIAL, Figure, Person, Topology
from faceviz.synth.noise import smooth_noise


@dataclass(frozen=True, slots=True, eq=False)
class Surface:
    """Properties of P seen points."""

    material: np.ndarray  # (P,) int8
    albedo: np.ndarray  # (P, 3) float32, linear
    height: np.ndarray  # (P,) float32 mm
    openness: np.ndarray  # (P,) float32
    reflectance: np.ndarray  # (P,) float32, of the highlight seen head-on
    sharpness: np.ndarray  # (P,) float32, Blinn-Phong exponent
    mirror: np.ndarray  # (P,) float32, share of the surroundings reflected
    soft: np.ndarray  # (P,) float32, 1 where light spreads under the surface


def interpolated(values: np.ndarray, corners: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Vertex values (V, C) at hits with corners (P, 3) and weights (P, 3): (P, C)."""
    out = values[corners[:, 0]] * weights[:, :1]
    out += values[corners[:, 1]] * weights[:, 1:2]
    out += values[corners[:, 2]] * weights[:, 2:]
    return out


def surface_of(
    person: Person, figure: Figure, triangle: np.ndarray, weights: np.ndarray, gaze: np.ndarray
) -> Surface:
    """The surfaces at hits, given by triangle (P,) and barycentric weights (P, 3)."""
    topology = figure.topology
    corners = topology.triangles[triangle]
    material = topology.material[triangle]
    uv, openness, hair = _vertex_fields(topology, corners, weights)
    points = interpolated(figure.vertices, corners, weights)
    albedo, height, gloss = _skin(person, uv)
    looks = person.looks
    count = len(triangle)
    surface = Surface(
        material,
        albedo,
        height,
        openness,
        reflectance=(0.010 + 0.022 * looks.shine) * gloss,
        sharpness=np.full(count, 9.0 + 26.0 * looks.shine, dtype=np.float32),
        mirror=np.full(count, 0.6, dtype=np.float32),
        soft=np.ones(count, dtype=np.float32),
    )
    _grow_hair(surface, person, points, uv, hair)
    for name, paint in (
        ("mouth", _mouth),
        ("tooth", _tooth),
        ("cloth", _cloth),
        ("frame", _frame),
        ("lens", _lens),
    ):
        where = np.flatnonzero(material == MATERIAL[name])
        if len(where):
            paint(surface, person, points[where], where)
    _eyes(surface, person, figure, points, gaze)
    return surface


def _vertex_fields(
    topology: Topology, corners: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    fields = np.column_stack([topology.uv, topology.openness, topology.hair]).astype(np.float32)
    mixed = interpolated(fields, corners, weights)
    return mixed[:, :2], mixed[:, 2], mixed[:, 3]


def _skin(person: Person, uv: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Albedo (P, 3), height (P,) and gloss (P,) looked up on the skin map."""
    skin = person.skin
    return _looked_up(skin.albedo, uv), _looked_up(skin.height, uv), _looked_up(skin.gloss, uv)


def _looked_up(image: np.ndarray, uv: np.ndarray) -> np.ndarray:
    import cv2

    width = 256  # cv2.remap takes no list longer than 32767
    rows = -(-len(uv) // width)
    padded = np.zeros((rows * width, 2), dtype=np.float32)
    padded[: len(uv)] = uv
    grid = padded.reshape(rows, width, 2)
    out = cv2.remap(  # type: ignore[call-overload]  # its types do not know that one map may hold both
        image, grid, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return out.reshape(rows * width, *image.shape[2:])[: len(uv)]


def _grow_hair(
    surface: Surface, person: Person, points: np.ndarray, uv: np.ndarray, hair: np.ndarray
) -> None:
    """Hair over the scalp where its share exceeds the strands' pattern, and the surfaces that are all hair."""
    strands = _looked_up(person.skin.hair, uv)
    share = np.clip((hair - 0.55 * strands) / 0.2, 0.0, 1.0) * np.minimum(1.0, 3.0 * hair)
    share[surface.material != MATERIAL["skin"]] = 0.0
    loose = surface.material == MATERIAL["hair"]
    share[loose] = 1.0
    where = np.flatnonzero(share > 0.01)
    if not len(where):
        return
    rng = np.random.default_rng(person.looks.seed + 1)
    stretched = points[where] * np.array([1.0, 0.12, 1.0], dtype=np.float32)
    streaks = smooth_noise(stretched, rng, (2.5, 9.0), 0.16, waves=8).astype(np.float32)
    locks = smooth_noise(stretched, rng, (9.0, 40.0), 0.2, waves=5).astype(np.float32)
    tone = np.exp(streaks + locks + 0.5 * (strands[where] - 0.5))
    colour = person.looks.hair.astype(np.float32) * tone[:, None]
    amount = share[where, None]
    surface.albedo[where] += amount * (colour - surface.albedo[where])
    surface.height[where] += share[where] * (0.3 * streaks + 0.6 * locks + 0.25 * strands[where])
    surface.reflectance[where] *= 1.0 + share[where] * (1.2 * np.exp(2.5 * streaks) - 1.0)
    surface.sharpness[where] = np.where(share[where] > 0.5, 14.0, surface.sharpness[where])
    surface.soft[where] *= 1.0 - share[where]


def _mouth(surface: Surface, person: Person, points: np.ndarray, where: np.ndarray) -> None:
    surface.albedo[where] = np.array([0.22, 0.045, 0.04], dtype=np.float32)
    surface.openness[where] = np.clip(surface.openness[where], 0.0, 1.0) * 0.5 + 0.02
    surface.height[where] = 0.0


def _tooth(surface: Surface, person: Person, points: np.ndarray, where: np.ndarray) -> None:
    rng = np.random.default_rng(person.looks.seed + 2)
    white = rng.uniform([0.42, 0.37, 0.26], [0.66, 0.62, 0.55])
    gap = np.abs(np.sin(np.pi * points[:, 0] / 7.6))
    shade = np.clip(0.45 + gap / 0.35, 0.0, 1.0) * np.clip(1.15 - np.abs(points[:, 0]) / 40.0, 0.3, 1.0)
    surface.albedo[where] = (shade[:, None] * white).astype(np.float32)
    surface.openness[where] = 0.42
    surface.height[where] = 0.0
    surface.reflectance[where], surface.sharpness[where] = 0.03, 50.0


def _cloth(surface: Surface, person: Person, points: np.ndarray, where: np.ndarray) -> None:
    rng = np.random.default_rng(person.looks.seed + 3)
    weave = smooth_noise(points, rng, (2.0, 12.0), 0.12, waves=6)
    if rng.random() < 0.3:
        weave += 0.5 * np.sign(np.sin(points[:, rng.integers(2)] * rng.uniform(0.15, 0.9)))
    surface.albedo[where] = np.clip(person.looks.cloth * np.exp(weave)[:, None], 0.003, 0.9)
    surface.height[where] = 0.5 * weave
    surface.reflectance[where], surface.sharpness[where], surface.soft[where] = 0.01, 5.0, 0.0


def _frame(surface: Surface, person: Person, points: np.ndarray, where: np.ndarray) -> None:
    rng = np.random.default_rng(person.looks.seed + 4)
    surface.albedo[where] = rng.uniform(0.005, 0.5, 3) ** rng.choice([1.0, 3.0])
    surface.height[where] = 0.0
    surface.reflectance[where], surface.sharpness[where], surface.soft[where] = 0.06, 60.0, 0.0


def _lens(surface: Surface, person: Person, points: np.ndarray, where: np.ndarray) -> None:
    surface.albedo[where] = 0.008
    surface.height[where] = 0.0
    surface.reflectance[where], surface.sharpness[where], surface.soft[where] = 0.06, 200.0, 0.0
    surface.mirror[where] = 1.0


def _eyes(surface: Surface, person: Person, figure: Figure, points: np.ndarray, gaze: np.ndarray) -> None:
    """Sclera with veins, iris with rays and a dark rim, pupil: by the angle from the gaze."""
    seen = np.flatnonzero(surface.material == MATERIAL["eye"])
    rng = np.random.default_rng(person.looks.seed + 5)
    sclera = rng.uniform([0.36, 0.31, 0.28], [0.58, 0.54, 0.51])
    spokes = rng.normal(size=64)
    for side, (sphere, look) in enumerate(zip(figure.eyes, gaze, strict=True)):
        right = points[seen, 0] < figure.eyes[:, 0].mean()
        where = seen[right if side == 0 else ~right]
        if not len(where):
            continue
        out = (points[where] - sphere[:3]) / sphere[3]
        out /= np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-6)
        angle = np.arccos(np.clip(out @ look, -1.0, 1.0))
        iris = np.arcsin(min(person.looks.iris_mm / sphere[3], 0.9))
        ratio = angle / iris
        around = np.arctan2(out[:, 1] - look[1], out[:, 0] - look[0])
        ray = spokes[((around + np.pi) / (2 * np.pi) * 64).astype(int) % 64]
        coloured = person.looks.iris * (1.0 + 0.25 * ray + 0.5 * np.clip(0.7 - ratio, 0.0, 0.4))[:, None]
        coloured *= np.clip(1.0 - 0.75 * np.clip((ratio - 0.80) / 0.2, 0.0, 1.0), 0.1, 1.0)[:, None]
        pupil = np.clip((ratio - 0.40) / 0.08, 0.0, 1.0)[:, None]
        white = sclera * (1.0 - 0.25 * np.clip(ratio - 1.6, 0.0, 1.0))[:, None] ** np.array([0.4, 1.2, 1.2])
        inside = np.clip((1.06 - ratio) / 0.12, 0.0, 1.0)[:, None]
        surface.albedo[where] = white + inside * (coloured * pupil + 0.004 - white)
        surface.height[where] = 0.0
        surface.openness[where] = np.clip(surface.openness[where] * 1.1, 0.15, 0.85)
        surface.reflectance[where] = 0.035
        surface.sharpness[where], surface.mirror[where] = 500.0, 1.2
        surface.soft[where] = 0.6
