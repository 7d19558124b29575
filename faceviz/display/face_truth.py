"""What a reconstructed face should have been, and how far it is off."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import cKDTree

from faceviz.errors import ConfigError, FacevizError
from faceviz.evaluation.reconstruction import aligned
from faceviz.geometry import geometry_image
from faceviz.geometry.alignment import procrustes
from faceviz.geometry.sampling import sample_surface
from faceviz.landmarks import INNER

if TYPE_CHECKING:
    from faceviz.pipeline import LandmarkPredictor
    from faceviz.scan import FaceScan

_SAMPLES = 60_000  # of a mesh
_STEPS, _STEP_POINTS = 8, 1024  # of the fit onto a scan


@dataclass(frozen=True, slots=True, eq=False)
class FaceTruth:
    """The true shape of a face.

    Images do not show where a face is, nor how large: before it is compared, a face is turned, shifted and scaled onto
    the truth.

    Attributes:
        points: (N, 3) mm. If ``corresponds``, the (16384, 3) of the geometry image, point by point.
        normals: (N, 3) of the surface at the points; None where it is not known.
        landmarks: (68, 3) mm; None where ``corresponds``.
        name: of the file.
    """

    points: np.ndarray
    normals: np.ndarray | None
    landmarks: np.ndarray | None
    corresponds: bool
    name: str
    tree: cKDTree | None = None

    def errors(self, points: np.ndarray) -> np.ndarray:
        """Distance in mm of each point (16384, 3) of a face to where it should be, (16384,).

        That is its own true point where they correspond, else the nearest place of the true surface.
        """
        if self.corresponds:
            return np.linalg.norm(aligned(points, self.points) - self.points, axis=1)
        return self._to_surface(self._laid_on(points))[0]

    def _laid_on(self, points: np.ndarray) -> np.ndarray:
        """By the inner landmarks, then by the nearest points, again and again."""
        assert self.landmarks is not None
        inner = list(INNER)
        face = _similarity(geometry_image.landmarks(points)[inner], self.landmarks[inner])(points)
        some = np.linspace(0, len(points) - 1, _STEP_POINTS).astype(int)
        for _ in range(_STEPS):
            near = face[some]
            distance, nearest = self._to_surface(near)
            kept = distance <= 3.0 * max(np.median(distance), 1e-9)
            face = _similarity(near[kept], nearest[kept])(face)
        return face

    def _to_surface(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Distance (N,) to the truth, and the nearest place on it (N, 3)."""
        assert self.tree is not None
        distance, index = self.tree.query(points)
        nearest = self.points[index]
        if self.normals is None:
            return distance, nearest
        height = ((points - nearest) * self.normals[index]).sum(axis=1)
        return np.abs(height), points - height[:, None] * self.normals[index]


def read_truth(path: str | os.PathLike[str], predictor: LandmarkPredictor | None = None) -> FaceTruth:
    """The truth from a scan in any pose and unit.

    Args:
        path: any scan that ``faceviz.io.read_scan`` reads; one with the grid of ``faceviz.geometry.geometry_image``
            corresponds point by point.
        predictor: finds the landmarks of a scan that brings none; the default model if not given.

    Raises:
        FileFormatError: the file cannot be read.
        ConfigError: the unit of its coordinates is not known.
        NoFaceError: no face is found in it.
    """
    from faceviz.io import read_scan

    scan = read_scan(path)
    try:
        return scan_truth(scan, Path(path).name, predictor)
    except FacevizError as error:
        raise type(error)(f"{Path(path).name}: {error}") from None


def scan_truth(
    scan: FaceScan, name: str | None = None, predictor: LandmarkPredictor | None = None
) -> FaceTruth:
    """As ``read_truth``, of a scan."""
    name = scan.source if name is None else name
    if scan.mm_per_unit is None:
        raise ConfigError("the unit of this truth is not known; write it in mm, cm or m")
    points = scan.mm_per_unit * scan.points
    if _on_grid(scan):
        return FaceTruth(points, None, None, True, name)
    landmarks = scan.landmarks
    if landmarks is None:
        from faceviz.pipeline import LandmarkPredictor

        landmarks = (predictor or LandmarkPredictor.from_pretrained()).predict(scan).landmarks
    normals = None
    if scan.triangles is not None and len(scan.triangles):
        corners = points[scan.triangles]
        points, face = sample_surface(points, scan.triangles, _SAMPLES, np.random.default_rng(0))
        normals = _normals(corners)[face]
    return FaceTruth(points, normals, scan.mm_per_unit * landmarks, False, name, cKDTree(points))


def _on_grid(scan: FaceScan) -> bool:
    return scan.triangles is not None and np.array_equal(scan.triangles, geometry_image.triangles())


def _normals(corners: np.ndarray) -> np.ndarray:
    """Unit normals (M, 3) of triangles (M, 3, 3); zero for those without area, which no sample lies on."""
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    return across / np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-300)


def _similarity(source: np.ndarray, target: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """The turn, shift and scale that lay paired points (N, 3) best onto others, as a function."""
    centre, goal = source.mean(axis=0), target.mean(axis=0)
    motion = procrustes(source - centre, target - goal)
    turned = motion.apply(source - centre)
    scale = float((turned * (target - goal)).sum() / (turned**2).sum())
    return lambda points: goal + scale * motion.apply(points - centre)
