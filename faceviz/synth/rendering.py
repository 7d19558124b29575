"""Pictures of a person: one ray a pixel, then skin, eyes, hair and light worked out for all pixels at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from faceviz.synth.atlas import ray_scene, tensor
from faceviz.synth.dressing import MATERIAL, Figure, Person
from faceviz.synth.lighting import Lamp, Light
from faceviz.synth.surfaces import Surface, interpolated, surface_of
from faceviz.synth.topology import face_normals

#: Light spreads under the skin, red farthest: the share by which the lit half reaches past the edge of shadow.
_WRAP = np.array([0.26, 0.13, 0.09], dtype=np.float32)
_NOTHING = np.uint32(0xFFFFFFFF)


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """A pinhole camera looking at a head: u = K (R x + t)."""

    pose: np.ndarray  # (4, 4) camera_from_head, mm; x right, y down, z forward
    intrinsics: np.ndarray  # (3, 3) pixels; the first pixel's centre is (0.5, 0.5)

    def project(self, points: np.ndarray) -> np.ndarray:
        """Pixels (N, 2) of points (N, 3) in the head frame."""
        seen = (points @ self.pose[:3, :3].T + self.pose[:3, 3]) @ self.intrinsics.T
        return seen[:, :2] / seen[:, 2:]

    def scaled(self, factor: float) -> View:
        """The same view with ``factor`` times as many pixels a side."""
        return View(self.pose, np.diag([factor, factor, 1.0]) @ self.intrinsics)


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """Linear light that reached the camera, before exposure."""

    light: np.ndarray  # (S, S, 3) float32, premultiplied with cover
    cover: np.ndarray  # (S, S) float32 0..1, share of the pixel that the person fills
    face_level: float  # mean luminance of lit skin


def render(
    person: Person,
    figure: Figure,
    view: View,
    light: Light,
    gaze: np.ndarray,
    size: int = 256,
    rays: int = 256,
) -> Picture:
    """One picture of ``size`` x ``size`` pixels.

    Args:
        person, figure: who, and with which expression.
        view: where the camera is.
        light: in the camera's frame.
        gaze: (2, 3) unit directions of the right and the left eye, head frame.
        size: pixels a side.
        rays: rays a side; fewer than ``size`` make a soft picture, more a smooth one.
    """
    fine = rays
    hits = _cast(figure, view.scaled(fine / size), fine)
    colour = np.zeros((fine * fine, 3), dtype=np.float32)
    surface = surface_of(person, figure, hits.triangle, hits.weights, gaze)
    shaded = _shade(surface, hits, view, light, fine, fine / size)
    colour[hits.pixel] = shaded
    cover = np.zeros(fine * fine, dtype=np.float32)
    cover[hits.pixel] = 1.0
    skin = surface.material == MATERIAL["skin"]
    level = float(np.median(shaded[skin].mean(axis=1))) if skin.any() else 0.2
    return Picture(
        _resized(colour.reshape(fine, fine, 3), size), _resized(cover.reshape(fine, fine), size), level
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Hits:
    pixel: np.ndarray  # (P,) index into the fine image
    triangle: np.ndarray  # (P,)
    weights: np.ndarray  # (P, 3) float32 barycentric
    point: np.ndarray  # (P, 3) float32, head frame
    normal: np.ndarray  # (P, 3) float32, unit, head frame, smooth
    towards: np.ndarray  # (P, 3) float32, unit, to the camera
    distance: np.ndarray  # (P,) float32
    scene: Any  # Open3D's


def _cast(figure: Figure, view: View, size: int) -> _Hits:
    """What each pixel sees; rays only where the head may be."""
    rotation, centre = view.pose[:3, :3], -view.pose[:3, :3].T @ view.pose[:3, 3]
    faces = face_normals(figure.vertices, figure.topology.triangles)
    near = np.flatnonzero(_may_be_seen(figure, faces, centre))
    scene = ray_scene(figure.vertices, figure.topology.triangles[near])
    pixel = _candidates(view.project(figure.vertices), size)
    rows, columns = np.divmod(pixel, size)
    image = np.stack([columns + 0.5, rows + 0.5, np.ones(len(pixel))], axis=1)
    directions = image @ (rotation.T @ np.linalg.inv(view.intrinsics)).T
    directions = _unit(directions.astype(np.float32))
    rays = np.concatenate([np.broadcast_to(centre.astype(np.float32), directions.shape), directions], axis=1)
    found = scene.cast_rays(tensor(rays))
    triangle = found["primitive_ids"].numpy()
    hit = triangle != _NOTHING
    triangle = near[triangle[hit]]
    uv, distance = found["primitive_uvs"].numpy()[hit], found["t_hit"].numpy()[hit]
    weights = np.column_stack([1.0 - uv[:, 0] - uv[:, 1], uv])
    normals = _unit(figure.topology.incidence @ faces)
    normal = interpolated(normals, figure.topology.triangles[triangle], weights)
    towards = -directions[hit]
    normal[_dot(normal, towards) < -0.2] *= -1.0  # sheets have two sides
    normal = _unit(normal)
    point = rays[hit, :3] + distance[:, None] * directions[hit]
    return _Hits(pixel[hit], triangle, weights, point, normal, towards, distance, scene)


def _may_be_seen(figure: Figure, faces: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """Triangles that face the camera, and all of what is worn: it has two sides. (M,) bool."""
    topology = figure.topology
    first = figure.vertices[topology.triangles[:, 0]]
    facing = _dot(faces, centre.astype(np.float32) - first) > 0.0
    return facing | (topology.material >= MATERIAL["tooth"])


def _candidates(projected: np.ndarray, size: int, cell: int = 8) -> np.ndarray:
    """Pixels near any projected vertex, with the gaps between them filled: indices (P,)."""
    from scipy.ndimage import binary_dilation, binary_fill_holes

    count = -(-size // cell)
    where = np.floor(projected / cell).astype(np.int64)
    inside = ((where >= 0) & (where < count)).all(axis=1)
    grid = np.zeros((count, count), dtype=bool)
    grid[where[inside, 1], where[inside, 0]] = True
    grid = binary_fill_holes(binary_dilation(grid, np.ones((3, 3), dtype=bool)))
    fine = np.repeat(np.repeat(grid, cell, axis=0), cell, axis=1)[:size, :size]
    return np.flatnonzero(fine)


def _shade(surface: Surface, hits: _Hits, view: View, light: Light, fine: int, factor: float) -> np.ndarray:
    """Colour of each hit, (P, 3) float32, linear."""
    to_camera = view.pose[:3, :3].astype(np.float32)
    towards = hits.towards @ to_camera.T
    smooth = hits.normal @ to_camera.T
    pixel_mm = hits.distance / (view.intrinsics[0, 0] * factor)
    normal = _bumped(smooth, surface.height, hits.pixel, fine, pixel_mm)
    open_sky = surface.openness[:, None]
    bounce = open_sky / (
        1.0 - 0.8 * (1.0 - open_sky) * surface.albedo
    )  # light between surfaces keeps their colour
    total = light.irradiance(normal) * bounce * surface.albedo
    facing = _dot(normal, towards)
    mirrored = 2.0 * facing[:, None] * normal - towards
    facing = np.clip(facing, 0.0, 1.0)
    fresnel = surface.reflectance * (1.0 + 6.0 * (1.0 - facing) ** 5)
    total += (light.radiance(mirrored) * (fresnel * surface.openness**2)[:, None]) * surface.mirror[:, None]
    for index, lamp in enumerate(light.lamps):
        lit = _unshadowed(hits, surface, lamp, to_camera, fine) if index == 0 else surface.openness
        total += _lamp(surface, normal, smooth, towards, lamp, lit)
    return total


def _lamp(
    surface: Surface, normal: np.ndarray, smooth: np.ndarray, towards: np.ndarray, lamp: Lamp, lit: np.ndarray
) -> np.ndarray:
    """Wrapped diffuse and Blinn-Phong light of one lamp, (P, 3)."""
    direction = lamp.direction.astype(np.float32)
    cosine = (normal @ direction)[:, None]
    blurred = (smooth @ direction)[:, None]
    wrap = _WRAP * surface.soft[:, None]
    mixed = cosine + surface.soft[:, None] * np.array([0.5, 0.15, 0.0], dtype=np.float32) * (blurred - cosine)
    diffuse = np.maximum(mixed + wrap, 0.0) / (1.0 + wrap) ** 2
    half = _unit(towards + direction)
    power = surface.sharpness
    peak = np.maximum(_dot(normal, half), 0.0) ** power * (power + 8.0) / 8.0
    shine = surface.reflectance * peak * np.clip(4.0 * cosine[:, 0], 0.0, 1.0) * lit
    return (diffuse * surface.albedo * lit[:, None] + shine[:, None]) * lamp.colour.astype(np.float32)


def _bumped(
    normal: np.ndarray, height: np.ndarray, pixel: np.ndarray, fine: int, pixel_mm: np.ndarray
) -> np.ndarray:
    """n - grad h, the relief's slope taken on the picture, (P, 3) camera frame."""
    flat = np.zeros(fine * fine, dtype=np.float32)
    flat[pixel] = height
    image = flat.reshape(fine, fine)
    slope_y, slope_x = (np.clip(g.ravel()[pixel] / pixel_mm, -0.5, 0.5) for g in np.gradient(image))
    bumped = normal.copy()
    bumped[:, 0] -= slope_x
    bumped[:, 1] -= slope_y
    return _unit(bumped)


def _dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Inner products of rows, (P,)."""
    return np.einsum("pc,pc->p", a, b)


def _unit(a: np.ndarray) -> np.ndarray:
    """Rows of length one, (P, 3)."""
    return a / np.maximum(np.sqrt(_dot(a, a)), 1e-6)[:, None]


def _unshadowed(
    hits: _Hits, surface: Surface, lamp: Lamp, to_camera: np.ndarray, fine: int, stride: int = 2
) -> np.ndarray:
    """Share of the lamp that each hit sees, (P,): rays from every other pixel, then smoothed."""
    import cv2

    rows, columns = np.divmod(hits.pixel, fine)
    chosen = np.flatnonzero((rows % stride == 0) & (columns % stride == 0))
    direction = to_camera.T @ lamp.direction.astype(np.float32)
    rng = np.random.default_rng(7)
    spread = direction + lamp.size * rng.standard_normal((len(chosen), 3)).astype(np.float32)
    origins = hits.point[chosen] + 0.8 * hits.normal[chosen]
    rays = np.concatenate([origins, spread], axis=1).astype(np.float32)
    free = ~hits.scene.test_occlusions(tensor(rays)).numpy()
    coarse = -(-fine // stride)
    place = (rows[chosen] // stride) * coarse + columns[chosen] // stride
    sums = np.zeros((2, coarse * coarse), dtype=np.float32)
    sums[0, place], sums[1, place] = free, 1.0
    blur = 0.7 + 8.0 * lamp.size
    seen, known = (cv2.GaussianBlur(s.reshape(coarse, coarse), (0, 0), blur) for s in sums)
    share = cv2.resize(seen / np.maximum(known, 1e-3), (fine, fine), interpolation=cv2.INTER_LINEAR)
    return np.clip(share.ravel()[hits.pixel], 0.0, 1.0)


def _resized(image: np.ndarray, size: int) -> np.ndarray:
    import cv2

    method = cv2.INTER_AREA if len(image) >= size else cv2.INTER_CUBIC
    return (
        image
        if len(image) == size
        else np.maximum(cv2.resize(image, (size, size), interpolation=method), 0.0)
    )
