"""Training clouds: what the landmark network learns from, made once from scans and kept on disk.

Each scan gives two clouds in the network's units: one as the scan was cropped (centroid, radius 1), one of the face
region around the landmarks, shaken, as the predictor's second look sees it. Both are kept in farthest-point order with
more points than the network takes, so that pieces can be cut out of them in every epoch.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from faceviz.errors import GeometryError
from faceviz.geometry.sampling import farthest_point_order
from faceviz.geometry.transforms import random_rotation
from faceviz.heatmaps import SIGMA, landmarks_to_heatmaps
from faceviz.landmarks import MIRROR
from faceviz.regions import REGION_POINTS, face_sphere
from faceviz.scan import FaceScan

KEPT_POINTS = 1536
_UNKNOWN = -1
_REFLECTION = np.array([-1.0, 1.0, 1.0])


@dataclass(frozen=True, slots=True, eq=False)
class TrainingCloud:
    """A cloud in the network's units.

    Attributes:
        points: (K, 3) in farthest-point order.
        landmarks: (68, 3).
        mm: millimetres in one unit.
        scan: the number of its scan, where that is known.
    """

    points: np.ndarray
    landmarks: np.ndarray
    mm: float
    scan: int | None = None


def whole_cloud(scan: FaceScan, keep: int = KEPT_POINTS) -> TrainingCloud:
    """The scan as it is: centroid at the origin, radius 1."""
    return _cloud(scan.points, _truth(scan), scan.centroid, scan.radius, keep)


def region_cloud(
    scan: FaceScan, rng: np.random.Generator | None = None, keep: int = KEPT_POINTS
) -> TrainingCloud:
    """The points inside the sphere around the true landmarks; with ``rng`` centre and radius are a few percent off.

    Raises:
        GeometryError: hardly any of the scan lies in the sphere.
    """
    landmarks = _truth(scan)
    centre, radius = face_sphere(landmarks)
    if rng is not None:
        centre = centre + rng.normal(0.0, 0.05 * radius, 3)
        radius = radius * np.exp(rng.normal(0.0, 0.06))
    inside = scan.points[((scan.points - centre) ** 2).sum(axis=1) < radius**2]
    if len(inside) < REGION_POINTS:
        raise GeometryError(
            f"{len(inside)} points lie in the face region; at least {REGION_POINTS} are needed"
        )
    return _cloud(inside, landmarks, centre, radius, keep)


def _truth(scan: FaceScan) -> np.ndarray:
    assert scan.landmarks is not None  # a scan to learn from
    return scan.landmarks


def _cloud(
    points: np.ndarray, landmarks: np.ndarray, centre: np.ndarray, radius: float, keep: int
) -> TrainingCloud:
    kept = points[farthest_point_order(points, min(keep, len(points)))]
    return TrainingCloud((kept - centre) / radius, (landmarks - centre) / radius, radius)


def write_shard(path: Path, clouds: Sequence[TrainingCloud]) -> None:
    """Clouds as one NPZ, appearing at once or not at all."""
    count = min(len(cloud.points) for cloud in clouds)
    partial = path.with_suffix(".partial")
    with partial.open("wb") as file:
        np.savez(
            file,
            points=np.stack([cloud.points[:count] for cloud in clouds]).astype(np.float32),
            landmarks=np.stack([cloud.landmarks for cloud in clouds]).astype(np.float32),
            mm=np.array([cloud.mm for cloud in clouds], dtype=np.float32),
            scan=np.array([_UNKNOWN if cloud.scan is None else cloud.scan for cloud in clouds]),
        )
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def read_shard(path: Path) -> list[TrainingCloud]:
    """Clouds of a shard; earlier ones do not say of which scans."""
    with np.load(path) as data:
        mm = data["mm"].tolist()
        scans = data["scan"].tolist() if "scan" in data else [_UNKNOWN] * len(mm)
        return [
            TrainingCloud(points, landmarks, unit, None if scan == _UNKNOWN else scan)
            for points, landmarks, unit, scan in zip(
                data["points"], data["landmarks"], mm, scans, strict=True
            )
        ]


def augment(
    cloud: TrainingCloud, rng: np.random.Generator, count: int, *, rotate: bool = True, tilt: float = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    """``count`` points (count, 3) and landmarks (68, 3): every other one a mirror image, holes and cuts, a little
    noise, a random size and pose.

    The pose changes nothing for an invariant network; ordinary ones learn from the same data. A mirror image is new to
    both: the network is equivariant under SE(3), not under reflections.

    Args:
        rotate: whether the pose is any, uniform on SO(3).
        tilt: else, standard deviation of the pose in degrees.
    """
    points, landmarks = cloud.points.astype(np.float64), cloud.landmarks.astype(np.float64)
    if rng.random() < 0.5:
        points, landmarks = points * _REFLECTION, landmarks[MIRROR] * _REFLECTION
    keep = np.ones(len(points), dtype=bool)
    if rng.random() < 0.3:
        keep &= _outside_hole(points, rng)
    if rng.random() < 0.2:
        keep &= _one_side(points, rng)
    if keep.sum() < count:
        keep[np.flatnonzero(~keep)[: count - int(keep.sum())]] = True
    points = points[keep][:count]
    if rng.random() < 0.5:
        points = points + rng.normal(0.0, rng.uniform(0.0, 0.006), points.shape)
    scale = np.exp(rng.normal(0.0, 0.04))
    rotation = random_rotation(rng) if rotate else _small_rotation(rng, tilt)
    return scale * points @ rotation.T, scale * landmarks @ rotation.T


def _small_rotation(rng: np.random.Generator, tilt: float) -> np.ndarray:
    return Rotation.from_rotvec(rng.normal(0.0, np.deg2rad(tilt), 3)).as_matrix()


def no_face(rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    """``count`` points (count, 3) of a thing that is no face, radius 1, and landmarks (68, 3), all NaN.

    Balls, boxes and tubes, stretched, waved, mostly cut open by a plane, a little noisy.
    """
    points = _solid(rng, 4 * count)
    waves = rng.normal(0.0, 1.0, (3, 6)) * rng.choice([1.0, 2.5, 5.0], 6)
    ripple = np.cos(points @ waves + rng.uniform(0.0, 2.0 * np.pi, 6)) @ rng.normal(0.0, 0.08, 6)
    points = points * rng.uniform(0.4, 1.0, 3) * (1.0 + ripple * rng.uniform(0.0, 1.0))[:, None]
    height = points @ rng.standard_normal(3)
    points = points[height <= np.quantile(height, rng.uniform(0.3, 1.0))]
    points = points[farthest_point_order(points, count)]
    points = points - points.mean(axis=0)
    points = points / np.linalg.norm(points, axis=1).max() + rng.normal(0.0, 0.005, points.shape)
    return points, np.full((len(MIRROR), 3), np.nan)


def _solid(rng: np.random.Generator, count: int) -> np.ndarray:
    """Points (count, 3) on a ball, a box or a tube of size one."""
    ball = rng.standard_normal((count, 3))
    ball /= np.linalg.norm(ball, axis=1, keepdims=True)
    kind = rng.integers(3)
    if kind == 0:
        return ball
    if kind == 1:
        return ball / np.abs(ball).max(axis=1, keepdims=True)
    tube = ball / np.linalg.norm(ball[:, :2], axis=1, keepdims=True)
    tube[:, 2] = rng.uniform(-1.5, 1.5, count)
    return tube


def _outside_hole(points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    centre = points[rng.integers(len(points))]
    return ((points - centre) ** 2).sum(axis=1) > rng.uniform(0.05, 0.25) ** 2


def _one_side(points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    direction = rng.standard_normal(3)
    height = points @ (direction / np.linalg.norm(direction))
    return height < np.quantile(height, rng.uniform(0.75, 1.0))


def targets(points: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """Heatmaps (N, 68) that the network should give, float32; zero for landmarks that are NaN."""
    return np.nan_to_num(landmarks_to_heatmaps(points, landmarks, SIGMA).astype(np.float32))


class CloudFolder:
    """The shards of a folder, as many as exist; new ones are seen when ``refresh`` is called.

    Args:
        scans: of how many scans; shards are named by the first scan in them. All if not given. Clouds that do not say
            of which scan they are count as of the first in their shard.
        views: clouds of a scan, 2 or 1: then the first of two scans, the last of the next two, and so on, for heads
            take turns.
    """

    def __init__(self, folder: str | Path, scans: int | None = None, views: int = 2) -> None:
        self.folder, self.scans, self.views = Path(folder), scans, views
        self._shards: dict[str, list[TrainingCloud]] = {}
        self._clouds: list[TrainingCloud] = []
        self.refresh()

    def refresh(self) -> int:
        """Read shards that have appeared; the number of clouds."""
        for path in sorted(self.folder.glob("*.npz")):
            if path.name not in self._shards and (self.scans is None or int(path.stem) < self.scans):
                self._shards[path.name] = self._wanted(read_shard(path))
        self._clouds = [cloud for name in sorted(self._shards) for cloud in self._shards[name]]
        return len(self._clouds)

    def _wanted(self, clouds: list[TrainingCloud]) -> list[TrainingCloud]:
        inside = [c for c in clouds if self.scans is None or c.scan is None or c.scan < self.scans]
        if self.views == 2:
            return inside
        of_scan: dict[int, list[TrainingCloud]] = {}
        for place, cloud in enumerate(inside):
            of_scan.setdefault(place if cloud.scan is None else cloud.scan, []).append(cloud)
        return [views[-(number // 2 % 2)] for number, views in of_scan.items()]

    def __len__(self) -> int:
        return len(self._clouds)

    def __getitem__(self, index: int) -> TrainingCloud:
        return self._clouds[index]

    def __iter__(self) -> Iterator[TrainingCloud]:
        return iter(self._clouds)


def scan_to_clouds(scan: FaceScan, rng: np.random.Generator, *, shaken: bool = True) -> list[TrainingCloud]:
    """The clouds of one scan: as cropped, and its face region where enough of it was scanned."""
    clouds = [whole_cloud(scan)]
    try:
        clouds.append(region_cloud(scan, rng if shaken else None))
    except GeometryError:
        pass
    return [cloud for cloud in clouds if len(cloud.points) == KEPT_POINTS]
