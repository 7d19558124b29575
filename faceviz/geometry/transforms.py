"""Rigid motions of 3D points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from faceviz.errors import GeometryError, ShapeError


@dataclass(frozen=True, slots=True, eq=False)
class RigidTransform:
    """``y = R x + t`` with R a proper rotation.

    Args:
        rotation: (3, 3), orthogonal with determinant 1.
        translation: (3,), in the unit of the points.

    Raises:
        ShapeError, GeometryError: another shape, or not a rotation (a mirror image is none).
    """

    rotation: np.ndarray  # (3, 3)
    translation: np.ndarray  # (3,)

    def __post_init__(self) -> None:
        rotation = np.array(self.rotation, dtype=np.float64)
        translation = np.array(self.translation, dtype=np.float64)
        if rotation.shape != (3, 3) or translation.shape != (3,):
            raise ShapeError(
                f"a rigid transform is (3, 3) and (3,), got {rotation.shape} and {translation.shape}"
            )
        if not np.isfinite(translation).all():
            raise GeometryError("the translation is not finite")
        error = np.abs(rotation @ rotation.T - np.eye(3)).max()
        if not error < 1e-6 or np.linalg.det(rotation) < 0:
            raise GeometryError("the matrix is not a proper rotation (orthogonal, determinant 1)")
        object.__setattr__(self, "rotation", rotation)
        object.__setattr__(self, "translation", translation)

    @classmethod
    def identity(cls) -> RigidTransform:
        return cls(np.eye(3), np.zeros(3))

    @property
    def matrix(self) -> np.ndarray:
        """The homogeneous (4, 4) matrix."""
        matrix = np.eye(4)
        matrix[:3, :3], matrix[:3, 3] = self.rotation, self.translation
        return matrix

    def apply(self, points: np.ndarray) -> np.ndarray:
        """(..., 3) points moved: ``R x + t``."""
        return np.asarray(points) @ self.rotation.T + self.translation

    def inverse(self) -> RigidTransform:
        return RigidTransform(self.rotation.T, -self.rotation.T @ self.translation)

    def __matmul__(self, other: RigidTransform) -> RigidTransform:
        """``(a @ b).apply(x) == a.apply(b.apply(x))``."""
        return RigidTransform(
            self.rotation @ other.rotation, self.rotation @ other.translation + self.translation
        )


def random_rotation(rng: np.random.Generator) -> np.ndarray:
    """A rotation matrix (3, 3), uniform on SO(3), from a unit quaternion (Shoemake 1992)."""
    w, x, y, z = _unit(rng.standard_normal(4))
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )


def random_pose(
    rng: np.random.Generator, max_translation: float = 10.0, *, rotate: bool = True, translate: bool = True
) -> RigidTransform:
    """A rotation uniform on SO(3); a translation uniform in direction and in length up to ``max_translation``."""
    rotation = random_rotation(rng) if rotate else np.eye(3)
    shift = _unit(rng.standard_normal(3)) * rng.uniform(0.0, max_translation) if translate else np.zeros(3)
    return RigidTransform(rotation, shift)


def euler_to_rotation(rx: float, ry: float, rz: float) -> np.ndarray:
    """``Rz(rz) Ry(ry) Rx(rx)``, (3, 3): turns about the fixed x, then y, then z axis. Angles in radians."""
    cx, sx, cy, sy, cz, sz = np.cos(rx), np.sin(rx), np.cos(ry), np.sin(ry), np.cos(rz), np.sin(rz)
    about_x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    return about_z @ about_y @ about_x


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)
