"""Pictures of a scene by PyVista, off screen: for files, for figures, and for browsers without WebGL."""

from __future__ import annotations

import io
import os
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from faceviz.display.colormaps import lookup_table
from faceviz.display.scene import Pane, SceneSpec, scene
from faceviz.display.settings import Settings
from faceviz.landmarks import NAMES, POLYLINES
from faceviz.scan import FaceScan
from faceviz.view.shots import OVERSAMPLING, check_size, cut_out, shot

if TYPE_CHECKING:
    import pyvista as pv

    from faceviz.pipeline import LandmarkPrediction

_AMBIENT = 0.3  # and the rest from the viewer's side: skin that faces him has the colours of the bar
_VIEW_ANGLE = 24.0  # degrees
_BAR_SHARE = 0.11  # of the height
_LIFT = 0.01  # radii by which landmarks are drawn nearer to the viewer, out of the skin
_FILL = (0.88, 0.80)  # share of the pane's width and height that the scan takes
_RAISE = (
    0.07  # of half the pane's height, by which the view looks above the scan's middle: room for the title
)
_FOLLOW = 0.22  # radii that the scan may move away before the view goes along, as in the browser

_PAPER = {False: ("#ffffff", "#1c2330", "#5b6575"), True: ("#1d222b", "#e9edf4", "#a3adbd")}
_LANDMARK, _CHOSEN, _LINE = "#f4f6fb", "#12c4ff", "#808894"
_SUSPECT, _REGION = "#ff3b4e", "#3e8bff"


def render_prediction(
    scan: FaceScan,
    prediction: LandmarkPrediction,
    path: str | os.PathLike[str],
    size: tuple[int, int] = (1280, 720),
    *,
    settings: Settings | None = None,
) -> None:
    """Writes a PNG of the scan with its heat and landmarks, the truth beside it where the scan brings one.

    Args:
        scan: the one that was predicted, with whatever true landmarks are to be shown beside.
        prediction: of it.
        path: of the PNG, whatever its extension.
        size: width and height in pixels.
        settings: what to show; all landmarks by default.
    """
    prediction = replace(prediction, prepared=replace(prediction.prepared, scan=scan))
    spec = scene(prediction, settings or Settings())
    Path(path).write_bytes(scene_png(spec, size))


def scene_png(
    spec: SceneSpec,
    size: tuple[int, int] = (1280, 720),
    *,
    dpi: float | None = None,
    transparent: bool = False,
) -> bytes:
    """The picture of a scene, encoded.

    Args:
        spec: the scene.
        size: width and height in pixels.
        dpi: pixels per inch, written into the file for print.
        transparent: without paper behind the scan.
    """
    from PIL import Image

    buffer = io.BytesIO()
    written = {} if dpi is None else {"dpi": (dpi, dpi)}
    Image.fromarray(scene_image(spec, size, transparent=transparent)).save(buffer, format="png", **written)
    return buffer.getvalue()


def scene_image(
    spec: SceneSpec, size: tuple[int, int] = (1280, 720), *, transparent: bool = False
) -> np.ndarray:
    """The picture of a scene. Call it from one thread only: VTK asks for that.

    Returns:
        (height, width, 3) uint8; (height, width, 4) with straight alpha where ``transparent``.

    Raises:
        ShapeError: a size that is too small or too large.
    """
    check_size(size)
    plotter = scene_plotter(spec, size)
    try:
        if not transparent:
            return shot(plotter, size)
        return cut_out(*(shot(plotter, size, paper) for paper in ("black", "white")))
    finally:
        plotter.close()


def scene_plotter(spec: SceneSpec, picture: tuple[int, int]) -> pv.Plotter:
    """A scene ready to be shot, panes over a colour bar; close it.

    Args:
        spec: the scene.
        picture: its size in pixels; what is drawn is larger, for smooth edges.
    """
    size = (picture[0] * OVERSAMPLING, picture[1] * OVERSAMPLING)
    return _plotter(spec, size)


def _plotter(spec: SceneSpec, size: tuple[int, int]) -> pv.Plotter:
    pv = off_screen_pyvista()
    count = len(spec.panes)
    paper, ink, soft = _PAPER[spec.settings.dark]
    plotter = pv.Plotter(
        off_screen=True,
        shape=(2, count),
        row_weights=[1 - _BAR_SHARE, _BAR_SHARE],
        groups=[(1, slice(None))],
        window_size=size,
        border=False,
        lighting="none",
    )
    plotter.set_background(paper, all_renderers=True)
    pane_size = (size[0] / count, size[1] * (1 - _BAR_SHARE))
    for i, pane in enumerate(spec.panes):
        plotter.subplot(0, i)
        plotter.add_light(pv.Light(light_type="headlight"), only_active=True)
        mapper = _add_body(plotter, spec, pane, pane_size)
        _add_landmarks(plotter, spec, pane, pane_size)
        _add_title(plotter, pane.title, pane.note, pane_size, ink, soft)
        _aim(plotter, spec, pane_size)
    plotter.subplot(1, 0)
    _add_bar(plotter, spec, mapper, size, ink)
    return plotter


def off_screen_pyvista() -> ModuleType:
    """PyVista, set up for a machine with or without a display."""
    if sys.platform.startswith("linux") and not os.environ.get("DISPLAY"):
        os.environ.setdefault("VTK_DEFAULT_OPENGL_WINDOW", "vtkEGLRenderWindow")
    import pyvista as pv

    pv.global_theme.multi_samples = 0
    return pv


def _add_body(
    plotter: pv.Plotter, spec: SceneSpec, pane: Pane, size: tuple[float, float]
) -> pv.DataSetMapper:
    pv = off_screen_pyvista()
    body = pane.body or spec.body
    points = _placed(spec, body.points)
    surface = body.triangles is not None
    mesh = pv.PolyData.from_regular_faces(points, body.triangles) if surface else pv.PolyData(points)
    mesh.point_data["heat"] = pane.heat
    mesh.point_data["Normals"] = (body.normals @ spec.pose.rotation.T).astype(np.float32)
    mesh.point_data.active_normals_name = "Normals"
    table = pv.LookupTable()
    table.values = np.column_stack([lookup_table(spec.settings.colormap), np.full(256, 255, np.uint8)])
    table.scalar_range = spec.heat_range
    dot = max(2.0, 2 * 0.55 * body.spacing * _pixels_per_unit(spec, size))
    look = {"style": "points", "point_size": dot, "render_points_as_spheres": True}
    actor = plotter.add_mesh(
        mesh,
        scalars="heat",
        cmap=table,
        clim=spec.heat_range,
        show_scalar_bar=False,
        ambient=_AMBIENT,
        diffuse=1.0 - _AMBIENT,
        **({"smooth_shading": True} if surface else look),
    )
    return actor.mapper


def _add_landmarks(plotter: pv.Plotter, spec: SceneSpec, pane: Pane, size: tuple[float, float]) -> None:
    pv = off_screen_pyvista()
    chosen = spec.settings.landmark
    if pane.landmarks is None:
        return
    paper, ink, _ = _PAPER[spec.settings.dark]
    at = _placed(spec, pane.landmarks) + (_LIFT * spec.radius * spec.front.forward).astype(np.float32)
    if spec.settings.show_landmarks:
        lines = np.concatenate([[len(line), *line] for line in POLYLINES])
        plotter.add_mesh(pv.PolyData(at, lines=lines), color=_LINE, line_width=2, lighting=False)
        plotter.add_mesh(_balls(at, 0.0115 * spec.radius), color=_LANDMARK, smooth_shading=True, specular=0.2)
        if pane.suspects:
            red = _balls(at[list(pane.suspects)], 0.013 * spec.radius)
            plotter.add_mesh(red, color=_SUSPECT, smooth_shading=True)
    if spec.settings.show_uncertainty and pane.spread is not None:
        regions = _regions(_placed(spec, pane.landmarks), spec.pose.rotation @ pane.spread)
        plotter.add_mesh(regions, color=_REGION, opacity=0.45, lighting=False)
    if chosen is not None:
        plotter.add_mesh(_balls(at[[chosen]], 0.024 * spec.radius), color=_CHOSEN, smooth_shading=True)
        plotter.add_point_labels(
            at[[chosen]],
            [NAMES[chosen]],
            font_size=_points(size, 0.020),
            bold=False,
            show_points=False,
            always_visible=True,
            text_color=paper,
            shape_color=ink,
            shape_opacity=0.9,
            margin=6,
        )


def _balls(centres: np.ndarray, radius: float) -> pv.PolyData:
    pv = off_screen_pyvista()
    ball = pv.Icosphere(radius=radius, nsub=2)
    return pv.PolyData(centres).glyph(geom=ball, orient=False, scale=False)


def _regions(centres: np.ndarray, spread: np.ndarray) -> pv.PolyData:
    """The unit sphere under each of the matrices (L, 3, 3), at the centres (L, 3)."""
    pv = off_screen_pyvista()
    ball = pv.Icosphere(radius=1.0, nsub=2)
    points = np.einsum("lij,nj->lni", spread, ball.points) + centres[:, None]
    triangles = ball.regular_faces[None] + len(ball.points) * np.arange(len(centres))[:, None, None]
    return pv.PolyData.from_regular_faces(points.reshape(-1, 3).astype(np.float32), triangles.reshape(-1, 3))


def _add_title(
    plotter: pv.Plotter, title: str, note: str, size: tuple[float, float], ink: str, soft: str
) -> None:
    width, height = size
    plotter.add_text(title, position=(0.03 * width, height * 0.93), font_size=_points(size, 0.015), color=ink)
    plotter.add_text(
        note, position=(0.03 * width, height * 0.895), font_size=_points(size, 0.0095), color=soft
    )


def _add_bar(
    plotter: pv.Plotter, spec: SceneSpec, mapper: pv.DataSetMapper, size: tuple[int, int], ink: str
) -> None:
    plotter.add_scalar_bar(  # type: ignore[call-arg]  # PyVista's decorator hides that it is a method
        title="",
        mapper=mapper,
        vertical=False,
        width=0.36,
        height=0.5,
        position_x=0.32,
        position_y=0.14,
        n_labels=5,
        fmt="%.2f",
        color=ink,
        label_font_size=int(0.017 * size[1]),
        unconstrained_font_size=True,
    )
    text = plotter.add_text(
        spec.heat_label, position=(0.5, 0.76), viewport=True, font_size=_points(size, 0.0085), color=ink
    )
    text.prop.justification_horizontal = "center"


def _aim(plotter: pv.Plotter, spec: SceneSpec, size: tuple[float, float]) -> None:
    """The active pane's camera, before the face."""
    target, distance = _view(spec, size)
    plotter.camera.focal_point = target
    plotter.camera.position = target + spec.front.forward * distance
    plotter.camera.up = spec.front.up
    plotter.camera.view_angle = _VIEW_ANGLE
    plotter.reset_camera_clipping_range()


def _view(spec: SceneSpec, size: tuple[float, float]) -> tuple[np.ndarray, float]:
    """What to look at, (3,), and from how far, so that the moved scan fills the pane below its title."""
    forward, up = spec.front.forward, spec.front.up
    axes = np.stack([np.cross(up, forward), up, forward])
    along = _placed(spec, spec.body.points) @ axes.T  # right, up, towards the viewer
    low, high = along.min(axis=0), along.max(axis=0)
    half_width, half_height, half_depth = (high - low) / 2
    slope = np.tan(np.deg2rad(_VIEW_ANGLE / 2))
    distance = max(half_height / _FILL[1], half_width / _FILL[0] * size[1] / size[0]) / slope + half_depth
    return ((low + high) / 2 + [0.0, _RAISE * distance * slope, 0.0]) @ axes, distance


def _placed(spec: SceneSpec, points: np.ndarray) -> np.ndarray:
    """Moved by the pose, about the centre, far moves followed: float32, whatever the scan's offset."""
    shift = spec.pose.apply(spec.centre) - spec.centre
    free = _FOLLOW * spec.radius
    shift = shift * min(1.0, free / max(float(np.linalg.norm(shift)), 1e-300))
    return ((points - spec.centre) @ spec.pose.rotation.T + shift).astype(np.float32)


def _pixels_per_unit(spec: SceneSpec, size: tuple[float, float]) -> float:
    return size[1] / (2 * _view(spec, size)[1] * np.tan(np.deg2rad(_VIEW_ANGLE / 2)))


def _points(size: tuple[float, float], share: float) -> int:
    """Font size in points for a share of the pane's height."""
    return max(6, int(share * size[1]))
