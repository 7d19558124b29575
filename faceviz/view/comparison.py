"""Charts of several models beside each other, and of 68 landmarks one by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from faceviz.landmarks import LANDMARK_COUNT, NAMES
from faceviz.view.charts import COLOURS, DASHES, MARKERS, new_figure, subtitle

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from faceviz.evaluation.report import EvaluationReport
    from faceviz.evaluation.table import IouTable

_COLUMNS = 9


def protocols_of_models_chart(tables: Sequence[IouTable], note: str = "") -> Figure:
    """Mean IoU at 0.2 under each protocol, a bar for each model; whiskers: least and greatest landmark."""
    columns = tables[0].columns
    title = "IoU at 0.2 under each protocol: mean of 68 landmarks, least and greatest"
    figure, (axes,) = new_figure(title, note, width=11.0)
    width = 0.84 / len(tables)
    for i, table in enumerate(tables):
        place = np.arange(len(columns)) + (i - (len(tables) - 1) / 2) * width
        whiskers = np.abs(_range(table) - table.means)
        axes.bar(
            place, table.means, width, yerr=whiskers, capsize=1.5, label=table.name, ecolor="0.35",
            error_kw={"elinewidth": 0.8}, color=COLOURS[i % len(COLOURS)], hatch="//" if table is tables[-1] else "",
        )  # fmt: skip
        for x, mean, top in zip(place, table.means, _range(table)[1], strict=True):
            axes.text(x, top + 0.012, f"{mean:.2f}", ha="center", fontsize=6, color="0.25")
    axes.set(ylabel="IoU", ylim=(0, 1.05), xticks=range(len(columns)), xticklabels=columns)
    axes.legend(frameon=False, ncols=len(tables), loc="upper center", bbox_to_anchor=(0.5, -0.06), fontsize=8)
    return figure


def thresholds_of_models_chart(
    reports: Sequence[EvaluationReport], protocols: Sequence[str] = ("none", "st_rt")
) -> Figure:
    """Mean IoU against the threshold, a panel for each protocol and a line for each model."""
    figure, axes = new_figure(
        "IoU against threshold", _data_note(reports[0]), columns=len(protocols), width=11.0
    )
    for axis, protocol in zip(axes, protocols, strict=True):
        for i, report in enumerate(reports):
            curve = _landmark_means(report[protocol].curve)
            axis.plot(report.thresholds, curve, label=report.model["name"], markersize=4, **_style(i))
        axis.set(xlabel="threshold on the heatmap", ylim=(0, 1), xticks=np.arange(0.1, 1.0, 0.2))
        axis.text(0.97, 0.95, protocol, transform=axis.transAxes, ha="right", va="top", fontweight="bold")
    axes[0].set_ylabel("IoU, mean of 68 landmarks")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, frameon=False, fontsize=8, loc="outside upper right", ncols=len(labels))
    return figure


def landmark_multiples_chart(report: EvaluationReport) -> Figure:
    """IoU against the threshold, 0.10 to 0.95, of each of the 68 landmarks; a line for each protocol."""
    rows = -(-LANDMARK_COUNT // _COLUMNS)
    title = f"IoU of each landmark against the threshold: {report.model['name']}"
    figure, axes = new_figure(
        title, subtitle(report), rows=rows, columns=_COLUMNS, width=15.0, row_height=1.55
    )
    for i, axis in enumerate(axes):
        if i >= LANDMARK_COUNT:
            axis.set_axis_off()
            continue
        for j, result in enumerate(report.protocols):
            style = {**_style(j), "marker": None, "linewidth": max(0.8, 3.2 - 0.4 * j)}
            axis.plot(report.thresholds, result.curve[:, i], label=result.name, **style)
        axis.set(xlim=(0.1, 0.95), ylim=(0, 1), xticks=(0.2, 0.5, 0.8), yticks=(0, 0.5, 1))
        axis.tick_params(labelsize=6, length=2)
        axis.text(0.02, 1.03, f"{i} {NAMES[i]}", transform=axis.transAxes, fontsize=6.5)
        axis.label_outer()
    handles, labels = axes[0].get_legend_handles_labels()
    axes[-1].legend(handles, labels, frameon=False, fontsize=7, loc="center", ncols=2)
    return figure


def _range(table: IouTable) -> np.ndarray:
    """(2, P) least and greatest landmark in each column."""
    return np.stack([np.nanmin(table.values, axis=0), np.nanmax(table.values, axis=0)])


def _landmark_means(curve: np.ndarray) -> np.ndarray:
    """(T, 68) to (T,); NaN where no landmark is defined."""
    return np.array([np.nanmean(row) if np.isfinite(row).any() else np.nan for row in curve])


def _data_note(report: EvaluationReport) -> str:
    commit = (report.provenance.get("commit") or "no commit")[:10]
    return f"{report.data['description']}; seed {report.seed}, {commit}"


def _style(i: int) -> Mapping[str, Any]:
    n = len(COLOURS)
    return {"color": COLOURS[i % n], "linestyle": DASHES[i % n], "marker": MARKERS[i % n], "linewidth": 1.8}
