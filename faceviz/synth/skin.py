"""Skin painted on the flat map of a head: pigment, blood, lips, brows, lashes, stubble, wrinkles and pores."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from faceviz.synth.appearance import Appearance
from faceviz.synth.atlas import ATLAS_SHAPE, FaceAtlas
from faceviz.synth.brush import blob, filled, noise, smooth_curve, strokes, window

_RIGHT_EYE, _LEFT_EYE = range(36, 42), range(42, 48)
_OUTER_LIP, _INNER_LIP = range(48, 60), range(60, 68)


@dataclass(frozen=True, slots=True, eq=False)
class SkinMap:
    """What a pixel of skin is made of, on the flat map."""

    albedo: np.ndarray  # (H, W, 3) float32, linear
    height: np.ndarray  # (H, W) float32 mm, relief finer than the mesh
    gloss: np.ndarray  # (H, W) float32, gain of the highlight
    hair: np.ndarray  # (H, W) float32 0..1, where strands of hair show on the scalp


def paint_skin(atlas: FaceAtlas, looks: Appearance, rng: np.random.Generator) -> SkinMap:
    """One person's skin; what repeats on both sides is drawn with the landmarks of either side."""
    melanin, blood = _pigments(atlas, looks, rng)
    albedo = looks.skin(melanin, blood)
    height = _pores(looks, rng) + _wrinkles(atlas, looks, rng)
    albedo *= np.clip(1.0 + 0.8 * np.minimum(height, 0.0), 0.55, 1.0)[..., None]
    gloss = np.clip(1.0 + noise(ATLAS_SHAPE, 24, 0.35, rng) + _zone_t(atlas), 0.2, 2.6)
    lips = _lips(atlas, rng)
    texture = 1.0 + noise(ATLAS_SHAPE, 2.5, 0.07, rng)
    near = window(ATLAS_SHAPE, _mid(atlas.marks, *_OUTER_LIP), 50 * atlas.scale)
    tinted = texture[near][..., None] * looks.lip_tint.astype(np.float32) - 1.0
    albedo[near] *= 1.0 + lips[near][..., None] * tinted
    gloss += lips * rng.uniform(0.2, 0.8 + 1.5 * looks.make_up)
    height += lips * noise(ATLAS_SHAPE, 2.5, 0.04, rng)
    _eyes(albedo, atlas, looks, rng)
    beard = _beard(albedo, height, atlas, looks, rng)
    _brows(albedo, atlas, looks, rng)
    gloss *= 1.0 - 0.7 * beard
    return SkinMap(
        np.clip(albedo, 0.003, 0.95).astype(np.float32),
        height.astype(np.float32),
        gloss.astype(np.float32),
        np.clip(
            0.5 + noise(ATLAS_SHAPE, (7.0, 1.6), 0.22, rng) + noise(ATLAS_SHAPE, 9, 0.2, rng), 0.0, 1.0
        ).astype(np.float32),
    )


def _pigments(atlas: FaceAtlas, looks: Appearance, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Melanin and blood added to the person's own, (H, W) each."""
    px, marks = atlas.scale, atlas.marks
    depth = 0.25 + 0.3 * looks.melanin
    melanin = noise(ATLAS_SHAPE, 80, 0.14 * depth, rng) + noise(ATLAS_SHAPE, 20, 0.10 * depth, rng)
    melanin += noise(ATLAS_SHAPE, 5, 0.06 * depth, rng) + noise(ATLAS_SHAPE, 1.5, 0.05 * depth, rng)
    blood = noise(ATLAS_SHAPE, 60, 0.08, rng) + noise(ATLAS_SHAPE, 12, 0.05, rng)
    blood += noise(ATLAS_SHAPE, 3, 0.05, rng)
    for centre, radii, most in (
        (_mid(marks, 41, 31, 48), (16, 14), 0.42), (_mid(marks, 46, 35, 54), (16, 14), 0.42), (marks[30], (9, 9), 0.40),
        (marks[31], (5, 5), 0.3), (marks[35], (5, 5), 0.3), (marks[8], (13, 8), 0.18), (marks[27], (10, 12), 0.1),
        (marks[0], (14, 28), 0.3), (marks[16], (14, 28), 0.3),
    ):  # fmt: skip
        blood += blob(ATLAS_SHAPE, centre, np.multiply(radii, px), rng.uniform(0.0, most))
    bags, lids = rng.uniform(0.0, 0.30, 2)
    for eye in (_RIGHT_EYE, _LEFT_EYE):
        centre = marks[list(eye)].mean(axis=0)
        melanin += blob(ATLAS_SHAPE, centre + [0, 9 * px], (11 * px, 5 * px), bags)
        melanin += blob(ATLAS_SHAPE, centre, (15 * px, 8 * px), lids)
        blood += blob(ATLAS_SHAPE, centre, (14 * px, 9 * px), lids)
    _spots(melanin, atlas, looks, rng)
    return melanin, blood


def _spots(melanin: np.ndarray, atlas: FaceAtlas, looks: Appearance, rng: np.random.Generator) -> None:
    """Freckles over nose and cheeks, moles anywhere; added in place."""
    rows, columns = ATLAS_SHAPE
    if looks.freckles:
        where = np.zeros(ATLAS_SHAPE, np.float32)
        for mark, width in ((28, 26), (1, 30), (15, 30), (27, 30)):
            where += blob(ATLAS_SHAPE, atlas.marks[mark], (width * atlas.scale, 22 * atlas.scale), 1.0)
        specks = np.maximum(noise(ATLAS_SHAPE, 2.6, 1.0, rng) - 0.9, 0.0)
        melanin += 0.9 * looks.freckles * np.minimum(where, 1.0) * specks
    for _ in range(rng.poisson(4)):
        centre = rng.uniform([0.2 * columns, 0.3 * rows], [0.8 * columns, 0.8 * rows])
        radius = atlas.scale * rng.uniform(0.5, 1.9)
        melanin += blob(ATLAS_SHAPE, centre, (radius, radius), rng.uniform(0.3, 2.0))


def _pores(looks: Appearance, rng: np.random.Generator) -> np.ndarray:
    """Relief of the skin, (H, W) mm."""
    rough = rng.uniform(0.01, 0.035) + 0.02 * looks.wrinkles
    return noise(ATLAS_SHAPE, 1.4, rough, rng) + noise(ATLAS_SHAPE, 4, 1.2 * rough, rng)


def _wrinkles(atlas: FaceAtlas, looks: Appearance, rng: np.random.Generator) -> np.ndarray:
    """Lines of the forehead, crow's feet, folds from nose to mouth, lines under the eyes: (H, W) mm, negative."""
    m, px = atlas.marks, atlas.scale
    lines: list[np.ndarray] = []
    for nose, mouth, sign in ((31, 48, -1.0), (35, 54, 1.0)):
        start, end = m[nose] + [sign * 4 * px, -2 * px], m[mouth] + [sign * 5 * px, 2 * px]
        lines.append(smooth_curve(np.array([start, (start + end) / 2 + [sign * 3 * px, 0], end]), 12))
    for outer, sign in ((36, -1.0), (45, 1.0)):
        for slope in rng.uniform(-0.5, 0.6, int(6 * looks.wrinkles)):
            start = m[outer] + [sign * rng.uniform(4, 7) * px, slope * 4 * px]
            lines.append(np.stack([start, start + np.array([sign, slope]) * rng.uniform(6, 16) * px]))
        lid = smooth_curve(m[[outer, 41 if outer == 36 else 46, 39 if outer == 36 else 42]], 8)
        lines.append(lid + [0, rng.uniform(5, 9) * px])
    brow = m[17:27, 1].min()
    for _ in range(int(5 * looks.wrinkles)):
        y = brow - rng.uniform(8, 45) * px
        span = np.linspace(m[18, 0], m[25, 0], 10) + rng.uniform(-6, 6) * px
        lines.append(np.stack([span, y + 1.2 * px * np.sin(np.arange(10) + rng.uniform(0, 6))], axis=1))
    depth = (0.05 + 0.45 * looks.wrinkles) * rng.uniform(0.5, 1.0)
    return -depth * strokes(ATLAS_SHAPE, lines, 1.2 * px, blur=0.9 * px)


def _zone_t(atlas: FaceAtlas) -> np.ndarray:
    """More oil on forehead, nose and chin, (H, W)."""
    m, px = atlas.marks, atlas.scale
    zone = blob(ATLAS_SHAPE, m[27] - [0, 30 * px], (30 * px, 20 * px), 0.5)
    return (
        zone
        + blob(ATLAS_SHAPE, m[30], (10 * px, 12 * px), 0.7)
        + blob(ATLAS_SHAPE, m[8], (12 * px, 9 * px), 0.3)
    )


def _lips(atlas: FaceAtlas, rng: np.random.Generator) -> np.ndarray:
    """How much a pixel is lip, (H, W) 0..1; soft at the rim."""
    outline = smooth_curve(atlas.marks[list(_OUTER_LIP)], 6, closed=True)
    return filled(ATLAS_SHAPE, outline, blur=atlas.scale * rng.uniform(0.5, 1.2))


def _eyes(albedo: np.ndarray, atlas: FaceAtlas, looks: Appearance, rng: np.random.Generator) -> None:
    """Lash line, wet rim, lid shadow; painted in place."""
    px = atlas.scale
    shadow = rng.uniform([0.25, 0.15, 0.15], [0.9, 0.8, 0.9]) if looks.make_up > 0.5 else np.full(3, 0.85)
    for eye in (_RIGHT_EYE, _LEFT_EYE):
        marks = atlas.marks[list(eye)]
        centre = marks.mean(axis=0)
        near = window(ATLAS_SHAPE, centre, 42 * px)
        lid = blob(ATLAS_SHAPE, centre - [0, 5 * px], (13 * px, 4.5 * px), 0.8)[near]
        albedo[near] *= 1.0 + lid[..., None] * (shadow - 1.0).astype(np.float32)
        upper = marks[[0, 1, 2, 3]] if eye is _RIGHT_EYE else marks[[3, 2, 1, 0]]
        lower = marks[[0, 5, 4, 3]] if eye is _RIGHT_EYE else marks[[3, 4, 5, 0]]
        line = strokes(
            ATLAS_SHAPE, [smooth_curve(upper, 10)], (0.7 + 0.9 * looks.make_up) * px, blur=0.45 * px
        )
        line = np.maximum(
            line, 0.4 * strokes(ATLAS_SHAPE, [smooth_curve(lower, 10)], 0.6 * px, blur=0.4 * px)
        )
        lashes = _lashes(upper, centre, px, looks, rng)
        ink = np.maximum(np.minimum(1.0, (0.55 + 0.4 * looks.make_up) * line[near]), 0.75 * lashes[near])
        _dye(albedo[near], ink, np.minimum(0.3 * looks.hair, 0.03))


def _dye(albedo: np.ndarray, ink: np.ndarray, colour: np.ndarray) -> None:
    """Colour laid over skin where ``ink`` (h, w) is, in place."""
    albedo += ink[..., None] * (colour.astype(np.float32) - albedo)


def _lashes(
    upper: np.ndarray, centre: np.ndarray, px: float, looks: Appearance, rng: np.random.Generator
) -> np.ndarray:
    roots = smooth_curve(upper, 10)
    long = px * (1.2 + 2.5 * looks.make_up) * rng.uniform(0.6, 1.1)
    away = (roots - centre) / np.array([16.0 * px, 6.0 * px]) + [0.0, -0.5]
    tips = roots + long * away / np.linalg.norm(away, axis=1, keepdims=True)
    return strokes(ATLAS_SHAPE, list(np.stack([roots, tips], axis=1)), 0.35 * px, blur=0.3 * px)


def _brows(albedo: np.ndarray, atlas: FaceAtlas, looks: Appearance, rng: np.random.Generator) -> None:
    """Hairs along both brows, growing outwards; painted in place."""
    px = atlas.scale
    thick, drop = rng.uniform(2.0, 4.2), rng.uniform(-1.0, 2.0)
    hairs: list[np.ndarray] = []
    for marks, out in ((atlas.marks[17:22][::-1], -1.0), (atlas.marks[22:27], 1.0)):
        middle = smooth_curve(marks, 14) + [0, drop * px]
        along = rng.beta(1.1, 1.3, int(190 * looks.brow_weight))
        place = middle[(along * (len(middle) - 1)).astype(int)]
        width = thick * (1.0 - 0.75 * along**1.5)
        root = place + px * np.stack(
            [rng.normal(0, 0.8, len(along)), width * rng.uniform(-1, 1, len(along))], axis=1
        )
        angle = np.radians(np.interp(along, [0, 0.25, 1.0], [75, 30, -18]) + rng.normal(0, 14, len(along)))
        step = (
            np.stack([out * np.cos(angle), -np.sin(angle)], axis=1) * px * rng.uniform(3, 7, (len(along), 1))
        )
        hairs += list(np.stack([root, root + step], axis=1))
    ink = strokes(ATLAS_SHAPE, hairs, 0.5 * px, blur=0.35 * px)
    ink = np.maximum(ink, 0.75 * strokes(ATLAS_SHAPE, hairs, 0.9 * px, blur=1.3 * px))
    ink *= np.clip(0.5 + 0.5 * looks.brow_weight, 0.0, 0.96)
    near = window(ATLAS_SHAPE, atlas.marks[27], 95 * px)
    _dye(albedo[near], ink[near], 0.8 * looks.hair)


def _beard(
    albedo: np.ndarray, height: np.ndarray, atlas: FaceAtlas, looks: Appearance, rng: np.random.Generator
) -> np.ndarray:
    """Stubble or beard, painted in place; returns where, (H, W) 0..1."""
    where: np.ndarray = np.zeros(ATLAS_SHAPE, np.float32)
    if looks.beard == 0.0:
        return where
    m, px = atlas.marks, atlas.scale
    cheek = rng.uniform(-6, 14) * px
    line = [
        m[1] + [2 * px, 0],
        m[3] + [8 * px, cheek],
        m[48] + [-4 * px, 4 * px],
        m[57] + [0, rng.uniform(2, 9) * px],
    ]
    line += [m[54] + [4 * px, 4 * px], m[13] + [-8 * px, cheek], m[15] - [2 * px, 0]]
    jaw = [
        m[15] + [9 * px, 10 * px],
        m[11] + [6 * px, 24 * px],
        m[8] + [0, 32 * px],
        m[5] + [-6 * px, 24 * px],
    ]
    jaw += [m[1] + [-9 * px, 10 * px]]
    where = looks.beard * filled(ATLAS_SHAPE, np.array(line + jaw), blur=4.5 * px)
    right, left = (m[48] + m[31]) / 2 - [7 * px, 2 * px], (m[54] + m[35]) / 2 + [7 * px, -2 * px]
    lip = [
        m[48] + [-5 * px, 5 * px],
        right,
        m[31] + [-2 * px, 2 * px],
        m[33] + [0, 2 * px],
        m[35] + [2 * px, 2 * px],
    ]
    lip += [left, m[54] + [5 * px, 5 * px], *(m[k] - [0, px] for k in (54, 52, 51, 50, 48))]
    where = np.maximum(where, looks.moustache * filled(ATLAS_SHAPE, np.array(lip), blur=1.6 * px))
    grain = np.clip(
        0.62 + noise(ATLAS_SHAPE, (3.0, 1.1), 0.45, rng) + noise(ATLAS_SHAPE, 10, 0.12, rng), 0.0, 1.2
    )
    ink = np.clip(where * (0.45 + 0.75 * grain * np.minimum(1.0, 0.4 + where)), 0.0, 0.97)
    _dye(albedo, ink, looks.hair)
    height += where * noise(ATLAS_SHAPE, (4.0, 1.3), 0.25, rng)
    return where


def _mid(marks: np.ndarray, *ids: int) -> np.ndarray:
    return marks[list(ids)].mean(axis=0)
