"""The calibration of the landmarks' uncertainty as a picture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from faceviz.uncertainty import LEVELS
from faceviz.view.charts import COLOURS, DASHES, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def calibration_chart(name: str, record: Mapping[str, Any]) -> Figure:
    """Observed against expected coverage: of all landmarks, and of each region; the diagonal is a perfect calibration.

    Args:
        name: of the model.
        record: of a ``Calibration``.
    """
    fitted, checked = record["fitted_on"], record["checked_on"]
    note = f"{name}; fitted on {fitted['description']};\nchecked on {checked['description']}"
    figure, (axes,) = new_figure(
        "Do the truths lie as near as the uncertainty says?", note, width=7.6, row_height=4.6
    )
    axes.plot([0, 1], [0, 1], color="0.55", linewidth=1, linestyle=":", label="perfect")
    for i, (region, observed) in enumerate(record["regions"].items()):
        axes.plot(
            LEVELS, observed, color=COLOURS[i % len(COLOURS)], linewidth=1, alpha=0.75,
            linestyle=DASHES[(i + i // len(COLOURS)) % len(DASHES)], label=region.replace("_", " "),
        )  # fmt: skip
    observed = np.array(record["curve"]["observed"])
    axes.plot(
        LEVELS, observed, color="black", linewidth=2.4, marker="o", markersize=4, label="all 68 landmarks"
    )
    gap = record["largest_gap"]
    axes.text(0.98, 0.04, f"largest gap of all 68: {gap:.3f}", transform=axes.transAxes, ha="right")
    axes.set(
        xlabel="expected share of truths within reach",
        ylabel="observed share",
        xlim=(0, 1),
        ylim=(0, 1),
        aspect="equal",
    )
    axes.legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1.02, 1.0))
    return figure
