"""The report's two charts, drawn into axes that are given: IoU against the threshold, and each landmark's figure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from faceviz.landmarks import LANDMARK_COUNT, REGIONS
from faceviz.metrics import CURVE_THRESHOLDS
from faceviz.view.charts import COLOURS, DASHES, MARKERS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from faceviz.view.report.content import ReportContent

_GREY, _RULE = "#5b6575", "#e3e7ee"
_FONT = 8


def draw_curves(axes: Axes, content: ReportContent) -> None:
    """Mean IoU of the defined landmarks against the threshold, a line a model; grey: the first one's 68 landmarks."""
    for i, (title, curve) in enumerate(content.curves.items()):
        if i == 0:
            low, quarter, high, top = _quantiles(curve)
            axes.fill_between(CURVE_THRESHOLDS, low, top, color="#eef1f6", label="all landmarks", linewidth=0)
            axes.fill_between(
                CURVE_THRESHOLDS, quarter, high, color="#dbe2ee", label="middle half", linewidth=0
            )
        axes.plot(
            CURVE_THRESHOLDS, _means(curve), label=f"mean, {title}", color=COLOURS[i], linestyle=DASHES[i],
            marker=MARKERS[i], markersize=3.5, linewidth=1.8,
        )  # fmt: skip
    axes.axvline(content.first.threshold, color=_GREY, linewidth=0.8, linestyle=(0, (3, 3)))
    axes.set(xlim=(0.08, 0.97), ylim=(0, 1), xlabel="threshold on the heat", ylabel="IoU")
    axes.set_xticks(np.arange(0.1, 1.0, 0.1))
    axes.legend(fontsize=_FONT, loc="lower left", facecolor="white", edgecolor="none", framealpha=0.85)
    _plain(axes)


def draw_landmarks(axes: Axes, values: np.ndarray, label: str, top: float | None = None) -> None:
    """A bar a landmark (68,), regions told apart by shade and name; gaps where a value is undefined."""
    for i, (name, members) in enumerate(REGIONS.items()):
        colour = COLOURS[0] if i % 2 == 0 else COLOURS[5]
        axes.bar(list(members), values[list(members)], color=colour, width=0.78)
        axes.text(
            (members.start + members.stop - 1) / 2, 1.02, name.replace("_", "\n"), ha="center", va="bottom",
            fontsize=6.5, color=_GREY, transform=axes.get_xaxis_transform(),
        )  # fmt: skip
        if members.start:
            axes.axvline(members.start - 0.5, color=_RULE, linewidth=0.8, zorder=0)
    mean = float(np.nanmean(values))
    axes.axhline(mean, color="#1c2330", linewidth=0.9, linestyle=(0, (4, 3)))
    axes.text(LANDMARK_COUNT + 0.1, mean, f"{mean:.2f}", va="center", fontsize=_FONT, color="#1c2330")
    axes.set(xlim=(-0.8, LANDMARK_COUNT - 0.2), xlabel="landmark", ylabel=label)
    axes.set_ylim(0, top)
    axes.set_xticks(range(0, LANDMARK_COUNT, 4))
    _plain(axes)


def _plain(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color("#b9c1ce")
    axes.tick_params(labelsize=_FONT, color="#b9c1ce", labelcolor=_GREY, length=3)
    axes.grid(axis="y", color=_RULE, linewidth=0.8)
    axes.set_axisbelow(True)
    for label in (axes.xaxis.label, axes.yaxis.label):
        label.set(fontsize=_FONT, color=_GREY)


def _means(curve: np.ndarray) -> np.ndarray:
    return np.array([np.nanmean(row) if np.isfinite(row).any() else np.nan for row in curve])


def _quantiles(curve: np.ndarray) -> np.ndarray:
    """(4, T): least, lower and upper quarter, greatest."""
    rows = [
        np.nanquantile(row, (0, 0.25, 0.75, 1)) if np.isfinite(row).any() else np.full(4, np.nan)
        for row in curve
    ]
    return np.array(rows).T
