"""Charts of an evaluation and of a training run, as PNG: light, readable in grey and by the colour-blind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from faceviz.errors import counted
from faceviz.evaluation.report import PUBLISHED_IOU, PUBLISHED_NOTE
from faceviz.landmarks import LANDMARK_COUNT, REGIONS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from faceviz.evaluation.report import EvaluationReport

# Okabe and Ito (2008), told apart with any colour vision; each line also has its own dash and marker.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
DASHES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)), (0, (1, 1)))
MARKERS = "osD^vPX"


def write_evaluation_charts(report: EvaluationReport, folder: Path) -> list[Path]:
    """``iou_threshold.png``, ``iou_landmarks.png`` and ``iou_protocols.png`` in a folder that exists."""
    charts = {
        "iou_threshold.png": iou_threshold_chart(report),
        "iou_landmarks.png": iou_landmark_chart(report),
        "iou_protocols.png": iou_protocol_chart(report),
    }
    return [save_figure(figure, folder / name) for name, figure in charts.items()]


def iou_threshold_chart(report: EvaluationReport) -> Figure:
    """Mean IoU over the landmarks against the threshold, a line for each protocol; grey: the landmarks' range."""
    figure, (axes,) = new_figure("IoU against threshold", subtitle(report))
    first = report.protocols[0].curve
    defined = np.isfinite(first).any(axis=1)
    low, high = np.nanmin(first[defined], axis=1), np.nanmax(first[defined], axis=1)
    axes.fill_between(
        report.thresholds[defined], low, high, color="0.9", label=f"{report.protocols[0].name}, 68 landmarks"
    )
    for i, result in enumerate(report.protocols):
        mean = [np.nanmean(row) if np.isfinite(row).any() else np.nan for row in result.curve]
        axes.plot(report.thresholds, mean, label=result.name, markersize=5, **_style(i))
    axes.set(xlabel="threshold on the heatmap", ylabel="IoU", ylim=(0, 1), xticks=np.arange(0.1, 1.0, 0.1))
    axes.legend(frameon=False, ncols=2)
    return figure


def iou_landmark_chart(report: EvaluationReport) -> Figure:
    """IoU at 0.2 of each landmark under the first protocol, coloured by region, with the mean."""
    result = report.protocols[0]
    figure, (axes,) = new_figure(f"IoU at 0.2 of each landmark, {result.name}", subtitle(report), width=11.0)
    for i, (name, region) in enumerate(REGIONS.items()):
        bars = axes.bar(
            list(region),
            result.iou[list(region)],
            color=COLOURS[i % len(COLOURS)],
            label=name.replace("_", " "),
        )
        for bar in bars:
            bar.set_hatch("//" if i >= len(COLOURS) else "")
    axes.axhline(result.mean, color="0.3", linewidth=1, linestyle="--")
    axes.text(LANDMARK_COUNT, result.mean, f" mean {result.mean:.3f}", va="center")
    axes.set(
        xlabel="landmark",
        ylabel="IoU",
        ylim=(0, 1),
        xlim=(-1, LANDMARK_COUNT),
        xticks=range(0, LANDMARK_COUNT, 4),
    )
    axes.legend(
        frameon=False, ncols=len(REGIONS), loc="upper center", bbox_to_anchor=(0.5, -0.13), fontsize=8
    )
    return figure


def iou_protocol_chart(report: EvaluationReport) -> Figure:
    """Mean IoU at 0.2 under each protocol, beside the published figures; whiskers: least and greatest landmark."""
    figure, (axes,) = new_figure("Mean IoU at 0.2 under each protocol", subtitle(report))
    names = [result.name for result in report.protocols]
    ours = np.array([(r.mean, r.iou[r.worst], r.iou[r.best]) for r in report.protocols])
    published = np.array([PUBLISHED_IOU[name] for name in names])
    for shift, rows, label, colour, hatch in (
        (-0.2, ours, report.model["name"], COLOURS[0], ""),
        (0.2, published, "published (on FaceScape)", COLOURS[4], "//"),
    ):
        whiskers = np.abs(rows[:, 1:].T - rows[:, 0])
        place = np.arange(len(names)) + shift
        axes.bar(
            place,
            rows[:, 0],
            0.4,
            yerr=whiskers,
            capsize=2,
            label=label,
            color=colour,
            hatch=hatch,
            ecolor="0.3",
        )
    axes.set(ylabel="IoU", ylim=(0, 1), xticks=range(len(names)), xticklabels=names)
    axes.legend(frameon=False, loc="upper right")
    axes.set_xlabel(PUBLISHED_NOTE, fontsize=7, color="0.4")
    return figure


def draw_training_curves(history: Sequence[Mapping[str, float]], path: Path) -> Path:
    """Loss, IoU and landmark error against the step, from the rows of a run's history."""
    panels = {"loss": ("train_loss", "val_loss"), "IoU at 0.2": ("val_iou",), "error, mm": ("val_mm",)}
    minutes = f", {history[-1]['minutes']:.0f} min" if history and "minutes" in history[-1] else ""
    figure, axes = new_figure("Training", f"{counted(len(history), 'validation')}{minutes}", rows=len(panels))
    steps = [row["step"] for row in history]
    for axis, (kind, names) in zip(axes, panels.items(), strict=True):
        for i, name in enumerate(names):
            values = [row.get(name, np.nan) for row in history]
            axis.plot(steps, values, label=name.replace("_", " "), color=COLOURS[i], linestyle=DASHES[i])
        axis.set(ylabel=kind)
        axis.legend(frameon=False)
    axes[-1].set(xlabel="step")
    return save_figure(figure, path)


def new_figure(
    title: str,
    note: str,
    *,
    width: float = 8.0,
    rows: int = 1,
    columns: int = 1,
    row_height: float = 2.6,
) -> tuple[Figure, list[Axes]]:
    """A white figure with a title, a note in small print and axes by rows; no window, no global state.

    Args:
        width, row_height: in inches.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    height = row_height * rows + (2.4 if columns == 1 else 0.9 if rows > 1 else 2.0)
    figure = Figure(figsize=(width, height), dpi=150, layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    axes = list(figure.subplots(rows, columns, squeeze=False).flat)
    figure.suptitle(title, x=0.01, ha="left", fontweight="bold")
    for axis in axes:
        axis.spines[["top", "right"]].set_visible(False)
        axis.grid(axis="y", color="0.92")
        axis.set_axisbelow(True)
    if columns == 1:
        axes[0].set_title(note, loc="left", fontsize=8, color="0.4")
    else:
        figure.supxlabel(note, x=0.01, ha="left", fontsize=8, color="0.4")
    return figure, axes


def subtitle(report: EvaluationReport) -> str:
    """Model, data, seed and commit in one line."""
    commit = (report.provenance.get("commit") or "no commit")[:10]
    scans = f"{counted(report.data['scans'], 'scan')}: {report.data['description']}"
    return f"{report.model['name']} on {scans}; seed {report.seed}, {commit}"


def _style(i: int) -> dict[str, Any]:
    """Later lines are thinner, so that lines which coincide all show."""
    n = len(COLOURS)
    return {
        "color": COLOURS[i % n],
        "linestyle": DASHES[i % n],
        "marker": MARKERS[i % n],
        "linewidth": 7.0 - i,
    }


def save_figure(figure: Figure, path: Path) -> Path:
    """As PNG, appearing at once or not at all."""
    partial = path.with_name(path.name + ".partial")
    figure.savefig(partial, format="png")
    partial.replace(path)
    return path
