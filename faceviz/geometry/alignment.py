"""Rigid alignment of point sets: Procrustes on paired points, ICP on unpaired ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from faceviz.errors import GeometryError, ShapeError
from faceviz.geometry.transforms import RigidTransform

if TYPE_CHECKING:
    from open3d.pipelines.registration import RegistrationResult

ICP_THRESHOLD = 0.02  # in units of the cloud's radius
_SETTLED = 1e-6  # relative change of fitness and rmse below which ICP stops


@dataclass(frozen=True, slots=True, eq=False)
class IcpResult:
    """What ICP found.

    Args:
        transform: maps the source into the target's frame.
        rmse: root mean square distance of the matched points, in their unit.
        fitness: fraction of the source points that have a match within the threshold.
        converged: one further step would change nothing, and something was matched at all.
    """

    transform: RigidTransform
    rmse: float
    fitness: float
    converged: bool


def procrustes(source: np.ndarray, target: np.ndarray) -> RigidTransform:
    """The rigid motion that minimises ``sum_i |R source_i + t - target_i|^2`` (Kabsch 1976), never a mirror image.

    Args:
        source, target: (N, 3) paired points, N >= 3.

    Raises:
        ShapeError: other or different shapes.
        GeometryError: the points lie on a line, so that the rotation about it is free.
    """
    source, target = _paired(source, target)
    source_mean, target_mean = source.mean(axis=0), target.mean(axis=0)
    covariance = (target - target_mean).T @ (source - source_mean)
    u, spread, vt = np.linalg.svd(covariance)
    if spread[1] <= 1e-12 * max(spread[0], np.finfo(float).tiny):
        raise GeometryError(
            "the paired points lie on a line or coincide; a rotation needs three points off a line"
        )
    handedness = np.sign(np.linalg.det(u) * np.linalg.det(vt))
    rotation = u @ np.diag([1.0, 1.0, handedness]) @ vt
    return RigidTransform(rotation, target_mean - rotation @ source_mean)


def icp(
    source: np.ndarray,
    target: np.ndarray,
    threshold: float = ICP_THRESHOLD,
    init: RigidTransform | None = None,
    *,
    max_iterations: int = 30,
) -> IcpResult:
    """Point-to-point ICP (Besl and McKay 1992) through Open3D.

    Args:
        source, target: (N, 3) and (M, 3) points; they need not be paired.
        threshold: largest distance of a match, in the unit of the points.
        init: first guess of the transform from source to target; the identity by default.
    """
    if not threshold > 0:
        raise GeometryError(f"the ICP threshold must be positive, got {threshold}")
    init = init or RigidTransform.identity()
    found = _open3d_icp(source, target, threshold, init.matrix, max_iterations)
    again = _open3d_icp(source, target, threshold, found.transformation, 1)
    settled = max(abs(again.fitness - found.fitness), abs(again.inlier_rmse - found.inlier_rmse)) < _SETTLED
    return IcpResult(
        transform=_rigid(found.transformation),
        rmse=float(found.inlier_rmse),
        fitness=float(found.fitness),
        converged=bool(settled and found.fitness > 0),
    )


def _open3d_icp(
    source: np.ndarray, target: np.ndarray, threshold: float, init: np.ndarray, iterations: int
) -> RegistrationResult:
    from open3d import geometry, utility
    from open3d.pipelines import registration

    clouds = [
        geometry.PointCloud(utility.Vector3dVector(np.asarray(c, dtype=np.float64))) for c in (source, target)
    ]
    criteria = registration.ICPConvergenceCriteria(_SETTLED, _SETTLED, iterations)
    estimation = registration.TransformationEstimationPointToPoint()
    return registration.registration_icp(*clouds, threshold, init, estimation, criteria)


def _rigid(matrix: np.ndarray) -> RigidTransform:
    """The rotation nearest to the matrix's linear part: products of many steps drift by rounding."""
    u, _, vt = np.linalg.svd(matrix[:3, :3])
    return RigidTransform(u @ vt, matrix[:3, 3])


def _paired(source: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    source, target = np.asarray(source, dtype=np.float64), np.asarray(target, dtype=np.float64)
    if source.ndim != 2 or source.shape[1] != 3 or source.shape != target.shape:
        raise ShapeError(f"source and target must both be (N, 3), got {source.shape} and {target.shape}")
    if len(source) < 3:
        raise GeometryError(f"alignment needs at least 3 pairs of points, got {len(source)}")
    return source, target
