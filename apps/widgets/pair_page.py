"""The comparison tab: its widgets and where they stand. What they do is wired in pairing.py."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import panel as pn
import panel_material_ui as pmui
from bokeh.models.widgets.tables import NumberFormatter

from faceviz.display.colormaps import NAMES as COLORMAPS
from faceviz.display.comparison import SHADES
from faceviz.evaluation.comparison import ScanComparison
from faceviz.scan import FaceScan
from widgets import readouts, scans
from widgets.dropper import Dropper
from widgets.frame import MAIN_HEIGHT
from widgets.look import BUSY, DROP, FIELD, SMALL, WIDE, claim, readout
from widgets.page import ALL, BODIES, LANDMARKS
from widgets.table import GRID
from widgets.viewer import SceneView

ALIGNMENTS = {"Nose and eye corners": "stable", "Inner 51 landmarks": "all", "Not at all": "none"}
_HINT = (
    "The second scan is brought onto the first by these landmarks. \u201cNose and eye corners\u201d move least with "
    "expressions."
)
_EMPTY = "Choose two scans on the left, or drop them there."
_COLUMNS = ("Distance", "\u00b1")


class PairPage:
    """All widgets of the tab, by name.

    Args:
        chosen: called with the landmark, or -1, when a person clicks a row.
    """

    def __init__(self, chosen: Callable[[int], None]) -> None:
        self._chosen, self._order, self._own = chosen, [], False
        self.view = SceneView(sizing_mode="stretch_both", min_height=240, margin=(0, 8), message=_EMPTY)
        samples = scans.samples()
        self.choosers = tuple(
            pmui.Select(label=label, options=dict(samples), value=value, **FIELD)
            for label, value in zip(("First scan", "Second scan"), list(samples.values())[:2], strict=True)
        )
        self.drops = tuple(pmui.Column(margin=(6, 8, 4, 8), **WIDE) for _ in self.choosers)
        self.align = pmui.Select(label="Bring together by", options=ALIGNMENTS, **FIELD)
        self.shade = pmui.Select(label="Colour by", options=SHADES, **FIELD)
        self.body = pmui.Select(label="Draw", options=BODIES, **FIELD)
        self.colormap = pmui.Select(
            label="Colours", options={name.capitalize(): name for name in COLORMAPS}, **FIELD
        )
        self.landmark = pmui.Select(label="Landmark", options=LANDMARKS, value=ALL, **FIELD)
        self.mean, self.most, self.moved, self.left = (readout(1.0) for _ in range(4))
        self.busy = pn.pane.HTML("", stylesheets=[BUSY], width=90, align="center")
        self.download = pmui.FileDownload(
            label="JSON", icon="download", filename="comparison.json", description="Save the displacements",
            variant="outlined", size="small", margin=(4, 4, 4, 8),
        )  # fmt: skip
        self.grid = pn.widgets.Tabulator(
            _frame(None, []),
            widths={"#": 30, "Distance": 60, "\u00b1": 36, "Moved": 50},
            text_align={"#": "right", "Distance": "right", "\u00b1": "right"},
            formatters={name: NumberFormatter(format="0.0") for name in _COLUMNS},
            header_tooltips={
                "\u00b1": "uncertainty of the distance, of both scans together",
                "Moved": "farther than 95 % of what uncertainty explains",
            },
            **GRID,
        )
        self.grid.param.watch(self._clicked, "selection")

    def new_drop(self, which: int, dropped: Callable) -> None:
        """An empty place to drop a file; what the one before held is forgotten."""
        place = Dropper(height=52, margin=0, stylesheets=[DROP], **WIDE)
        place.param.watch(dropped, "value")
        self.drops[which][:] = [place]

    def name(self, which: int, scan: FaceScan) -> None:
        """A dropped scan among the choices of its chooser, and chosen."""
        self.choosers[which].param.update(options=scans.samples() | {scan.source: scan}, value=scan)

    def show(self, comparison: ScanComparison, landmark: int | None) -> None:
        """The numbers."""
        scale = comparison.mm_per_unit or 1.0
        unit = "mm" if comparison.mm_per_unit else "units"
        self._order = sorted(range(68), key=lambda i: -comparison.distance[i])
        worst = self._order[0]
        self._own = True
        try:
            self.grid.value = _frame(comparison, self._order)
            self.grid.selection = [] if landmark is None else [self._order.index(landmark)]
        finally:
            self._own = False
        mean, most = scale * comparison.distance.mean(), scale * comparison.distance[worst]
        self.mean.object = readouts.tile("Mean distance", f"{mean:.1f} <small>{unit}</small>", "68 landmarks")
        self.most.object = readouts.tile("Farthest", f"{most:.1f} <small>{unit}</small>", f"landmark {worst}")
        if comparison.moved is None:
            self.moved.object = readouts.tile("Moved", "\u2013", "no calibration")
        else:
            count = int(comparison.moved.sum())
            self.moved.object = readouts.tile("Moved", f"{count} <small>of 68</small>", "beyond uncertainty")
        left = scale * comparison.residual
        self.left.object = readouts.tile("Left by alignment", f"{left:.1f} <small>{unit}</small>", "RMS")

    def header(self) -> pn.viewable.Viewable:
        what = claim("Two scans, or two expressions, against each other")
        return pmui.Row(what, self.busy, margin=0, **WIDE)

    def sidebar(self) -> pn.viewable.Viewable:
        hint = pn.pane.HTML(_HINT, stylesheets=[SMALL], margin=(0, 10, 4, 10), **WIDE)
        limit = f"{scans.FORMATS}; up to {scans.MAX_UPLOAD_MB} MB. It stays on this machine."
        about = pn.pane.HTML(limit, stylesheets=[SMALL], margin=(0, 10, 4, 10), **WIDE)
        first, second = self.choosers
        return pmui.Column(
            first, self.drops[0], second, self.drops[1], about, self.align, hint,
            pmui.Row(self.download, **WIDE), margin=0, **WIDE,
        )  # fmt: skip

    def main(self) -> pn.viewable.Viewable:
        choosers = (self.shade, self.body, self.colormap)
        for chooser in choosers:
            chooser.styles = {"flex": "1 1 128px", "min-width": "128px"}
        tools = pmui.Row(*choosers, sx={"flexWrap": "wrap"}, **WIDE)
        tiles = pmui.Row(self.mean, self.most, self.moved, self.left, margin=(0, 8, 0, 0), **WIDE)
        left = pmui.Column(tools, self.view, tiles, sizing_mode="stretch_both")
        right = pmui.Column(self.landmark, self.grid, sizing_mode="stretch_height", width=356)
        return pmui.Row(left, right, sizing_mode="stretch_both", sx={"height": MAIN_HEIGHT})

    def _clicked(self, event) -> None:
        if not self._own and self._order:
            self._chosen(self._order[event.new[-1]] if event.new else ALL)


def _frame(comparison: ScanComparison | None, order: list[int]) -> pd.DataFrame:
    rows = [] if comparison is None else comparison.to_dict()["landmarks"]
    rows = [rows[i] for i in order]
    return pd.DataFrame(
        {
            "#": pd.Series(order, dtype=int),
            "Landmark": pd.Series([row["name"] for row in rows], dtype=object),
            "Distance": pd.Series([row["distance"] for row in rows], dtype=float).round(2),
            "\u00b1": pd.Series([row["uncertainty"] for row in rows], dtype=float).round(2),
            "Moved": pd.Series(["moved" if row["moved"] else "" for row in rows], dtype=object),
        }
    )
