"""What real scans have besides the face: hair, beards, collars, and things that stand in the way."""

from __future__ import annotations

import numpy as np

from faceviz.synth.heads import PART, HeadMesh
from faceviz.synth.noise import smooth_noise
from faceviz.synth.topology import vertex_normals


def with_parts(mesh: HeadMesh, *parts: tuple[np.ndarray, np.ndarray, str]) -> HeadMesh:
    """The mesh with more surfaces (vertices, triangles, label) beside it; the smoother no longer fits, so it goes."""
    vertices, triangles, labels = [mesh.vertices], [mesh.triangles], [mesh.labels]
    count = len(mesh.vertices)
    for more_vertices, more_triangles, label in parts:
        vertices.append(more_vertices)
        triangles.append(more_triangles + count)
        labels.append(np.full(len(more_vertices), PART[label], dtype=np.int8))
        count += len(more_vertices)
    return mesh.with_(
        vertices=np.concatenate(vertices),
        triangles=np.concatenate(triangles),
        labels=np.concatenate(labels),
        smoother=None,
    )


def with_hair(mesh: HeadMesh, rng: np.random.Generator) -> HeadMesh:
    """The scalp puffed up by 2 to 45 mm behind a wavy hairline; the hairline may come down as a fringe."""
    marks = mesh.landmarks
    brow, front = marks[17:27, 1].mean(), marks[27, 2]
    fringe = rng.random() < 0.3
    height = rng.uniform(5.0, 30.0) if fringe else rng.uniform(35.0, 75.0)
    tilt = np.radians(rng.uniform(35.0, 60.0))
    normal = np.array([0.0, np.cos(tilt), -np.sin(tilt)])
    above = (mesh.vertices - [0.0, brow + height, front]) @ normal
    above += smooth_noise(mesh.vertices, rng, wavelength=(25.0, 80.0), amplitude=rng.uniform(2.0, 8.0))
    ramp = np.clip(above / rng.uniform(5.0, 30.0), 0.0, 1.0)
    free = ~np.isin(mesh.labels, [PART["eyeballs"], PART["interior"]])
    if rng.random() < 0.7:
        free &= mesh.labels != PART["ears"]
    thickness = rng.uniform(2.0, 15.0) if rng.random() < 0.5 else rng.uniform(10.0, 45.0)
    waves = 1.0 + smooth_noise(mesh.vertices, rng, wavelength=(20.0, 90.0), amplitude=rng.uniform(0.05, 0.35))
    offset = ramp * free * thickness * np.maximum(waves, 0.1)
    normals = vertex_normals(mesh.vertices, mesh.triangles)
    labels = np.where(free & (ramp > 0.3), PART["hair"], mesh.labels).astype(np.int8)
    return mesh.with_(vertices=mesh.vertices + offset[:, None] * normals, labels=labels)


def with_beard(mesh: HeadMesh, rng: np.random.Generator) -> HeadMesh:
    """The lower jaw puffed up by 1 to 12 mm, the lips left free."""
    marks = mesh.landmarks
    lips = marks[48:60]
    low = np.clip((marks[33, 1] - 4.0 - mesh.vertices[:, 1]) / 12.0, 0.0, 1.0)
    reach = np.clip((mesh.vertices[:, 1] - (marks[8, 1] - rng.uniform(5.0, 40.0))) / 10.0, 0.0, 1.0)
    behind = np.clip((mesh.vertices[:, 2] - marks[[0, 16], 2].mean()) / 15.0, 0.0, 1.0)
    centre, half = lips.mean(axis=0), np.abs(lips - lips.mean(axis=0)).max(axis=0) + 3.0
    away = np.linalg.norm((mesh.vertices - centre)[:, :2] / half[:2], axis=1)
    free = np.isin(mesh.labels, [PART["face"], PART["neck"], PART["head"]])
    weight = low * reach * behind * np.clip((away - 1.0) / 0.3, 0.0, 1.0) * free
    waves = 1.0 + smooth_noise(mesh.vertices, rng, wavelength=(10.0, 40.0), amplitude=0.3)
    offset = weight * rng.uniform(1.0, 12.0) * np.maximum(waves, 0.1)
    labels = np.where(weight > 0.5, PART["hair"], mesh.labels).astype(np.int8)
    normals = vertex_normals(mesh.vertices, mesh.triangles)
    return mesh.with_(vertices=mesh.vertices + offset[:, None] * normals, labels=labels)


def hanging_hair(mesh: HeadMesh, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, str]:
    """A curtain of hair round the sides and the back of the head, open in front."""
    marks = mesh.landmarks
    ears, brow, chin = marks[[0, 16]], marks[17:27, 1].mean(), marks[8, 1]
    opening = np.radians(rng.uniform(50.0, 110.0))
    top, bottom = brow + rng.uniform(-10.0, 40.0), chin - rng.uniform(-50.0, 130.0)
    angle = np.linspace(opening, 2 * np.pi - opening, 48)
    level = np.linspace(0.0, 1.0, 24)
    a, t = np.meshgrid(angle, level)
    width = 0.5 * np.ptp(ears[:, 0]) + rng.uniform(6.0, 25.0)
    depth = rng.uniform(95.0, 130.0)
    flare = 1.0 + rng.uniform(-0.25, 0.25) * t
    x = width * flare * np.sin(a) + ears[:, 0].mean()
    z = depth * flare * np.cos(a) + ears[:, 2].mean() - 20.0
    y = top + (bottom - top) * t + 8.0 * np.cos(3 * a + rng.uniform(0, 6.3))
    points = np.stack([x, y, z], axis=-1).reshape(-1, 3)
    radial = np.stack([np.sin(a), 0 * a, np.cos(a)], axis=-1).reshape(-1, 3)
    ripples = smooth_noise(
        points * [1.0, 0.3, 1.0], rng, wavelength=(15.0, 70.0), amplitude=rng.uniform(2.0, 7.0)
    )
    return points + ripples[:, None] * radial, grid_triangles(24, 48), "hair"


def collar(mesh: HeadMesh, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, str]:
    """A wrinkled cone from the neck to the shoulders."""
    marks = mesh.landmarks
    ears, chin = marks[[0, 16]], marks[8]
    a, t = np.meshgrid(np.linspace(0.0, 2 * np.pi, 56), np.linspace(0.0, 1.0, 14))
    inner, outer = rng.uniform(62.0, 85.0), rng.uniform(140.0, 220.0)
    radius = inner + (outer - inner) * t ** rng.uniform(0.7, 1.6)
    top = chin[1] - rng.uniform(25.0, 95.0)
    x = radius * np.sin(a) + ears[:, 0].mean()
    z = (0.6 * radius + 22.0) * np.cos(a) + ears[:, 2].mean() - rng.uniform(0.0, 35.0)
    y = top - rng.uniform(50.0, 130.0) * t - rng.uniform(0.0, 25.0) * np.cos(a) * (1 - t)
    points = np.stack([x, y, z], axis=-1).reshape(-1, 3)
    wrinkles = smooth_noise(points, rng, wavelength=(25.0, 90.0), amplitude=rng.uniform(1.0, 6.0))
    points = points + wrinkles[:, None] * [0.3, 1.0, 0.3]
    return points, grid_triangles(14, 56), "cloth"


def obstacle(mesh: HeadMesh, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, str]:
    """A small egg somewhere at the edge of the face: a finger, a tube, a hair pin."""
    a, t = np.meshgrid(np.linspace(0.0, 2 * np.pi, 20), np.linspace(0.0, np.pi, 10))
    egg = np.stack([np.sin(t) * np.cos(a), np.cos(t), -np.sin(t) * np.sin(a)], axis=-1).reshape(-1, 3)
    egg = egg * rng.uniform([5.0, 8.0, 5.0], [18.0, 45.0, 18.0])
    turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    turn[:, 0] *= np.sign(np.linalg.det(turn))
    place = mesh.landmarks[rng.choice([0, 2, 4, 6, 8, 10, 12, 14, 16, 17, 26, 57])]
    return egg @ turn.T + place + rng.normal(0.0, 10.0, 3), grid_triangles(10, 20), "cloth"


def grid_triangles(rows: int, columns: int) -> np.ndarray:
    """Triangles of a grid of points listed row by row, (2 (rows - 1) (columns - 1), 3).

    They face outwards where columns run with the angle from +Z to +X and rows run downwards.
    """
    ids = np.arange(rows * columns).reshape(rows, columns)
    a, b, c, d = ids[:-1, :-1].ravel(), ids[:-1, 1:].ravel(), ids[1:, :-1].ravel(), ids[1:, 1:].ravel()
    return np.concatenate([np.stack([a, c, b], axis=1), np.stack([b, c, d], axis=1)])
