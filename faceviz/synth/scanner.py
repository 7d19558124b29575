"""A virtual scanner: from a head mesh to a cloud with the crops, holes, clutter and noise of real scans."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from faceviz.errors import ConfigError, GeometryError, nearest_name
from faceviz.scan import FaceScan
from faceviz.synth.clutter import collar, hanging_hair, obstacle, with_beard, with_hair, with_parts
from faceviz.synth.crops import CROPS, Keep, camera_directions, crop_region
from faceviz.synth.heads import PART, HeadMesh
from faceviz.synth.noise import SmoothWarp, smooth_noise
from faceviz.synth.topology import face_normals
from faceviz.synth.visibility import DepthBuffer

_BATCH_FACTOR, _ROUNDS = 2.6, 8


@dataclass(frozen=True)
class VirtualScanner:
    """Scans head meshes; every chance is drawn from the generator given to ``scan``.

    Args:
        count: points of a scan.
        crops: share of each crop by name (see ``faceviz.synth.crops.CROPS``); they need not add up to one.
        depth_noise: largest standard deviation along the viewing direction, mm.
        waviness: largest amplitude of smooth surface waves, mm.
        outliers: largest share of specks off the surface.
        holes: chance of missing patches.
        eye_holes: chance that the eyeballs are missing.
        beard, obstacle: chances of these.
        mirror: chance of the mirror image.
        warp: whether size and shape are varied beyond the head model.
        clutter: whether hair, collars and obstacles are added.
    """

    count: int = 8192
    crops: dict[str, float] = field(
        default_factory=lambda: {name: style.share for name, style in CROPS.items()}
    )
    depth_noise: float = 0.7
    waviness: float = 0.6
    outliers: float = 0.004
    holes: float = 0.3
    eye_holes: float = 0.3
    beard: float = 0.07
    obstacle: float = 0.06
    mirror: float = 0.5
    warp: bool = True
    clutter: bool = True

    def __post_init__(self) -> None:
        if self.count < 1:
            raise ConfigError(f"count={self.count}; a scan needs at least one point")
        for name in self.crops:
            if name not in CROPS:
                raise ConfigError(f"no crop named {name!r}{nearest_name(name, CROPS)}")
        if not self.crops or min(self.crops.values()) < 0 or sum(self.crops.values()) <= 0:
            raise ConfigError("crops must hold shares >= 0 with a positive sum")

    def scan(self, mesh: HeadMesh, rng: np.random.Generator, crop: str | None = None) -> FaceScan:
        """One scan: ``count`` points in mm with landmarks; its source names the crop.

        Args:
            mesh: a sampled head.
            rng: the only source of chance.
            crop: a crop's name; None draws one.

        Raises:
            GeometryError: hardly any surface lies in the crop and in sight.
        """
        name = self._draw_crop(rng) if crop is None else crop
        mesh = self._posed(mesh, rng)
        landmarks = mesh.landmarks
        cameras = camera_directions(CROPS[name].cameras, rng)
        keep = crop_region(name, landmarks, rng)
        mesh = self._cluttered(mesh, name, rng)
        points, normals, labels = _Sampler(self, mesh, cameras, keep, landmarks, rng).sample()
        points = self._measured(points, normals, labels, cameras, rng)
        return FaceScan(points, landmarks=landmarks, unit="mm", source=f"{mesh.source}:crop={name}")

    def _draw_crop(self, rng: np.random.Generator) -> str:
        names = sorted(self.crops)
        shares = np.array([self.crops[name] for name in names])
        return names[rng.choice(len(names), p=shares / shares.sum())]

    def _posed(self, mesh: HeadMesh, rng: np.random.Generator) -> HeadMesh:
        """Mirror image, smoothing and warp; landmarks go with the surface."""
        if rng.random() < self.mirror:
            mesh = mesh.mirrored()
        if rng.random() < 0.3:
            mesh = mesh.smoothed(int(rng.integers(1, 6)))
        if self.warp:
            warp = SmoothWarp(rng)
            mesh = mesh.with_(vertices=warp(mesh.vertices), landmarks=warp(mesh.landmarks))
        return mesh

    def _cluttered(self, mesh: HeadMesh, crop: str, rng: np.random.Generator) -> HeadMesh:
        if rng.random() < self.eye_holes:
            mesh = _without_eyeballs(mesh)
        if not self.clutter:
            return mesh
        style = CROPS[crop]
        parts = []
        if rng.random() < style.hair:
            mesh = with_hair(mesh, rng)
        if rng.random() < self.beard:
            mesh = with_beard(mesh, rng)
        if rng.random() < style.hanging:
            parts.append(hanging_hair(mesh, rng))
        if rng.random() < style.collar:
            parts.append(collar(mesh, rng))
        if rng.random() < self.obstacle:
            parts.append(obstacle(mesh, rng))
        return with_parts(mesh, *parts) if parts else mesh

    def _measured(
        self,
        points: np.ndarray,
        normals: np.ndarray,
        labels: np.ndarray,
        cameras: list[np.ndarray],
        rng: np.random.Generator,
    ) -> np.ndarray:
        """Depth noise along the nearest camera's direction, smooth waves and rough hair along the normal, specks."""
        directions = np.stack(cameras)
        nearest = directions[np.argmax(normals @ directions.T, axis=1)]
        sigma = rng.uniform(0.0, self.depth_noise)
        depth = rng.normal(0.0, sigma, len(points)) if sigma > 0 else np.zeros(len(points))
        along = smooth_noise(points, rng, (15.0, 70.0), rng.uniform(0.0, self.waviness))
        rough = labels == PART["hair"]
        along = along + rough * rng.normal(0.0, rng.uniform(0.3, 3.0), len(points))
        specks = rng.random(len(points)) < rng.uniform(0.0, self.outliers) * (rng.random() < 0.5)
        jump = specks[:, None] * rng.normal(0.0, rng.uniform(3.0, 12.0), (len(points), 3))
        return points + depth[:, None] * nearest + along[:, None] * normals + jump


def _without_eyeballs(mesh: HeadMesh) -> HeadMesh:
    gone = np.isin(mesh.labels, [PART["eyeballs"], PART["interior"]])
    return mesh.with_(triangles=mesh.triangles[~gone[mesh.triangles].any(axis=1)])


class _Sampler:
    """Draws surface points that lie in the crop and that a camera sees, until there are enough."""

    def __init__(
        self,
        scanner: VirtualScanner,
        mesh: HeadMesh,
        cameras: list[np.ndarray],
        keep: Keep,
        landmarks: np.ndarray,
        rng: np.random.Generator,
    ) -> None:
        self.scanner, self.rng, self.mesh = scanner, rng, mesh
        self.cameras, self.keep = cameras, keep
        self.gamma = rng.uniform(0.0, 1.3)
        self.density = rng.uniform(0.0, 0.5)
        self.density_rng_seed = int(rng.integers(2**63))
        self.holes = self._holes(landmarks)
        reach = keep(mesh.vertices) > -12.0
        self.triangles = mesh.triangles[reach[mesh.triangles].any(axis=1)]
        if len(self.triangles) == 0:
            raise GeometryError("no surface lies in the crop; take another crop")
        normals = face_normals(mesh.vertices, self.triangles)
        length = np.linalg.norm(normals, axis=1)
        self.normals = normals / np.maximum(length, 1e-12)[:, None]
        self.area = 0.5 * length
        self.cumulative = np.cumsum(self.area)
        self.hidden = np.isin(mesh.labels, [PART["interior"], PART["eyeballs"]])[self.triangles].any(axis=1)
        self.labels = mesh.labels[self.triangles[:, 0]]

    def _holes(self, landmarks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Centres (H, 3) and radii (H,) of missing patches."""
        if self.rng.random() >= self.scanner.holes:
            return np.zeros((0, 3)), np.zeros(0)
        count = int(self.rng.integers(1, 6))
        near = landmarks[self.rng.integers(0, 68, count)] + self.rng.normal(0.0, 25.0, (count, 3))
        return near, self.rng.uniform(3.0, 16.0, count)

    def _batch(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Points (count, 3) uniform on the surface and their triangles (count,), in the order of the triangles."""
        marks = np.sort(self.rng.random(count)) * self.cumulative[-1]
        face = np.minimum(np.searchsorted(self.cumulative, marks), len(self.triangles) - 1)
        root, second = np.sqrt(self.rng.random(count)), self.rng.random(count)
        corners = self.mesh.vertices[self.triangles[face]]
        weights = np.stack([1.0 - root, root * (1.0 - second), root * second], axis=1)
        return np.einsum("nc,ncd->nd", weights, corners), face

    def sample(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Points (count, 3), unit normals (count, 3), labels (count,)."""
        count = self.scanner.count
        size = int(_BATCH_FACTOR * max(count, 4096))
        points, face = self._batch(size)
        pixel = max(np.sqrt(1.5 * self.cumulative[-1] / size), 1.2)
        splats = np.concatenate([points, self.mesh.vertices[np.unique(self.triangles)]])
        buffers = [DepthBuffer.of(splats, direction, pixel) for direction in self.cameras]
        kept: list[tuple[np.ndarray, np.ndarray]] = []
        have = 0
        for _ in range(_ROUNDS):
            chosen = self._accept(points, face, buffers)
            kept.append((points[chosen], face[chosen]))
            have += len(chosen)
            if have >= count:
                break
            self._restrict(kept)
            points, face = self._batch(size)
        points, face = (np.concatenate(items) for items in zip(*kept, strict=True))
        if len(points) < min(count, 50):
            raise GeometryError("hardly any surface lies in the crop and in sight; take another crop")
        order = self.rng.permutation(len(points))[:count]
        if len(order) < count:
            order = np.concatenate([order, self.rng.choice(len(points), count - len(order))])
        return points[order], self.normals[face[order]], self.labels[face[order]]

    def _accept(self, points: np.ndarray, face: np.ndarray, buffers: list[DepthBuffer]) -> np.ndarray:
        """Indices of the points that lie in the crop, in sight, in no hole, thinned by slant and density."""
        inside = np.flatnonzero(self.keep(points) > 0.0)
        for centre, radius in zip(*self.holes, strict=True):
            inside = inside[((points[inside] - centre) ** 2).sum(axis=1) > radius**2]
        points, normals, hidden = points[inside], self.normals[face[inside]], self.hidden[face[inside]]
        best = np.zeros(len(points))
        for buffer in buffers:
            cosine = normals @ buffer.direction
            best = np.maximum(best, np.where(buffer.sees(points, cosine, hidden), cosine, 0.0))
        field = smooth_noise(
            points, np.random.default_rng(self.density_rng_seed), (60.0, 250.0), self.density
        )
        chance = np.minimum(best**self.gamma * np.exp(field - self.density), 1.0) * (best > 0.0)
        return inside[self.rng.random(len(points)) < chance]

    def _restrict(self, kept: list[tuple[np.ndarray, np.ndarray]]) -> None:
        """Sample only near where points were accepted from now on: triangles that hold one."""
        hit = np.zeros(len(self.triangles), dtype=bool)
        for _, face in kept:
            hit[face] = True
        if hit.sum() > 0.02 * len(hit):
            self.cumulative = np.cumsum(np.where(hit, self.area, 0.05 * self.area))
