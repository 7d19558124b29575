"""For tests, ours and yours: a face made of formulas, and checks of equivariance."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from faceviz.geometry.sampling import farthest_point_order
from faceviz.geometry.transforms import RigidTransform, random_pose
from faceviz.landmarks import LANDMARK_COUNT, REGIONS
from faceviz.scan import FaceScan

#: Largest change that rounding explains, by floating type.
TOLERANCES: dict[str, float] = {"float32": 1e-5, "float64": 1e-10}

_ARCS: dict[str, tuple[tuple[float, float], tuple[float, float]]] = {
    "jaw": ((-72.0, 72.0), (10.0, -85.0)),
    "right_brow": ((-55.0, -18.0), (45.0, 50.0)),
    "left_brow": ((18.0, 55.0), (50.0, 45.0)),
    "nose_ridge": ((0.0, 0.0), (32.0, -8.0)),
    "nose_base": ((-14.0, 14.0), (-18.0, -18.0)),
}


def random_face(seed: int = 0, count: int = 1024) -> FaceScan:
    """A face-like cloud in mm, in farthest-point order, with 68 landmarks: an ellipsoid with nose, eyes and mouth.

    No head model and no file is needed; two seeds give two faces.
    """
    rng = np.random.default_rng(seed)
    shape = rng.normal(0.0, 1.0, 8)
    xy = rng.uniform(-1.0, 1.0, (8 * count, 2))
    xy = xy[(xy**2).sum(axis=1) < 1.0] * [75.0 + 3 * shape[0], 100.0 + 4 * shape[1]]
    points = _on_surface(xy, shape)
    landmarks = _on_surface(_plan(shape), shape)
    order = farthest_point_order(points, count)
    return FaceScan(points[order], landmarks=landmarks, unit="mm", source=f"random_face({seed})")


def _on_surface(xy: np.ndarray, shape: np.ndarray) -> np.ndarray:
    x, y = xy.T
    depth = 80.0 * np.sqrt(np.clip(1.3 - (x / 80.0) ** 2 - (y / 110.0) ** 2, 0.0, None))
    nose = (24 + 3 * shape[2]) * np.exp(-((x / 11.0) ** 2) - ((y + 6.0) / 20.0) ** 2)
    eyes = -(9 + shape[3]) * (
        np.exp(-(((x - 32) / 13) ** 2) - ((y - 28) / 9) ** 2)
        + np.exp(-(((x + 32) / 13) ** 2) - ((y - 28) / 9) ** 2)
    )
    mouth = (6 + shape[4]) * np.exp(-((x / 22.0) ** 2) - ((y + 42.0) / 7.0) ** 2)
    cheek = (4 + shape[5]) * np.exp(-(((x - 30) / 20) ** 2) - ((y + 15) / 25) ** 2)
    return np.column_stack([x, y, depth + nose + eyes + mouth + cheek])


def _plan(shape: np.ndarray) -> np.ndarray:
    """(68, 2) positions seen from the front."""
    plan = np.zeros((LANDMARK_COUNT, 2))
    for region, ((x0, x1), (y0, y1)) in _ARCS.items():
        members = REGIONS[region]
        t = np.linspace(0.0, 1.0, len(members))
        plan[list(members)] = np.column_stack([x0 + t * (x1 - x0), y0 + t * (y1 - y0)])
    jaw = np.linspace(np.pi, 2.0 * np.pi, 17)
    plan[:17] = np.column_stack([66.0 * np.cos(jaw), 10.0 + 88.0 * np.sin(jaw)])
    for region, x in (("right_eye", -32.0), ("left_eye", 32.0)):
        plan[list(REGIONS[region])] = _ring((x, 28.0), (12.0, 5.0), 6)
    plan[list(REGIONS["outer_lip"])] = _ring((0.0, -42.0), (24.0 + shape[6], 8.0), 12)
    plan[list(REGIONS["inner_lip"])] = _ring((0.0, -42.0), (18.0, 3.0), 8)
    return plan


def _ring(centre: tuple[float, float], radii: tuple[float, float], count: int) -> np.ndarray:
    angle = np.pi - 2.0 * np.pi * np.arange(count) / count
    return np.array(centre) + np.column_stack([radii[0] * np.cos(angle), radii[1] * np.sin(angle)])


def equivariance_error(
    function: Callable[[np.ndarray], np.ndarray],
    points: np.ndarray,
    pose: RigidTransform,
    *,
    vectors: bool = False,
) -> float:
    """``max |f(R x + t) - f(x)|`` for scalars, ``max |f(R x + t) - R f(x)|`` for vectors (..., 3)."""
    return _change(np.asarray(function(points)), function, points, pose, vectors)


def _change(
    still: np.ndarray,
    function: Callable[[np.ndarray], np.ndarray],
    points: np.ndarray,
    pose: RigidTransform,
    vectors: bool,
) -> float:
    """``equivariance_error`` where ``still = f(x)`` is known."""
    moved = np.asarray(function(pose.apply(points).astype(points.dtype)))
    expected = still @ pose.rotation.T if vectors else still
    return float(np.abs(moved - expected).max())


def assert_equivariant(
    function: Callable[[np.ndarray], np.ndarray],
    points: np.ndarray,
    *,
    vectors: bool = False,
    poses: int = 20,
    max_translation: float = 10.0,
    tolerance: float | None = None,
    seed: int = 0,
) -> float:
    """Assert that a function of a cloud is invariant (or, with ``vectors``, turns with it) under random rigid motions.

    Args:
        function: takes (N, 3), gives an array of scalars, or of vectors (..., 3).
        points: (N, 3); its floating type decides the tolerance.
        vectors: whether the output turns with the cloud.
        poses: how many random poses are tried.
        max_translation: longest shift, in the unit of the points.
        tolerance: largest change allowed anywhere; 1e-5 in float32 and 1e-10 in float64 if not given.
        seed: of the poses.

    Returns:
        The largest change that was seen.

    Raises:
        AssertionError: a pose changed more than the tolerance; the message names it.
    """
    limit = TOLERANCES[str(points.dtype)] if tolerance is None else tolerance
    rng = np.random.default_rng(seed)
    worst, still = 0.0, np.asarray(function(points))
    for i in range(poses):
        pose = random_pose(rng, max_translation)
        error = _change(still, function, points, pose, vectors)
        if not error <= limit:
            raise AssertionError(
                f"pose {i} of seed {seed} changes the output by {error:.2e}, more than {limit:.0e} "
                f"(rotation {np.array2string(pose.rotation, precision=3)}, translation {pose.translation})"
            )
        worst = max(worst, error)
    return worst
