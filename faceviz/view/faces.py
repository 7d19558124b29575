"""Pictures of reconstructed faces: surfaces by PyVista, off screen; rows of images, prediction and truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from faceviz.errors import counted
from faceviz.geometry.geometry_image import triangles
from faceviz.view.charts import COLOURS, new_figure, save_figure
from faceviz.view.render import off_screen_pyvista

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from faceviz.evaluation.reconstruction_report import ReconstructionReport

_SKIN = "#d8bfa8"
_DISTANCE, _ANGLE = 640.0, 24.0  # mm, degrees
_AIM = (0.0, 4.0, -30.0)
_ERROR_MM = 6.0  # the end of the error colours


class FaceRow(NamedTuple):
    """One person in a figure."""

    images: Sequence[np.ndarray]  # (H, W, 3) uint8
    predicted: np.ndarray  # (16384, 3) mm, laid on the truth where there is one
    true: np.ndarray | None = None  # (16384, 3) mm


def draw_face(
    points: np.ndarray,
    *,
    yaw: float = 0.0,
    size: tuple[int, int] = (400, 440),
    error: np.ndarray | None = None,
) -> np.ndarray:
    """The surface of a face (16384, 3) mm, (height, width, 3) uint8.

    Args:
        points: in the canonical frame.
        yaw: degrees that the camera goes to the subject's left.
        size: width and height in pixels.
        error: (16384,) mm to colour by, 0 to 6.
    """
    pv = off_screen_pyvista()
    plotter = pv.Plotter(off_screen=True, window_size=(2 * size[0], 2 * size[1]))
    plotter.set_background("white")
    mesh = pv.PolyData.from_regular_faces(np.asarray(points, dtype=np.float32), triangles())
    look = {"smooth_shading": True, "split_sharp_edges": False, "specular": 0.15}
    if error is None:
        plotter.add_mesh(mesh, color=_SKIN, **look)
    else:
        mesh["error"] = np.asarray(error, dtype=np.float32)
        plotter.add_mesh(
            mesh, scalars="error", clim=(0, _ERROR_MM), cmap="magma", show_scalar_bar=False, **look
        )
    turn, aim = np.radians(yaw), np.array(_AIM)
    eye = aim + _DISTANCE * np.array([np.sin(turn), 0.0, np.cos(turn)])
    plotter.camera_position = [eye.tolist(), aim.tolist(), (0.0, 1.0, 0.0)]
    plotter.camera.view_angle = _ANGLE
    try:
        plotter.render()
        large = np.asarray(plotter.screenshot(return_img=True))[..., :3]
    finally:
        plotter.close()
    blocks = large.reshape(size[1], 2, size[0], 2, 3)
    return np.round(blocks.mean(axis=(1, 3))).astype(np.uint8)


def rows_figure(rows: Sequence[FaceRow], title: str, note: str = "", images: int = 4) -> Figure:
    """Some images of each person, the prediction from the front and the side, the truth likewise, the error."""
    with_truth = any(row.true is not None for row in rows)
    columns = images + (5 if with_truth else 2)
    figure, axes = new_figure(
        title,
        note,
        width=1.75 * columns,
        rows=len(rows),
        columns=columns,
        row_height=2.0 if len(rows) > 1 else 0.4,
    )
    for i, row in enumerate(rows):
        panes: list[np.ndarray | None] = [*row.images[:images], *[None] * (images - len(row.images))]
        panes += [draw_face(row.predicted), draw_face(row.predicted, yaw=50)]
        if row.true is not None:
            error = np.linalg.norm(row.predicted - row.true, axis=1)
            panes += [draw_face(row.true), draw_face(row.true, yaw=50), draw_face(row.true, error=error)]
        headings = [*[""] * images, "prediction", "", "truth", "", f"error, 0 to {_ERROR_MM:.0f} mm"]
        for j in range(columns):
            axis = axes[i * columns + j]
            axis.set_axis_off()
            pane = panes[j] if j < len(panes) else None
            if pane is not None:
                axis.imshow(pane)
            if i == 0 and j < len(headings):
                axis.set_title(headings[j], fontsize=8)
    return figure


def write_face_picture(path: Path, images: Sequence[np.ndarray], points: np.ndarray, title: str) -> Path:
    """A PNG of a reconstruction beside some of the images it was made from."""
    return save_figure(
        rows_figure([FaceRow(images, points)], title, images=min(4, max(1, len(images)))), path
    )


def write_reconstruction_charts(report: ReconstructionReport, folder: Path) -> list[Path]:
    """The figures of an evaluation as PNG: examples, error against images, spread over orders."""
    written = [save_figure(error_by_images_chart(report), folder / "error_by_images.png")]
    if report.examples:
        rows = [FaceRow(*example) for example in report.examples]
        figure = rows_figure(rows, "Images, prediction and truth", report.data["description"])
        written.append(save_figure(figure, folder / "examples.png"))
    return written


def error_by_images_chart(report: ReconstructionReport) -> Figure:
    """Error against the number of images, with the mean face and the spread over orders."""
    figure, axes = new_figure("Error against the number of images", report.data["description"])
    axis, counts = axes[0], np.arange(1, len(report.by_images) + 1)
    axis.plot(counts, report.by_images, marker="o", color=COLOURS[0], label="this model")
    spread = np.asarray(report.by_images_spread)
    axis.fill_between(
        counts,
        np.asarray(report.by_images) - spread,
        np.asarray(report.by_images) + spread,
        alpha=0.2,
        color=COLOURS[0],
        label="standard deviation over orders",
    )
    mean = report.mean_face["point_error_mm"]
    if mean is not None:
        axis.axhline(mean, color=COLOURS[1], linestyle="--", label="mean face")
    axis.set(xlabel="images", ylabel="corresponding points, mm", ylim=(0, None))
    axis.legend(frameon=False)
    return figure


def draw_reconstruction_curves(history: Sequence[Mapping[str, float]], path: Path) -> Path:
    """Losses and validation errors against the step, from the rows of a run's history."""
    panels = {"loss": ("train_loss", "val_loss"), "error, mm": ("val_mm_1", "val_mm")}
    minutes = f", {history[-1]['minutes']:.0f} min" if history else ""
    figure, axes = new_figure("Training", f"{counted(len(history), 'validation')}{minutes}", rows=len(panels))
    for axis, (kind, names) in zip(axes, panels.items(), strict=True):
        for i, name in enumerate(names):
            values = [row.get(name, np.nan) for row in history]
            axis.plot(
                [row["step"] for row in history], values, label=name.replace("_", " "), color=COLOURS[i]
            )
        axis.set(ylabel=kind)
        axis.legend(frameon=False)
    axes[-1].set(xlabel="step")
    return save_figure(figure, path)
