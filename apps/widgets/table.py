"""The landmarks as a table, the worst first; its selection is the page's selection."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import panel as pn
import panel_material_ui as pmui
from bokeh.models.widgets.tables import NumberFormatter

from faceviz.display.readings import LandmarkTable, selected_row

if TYPE_CHECKING:
    import pandas as pd

_STYLE = """
.tabulator { background: none; border: 0; border-radius: 8px; }
.tabulator .tabulator-header .tabulator-col .tabulator-col-content { padding: 4px 5px !important; font-size: 12px; }
.tabulator .tabulator-header .tabulator-col .tabulator-col-title { padding-right: 0 !important; font-size: 12px; }
.tabulator .tabulator-header .tabulator-col-sorter { display: none !important; }
.tabulator .tabulator-row { min-height: 0 !important; height: 25px !important; cursor: pointer; }
.tabulator .tabulator-row .tabulator-cell { height: 25px !important; padding: 3px 5px !important; font-size: 12.5px;
  line-height: 19px; text-overflow: ellipsis; font-variant-numeric: tabular-nums; }
"""
#: How tables of landmarks look and what they let one do.
GRID = {
    "show_index": False,
    "disabled": True,
    "selectable": 1,
    "sizing_mode": "stretch_both",
    "min_height": 120,
    "margin": (4, 8, 4, 8),
    "layout": "fit_columns",
    "configuration": {"headerSortTristate": True, "rowHeight": 25},
    "stylesheets": [_STYLE],
}
_NUMBERS = ("IoU", "Error", "\u00b1", "Conf.")


class LandmarksTable(pn.viewable.Viewer):
    """A Tabulator that tells which landmark is chosen.

    Args:
        chosen: called with the landmark, or -1, when a person clicks a row.
    """

    def __init__(self, chosen: Callable[[int], None]) -> None:
        super().__init__()
        self._chosen = chosen
        self._table: LandmarkTable | None = None
        self._own = False
        self.grid: pn.widgets.Tabulator | None = None  # made with the first numbers: it takes long
        self._place = pmui.Column(sizing_mode="stretch_both", margin=0)

    def __panel__(self) -> pn.viewable.Viewable:
        return self._place

    def show(self, table: LandmarkTable, landmark: int | None) -> None:
        """New numbers where they differ from those shown, and the row of the chosen landmark."""
        self._own = True
        try:
            frame = _frame(table)
            if self.grid is None or not frame.equals(self.grid.value):
                known = any(row.uncertainty is not None for row in table.rows)
                hidden = ["Conf."] if known else ["\u00b1"]
                shown = {"value": frame, "titles": {"Error": table.unit}, "hidden_columns": hidden}
                if self.grid is None:
                    self.grid = self._new(**shown)
                else:
                    self.grid.param.update(**shown)
                self._table = table
            row = selected_row(self._table.rows, landmark)
            self.grid.selection = [] if row is None else [row]
        finally:
            self._own = False

    def _new(self, **shown: Any) -> pn.widgets.Tabulator:
        grid = pn.widgets.Tabulator(
            widths={"#": 34, **dict.fromkeys(_NUMBERS, 50)},
            text_align={"#": "right", **dict.fromkeys(_NUMBERS, "right")},
            formatters={name: NumberFormatter(format="0.00") for name in _NUMBERS},
            header_tooltips={
                "Landmark": "\u26a0 where its truth is suspect",
                "Error": "distance to the truth",
                "\u00b1": "calibrated uncertainty: the error to expect, same unit",
                "Conf.": "confidence: the highest heat",
            },
            **GRID,
            **shown,
        )
        grid.param.watch(self._clicked, "selection")
        self._place.append(grid)
        return grid

    def _clicked(self, event) -> None:
        if not self._own and self._table is not None:
            self._chosen(self._table.rows[event.new[-1]].index if event.new else -1)


def _frame(table: LandmarkTable) -> pd.DataFrame:
    import pandas as pd

    rows = table.rows
    return pd.DataFrame(
        {
            "#": pd.Series([row.index for row in rows], dtype=int),
            "Landmark": pd.Series(
                [f"\u26a0 {row.name}" if row.suspect else row.name for row in rows], dtype=object
            ),
            "IoU": pd.Series([row.iou for row in rows], dtype=float).round(2),
            "Error": pd.Series([row.error for row in rows], dtype=float).round(2),
            "\u00b1": pd.Series([row.uncertainty for row in rows], dtype=float).round(2),
            "Conf.": pd.Series([row.confidence for row in rows], dtype=float).round(2),
        }
    )
