"""The 128 x 128 grid laid on the mean MakeHuman head: even, symmetric, without folds.

The face is seen from a point inside the head. A direction is written in the azimuthal equidistant chart
``(a, b) = angle from +z * (x, y) / |(x, y)|``, in radians; the surface is the farthest hit of the ray.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.interpolate import CubicSpline, RectBivariateSpline
from scipy.ndimage import gaussian_filter
from scipy.optimize import minimize

from faceviz.geometry.geometry_image import GRID
from faceviz.landmarks import MIRROR
from faceviz.synth.heads import PART, HeadMesh

if TYPE_CHECKING:
    from open3d.t.geometry import RaycastingScene

#: Where the rays begin, mm from the mean of the inner landmarks: low and far back, so that they meet the underside of
#: the nose and of the chin.
CENTRE = np.array([0.0, -42.0, -95.0])

#: The rim of the right half of the face, from the middle of the forehead to under the chin, mm; the jaw line of the
#: mean head with a margin, so that all 68 landmarks lie inside.
_RIM = np.array(
    [
        (0.0, 97.0, -14.0), (-30.0, 93.0, -20.0), (-55.0, 78.0, -35.0), (-70.0, 55.0, -56.0), (-74.0, 31.0, -70.0),
        (-75.0, 8.0, -68.0), (-71.0, -10.0, -62.0), (-68.0, -26.0, -62.0), (-61.0, -46.0, -53.0),
        (-50.0, -69.0, -50.0), (-36.0, -81.0, -38.0), (-19.0, -90.0, -28.0), (0.0, -93.0, -22.0),
    ]
)  # fmt: skip
_CORNERS = (2.0, 9.0)  # on the rim above, counted in its points
_REACH, _STEP = np.radians(112.0), np.radians(0.5)
_BLUR = 2.5  # steps of the chart
_SLIP = 4.0  # mm
_VISIBLE = ("face", "head", "neck", "eyeballs", "ears")


def face_grid(head: HeadMesh) -> np.ndarray:
    """Points (GRID, GRID, 3) mm on a head that is its own mirror image; row 0 is the forehead, column 0 the right."""
    surface = RadialSurface(head)
    chart = _even(_rim_grid(surface, GRID // 8), surface)
    for count in (GRID // 4, GRID // 2, GRID):
        chart = _even(_refined(chart, count, surface), surface)
    points = surface.nearest(symmetric(chart))
    return 0.5 * (points + points[:, ::-1] * np.array([-1.0, 1.0, 1.0]))


class RadialSurface:
    """The outermost surface of a head as seen from inside, as a smooth function of the chart."""

    def __init__(self, head: HeadMesh) -> None:
        self.scene = ray_scene(head)
        axis = np.arange(-_REACH, _REACH + _STEP / 2, _STEP)
        a, b = np.meshgrid(axis, axis, indexing="ij")
        chart = np.stack([a, b], axis=-1)
        radius = np.linalg.norm(self.hit(chart) - CENTRE, axis=-1)
        known = np.isfinite(radius)
        weight = gaussian_filter(known.astype(float), _BLUR)
        radius = gaussian_filter(np.where(known, radius, 0.0), _BLUR) / np.maximum(weight, 1e-9)
        radius = 0.5 * (radius + radius[::-1])
        self._splines = [
            RectBivariateSpline(axis, axis, part)
            for part in np.moveaxis(radius[..., None] * directions(chart) + CENTRE, -1, 0)
        ]

    def hit(self, chart: np.ndarray) -> np.ndarray:
        """Points (..., 3) where the rays of chart coordinates (..., 2) leave the head; NaN where they meet nothing."""
        from open3d import core

        towards = directions(chart).reshape(-1, 3)
        origins = CENTRE + 400.0 * towards
        rays = core.Tensor(np.concatenate([origins, -towards], axis=1).astype(np.float32))
        distance = self.scene.cast_rays(rays)["t_hit"].numpy().astype(np.float64)
        distance[~(distance < 400.0)] = np.nan
        return (origins - distance[:, None] * towards).reshape(*chart.shape[:-1], 3)

    def nearest(self, chart: np.ndarray) -> np.ndarray:
        """Points (..., 3): the hit, or where a ray slips between the lips the point nearest to the smooth surface."""
        from open3d import core

        smooth, points = self.smooth(chart), self.hit(chart)
        slipped = ~(np.linalg.norm(points - smooth, axis=-1) < _SLIP)
        found = self.scene.compute_closest_points(core.Tensor(smooth[slipped].astype(np.float32)))
        points[slipped] = found["points"].numpy()
        return points

    def smooth(self, chart: np.ndarray) -> np.ndarray:
        """Points (..., 3) of the smoothed surface."""
        return np.stack([s.ev(chart[..., 0], chart[..., 1]) for s in self._splines], axis=-1)

    def slopes(self, chart: np.ndarray) -> np.ndarray:
        """Derivatives (..., 3, 2) of the smoothed surface along a and b."""
        parts = [
            [s.ev(chart[..., 0], chart[..., 1], dx=dx, dy=1 - dx) for dx in (1, 0)] for s in self._splines
        ]
        return np.moveaxis(np.array(parts), (0, 1), (-2, -1))


def ray_scene(head: HeadMesh) -> RaycastingScene:
    """The parts of a head that can be seen on a bare face, for Open3D's ray casting; ids are rows of ``triangles``."""
    from open3d import core
    from open3d.t.geometry import RaycastingScene

    scene = RaycastingScene(nthreads=1)
    scene.add_triangles(
        core.Tensor(head.vertices.astype(np.float32)),
        core.Tensor(head.triangles[visible_triangles(head)].astype(np.uint32)),
    )
    return scene


def visible_triangles(head: HeadMesh) -> np.ndarray:
    """Rows (M,) bool of the triangles on skin and eyeballs; the inside of mouth and nose is left out."""
    seen = np.isin(head.labels, [PART[name] for name in _VISIBLE])
    return seen[head.triangles].all(axis=1)


def directions(chart: np.ndarray) -> np.ndarray:
    """Unit vectors (..., 3) of chart coordinates (..., 2)."""
    angle = np.linalg.norm(chart, axis=-1, keepdims=True)
    return np.concatenate([np.sinc(angle / np.pi) * chart, np.cos(angle)], axis=-1)


def to_chart(points: np.ndarray) -> np.ndarray:
    """Chart coordinates (..., 2) of points (..., 3) mm."""
    towards = points - CENTRE
    flat = np.linalg.norm(towards[..., :2], axis=-1, keepdims=True)
    angle = np.arctan2(flat, towards[..., 2:])
    return angle * towards[..., :2] / np.maximum(flat, 1e-12)


def symmetric(chart: np.ndarray) -> np.ndarray:
    """A grid (n, n, 2) of chart coordinates made its own mirror image."""
    return 0.5 * (chart + chart[:, ::-1] * np.array([-1.0, 1.0]))


def _rim_grid(surface: RadialSurface, count: int) -> np.ndarray:
    """A first grid (count, count, 2): the rim at equal steps, the inside by Coons' patch."""
    top, left, bottom = _rim_sides(surface, count)
    right = left * np.array([-1.0, 1.0])
    u = np.linspace(0.0, 1.0, count)[None, :, None]
    v = np.linspace(0.0, 1.0, count)[:, None, None]
    ruled = (1 - v) * top + v * bottom + (1 - u) * left[:, None] + u * right[:, None]
    corners = (1 - v) * ((1 - u) * top[0] + u * top[-1]) + v * ((1 - u) * bottom[0] + u * bottom[-1])
    return ruled - corners


def _rim_sides(surface: RadialSurface, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Top, left and bottom side (count, 2) of the rim, from the subject's right and the top, at equal steps."""
    half = to_chart(_RIM)
    whole = np.concatenate([half, (half * np.array([-1.0, 1.0]))[-2:0:-1]])
    curve = CubicSpline(np.arange(len(whole) + 1), np.concatenate([whole, whole[:1]]), bc_type="periodic")
    first, second = _CORNERS
    spans = ((-first, first), (first, second), (second, 2 * (len(half) - 1) - second))
    top, left, bottom = (_equal_steps(curve, surface, *span, count) for span in spans)
    return top[::-1], left, bottom


def _equal_steps(
    curve: CubicSpline, surface: RadialSurface, start: float, end: float, count: int
) -> np.ndarray:
    t = np.linspace(start, end, 801)
    steps = np.linalg.norm(np.diff(surface.smooth(curve(t)), axis=0), axis=1)
    length = np.concatenate([[0.0], np.cumsum(steps)])
    return curve(np.interp(np.linspace(0.0, length[-1], count), length, t))


def _refined(chart: np.ndarray, count: int, surface: RadialSurface) -> np.ndarray:
    """The inside of a grid on a finer one; the rim anew."""
    old, new = np.linspace(0.0, 1.0, len(chart)), np.linspace(0.0, 1.0, count)
    fine = np.stack([RectBivariateSpline(old, old, chart[..., i])(new, new) for i in range(2)], axis=-1)
    rim = _rim_grid(surface, count)
    fine[[0, -1]], fine[:, [0, -1]] = rim[[0, -1]], rim[:, [0, -1]]
    return fine


def _even(chart: np.ndarray, surface: RadialSurface, power: float = 2.0, steps: int = 250) -> np.ndarray:
    """The inside moved so that cells are alike: ``min sum_e |p_i - p_j|^(2 p)`` over sides and halved diagonals."""
    count = len(chart)
    scale = count / 190.0  # one over a typical side, mm

    def energy(flat: np.ndarray) -> tuple[float, np.ndarray]:
        grid = chart.copy()
        grid[1:-1, 1:-1] = flat.reshape(count - 2, count - 2, 2)
        value, pull = _side_energy(surface.smooth(grid) * scale, power)
        along = np.einsum("ijk,ijkl->ijl", pull * scale, surface.slopes(grid))
        return value, along[1:-1, 1:-1].ravel()

    found = minimize(
        energy,
        chart[1:-1, 1:-1].ravel(),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": steps, "maxcor": 20},
    )
    out = chart.copy()
    out[1:-1, 1:-1] = found.x.reshape(count - 2, count - 2, 2)
    return out


def _side_energy(points: np.ndarray, power: float) -> tuple[float, np.ndarray]:
    value, pull = 0.0, np.zeros_like(points)
    n = len(points)
    for di, dj, weight in ((0, 1, 1.0), (1, 0, 1.0), (1, 1, 0.25), (1, -1, 0.25)):
        here = (slice(0, n - di), slice(max(-dj, 0), n - max(dj, 0)))
        there = (slice(di, n), slice(max(dj, 0), n + min(dj, 0)))
        side = points[there] - points[here]
        square = (side**2).sum(axis=-1, keepdims=True)
        value += weight * float((square**power).sum())
        force = weight * 2.0 * power * square ** (power - 1.0) * side
        pull[there] += force
        pull[here] -= force
    return value, pull


def landmark_cells(points: np.ndarray, landmarks: np.ndarray, fineness: int = 10) -> np.ndarray:
    """Fractional row and column (68, 2) of the places on a grid (GRID, GRID, 3) nearest to landmarks (68, 3) mm.

    Exact to one step of ``1 / fineness``; mirrored landmarks lie in mirrored places.
    """
    from scipy.spatial import cKDTree

    old = np.arange(GRID, dtype=float)
    fine = np.linspace(0.0, GRID - 1.0, (GRID - 1) * fineness + 1)
    dense = np.stack(
        [RectBivariateSpline(old, old, points[..., i], kx=1, ky=1)(fine, fine) for i in range(3)], axis=-1
    )
    _, nearest = cKDTree(dense.reshape(-1, 3)).query(landmarks)
    cells = np.stack([fine[nearest // len(fine)], fine[nearest % len(fine)]], axis=1)
    other = cells[MIRROR] * [1.0, -1.0] + [0.0, GRID - 1.0]
    return 0.5 * (cells + other)
