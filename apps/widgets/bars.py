"""A chart with one bar for each landmark, the worst first; its selection is the page's selection."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import panel as pn
import panel_material_ui as pmui
import param

from faceviz.display.readings import LandmarkRow, LandmarkTable

MEASURES = {"IoU": "iou", "Error": "error", "Uncertainty": "uncertainty"}


_WORDS = {"& .MuiToggleButton-root": {"textTransform": "none", "padding": "2px 12px", "fontSize": "13px"}}


class Bars(pn.custom.JSComponent):
    """``rows`` are made by ``bar_rows``; ``clicks`` counts, ``chosen`` is the landmark clicked last, or -1."""

    rows = param.List(default=[], item_type=dict)
    label = param.String(default="")
    selected = param.Integer(default=-1)
    chosen = param.Integer(default=-1)
    clicks = param.Integer(default=0)

    _esm = Path(__file__).with_name("bars.js")


class BarChart(pn.viewable.Viewer):
    """The bars under a chooser of what they measure.

    Args:
        chosen: called with the landmark, or -1, when a person clicks a bar.
    """

    def __init__(self, chosen: Callable[[int], None]) -> None:
        super().__init__()
        self._table: LandmarkTable | None = None
        self.measure = pmui.RadioButtonGroup(
            options=list(MEASURES), value="Error", size="small", margin=(6, 8), sx=_WORDS
        )
        self.bars = Bars(sizing_mode="stretch_width")
        self.bars.param.watch(lambda _: chosen(self.bars.chosen), "clicks")
        self.measure.param.watch(lambda _: self._fill(), "value")

    def __panel__(self) -> pn.viewable.Viewable:
        body = pmui.Column(self.bars, sizing_mode="stretch_both", scroll="y-auto", margin=0)
        return pmui.Column(self.measure, body, sizing_mode="stretch_both", margin=0)

    def show(self, table: LandmarkTable, landmark: int | None) -> None:
        self._table = table
        self._fill()
        self.bars.selected = -1 if landmark is None else landmark

    def _fill(self) -> None:
        if self._table is not None:
            label, rows = bar_rows(self._table, MEASURES[self.measure.value])
            self.bars.param.update(rows=rows, label=label)


def bar_rows(table: LandmarkTable, measure: str) -> tuple[str, list[dict]]:
    """What the chart shows, and a sentence that names it or says why it is empty.

    Args:
        measure: ``"iou"``, ``"error"`` or ``"uncertainty"``.
    """
    known = [row for row in table.rows if getattr(row, measure) is not None]
    if not known:
        needs = "a calibrated model" if measure == "uncertainty" else "a scan with true landmarks"
        return f"Nothing to show: this needs {needs}.", []
    unit = "" if measure == "iou" else f" {table.unit}"
    known.sort(key=lambda row: getattr(row, measure) * (1.0 if measure == "iou" else -1.0))
    top = 1.0 if measure == "iou" else max(getattr(row, measure) for row in known) or 1.0
    what = {"iou": "IoU"}.get(measure, measure.capitalize())
    return f"{what} of each landmark{unit and ',' + unit}, worst first", [
        _bar(row, getattr(row, measure), top, measure, unit) for row in known
    ]


def _bar(row: LandmarkRow, value: float, top: float, measure: str, unit: str) -> dict:
    told = f"{row.index} {row.name}: {measure} {value:.2f}{unit}"
    return {
        "landmark": row.index,
        "name": row.name,
        "share": round(value / top, 4),
        "text": f"{value:.2f}",
        "title": f"{told}; its truth {row.suspect}" if row.suspect else told,
        "suspect": bool(row.suspect),
    }
