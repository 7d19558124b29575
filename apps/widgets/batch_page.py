"""The batch tab: its widgets and where they stand. What they do is wired in batching.py."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from html import escape

import numpy as np
import pandas as pd
import panel as pn
import panel_material_ui as pmui
from bokeh.models.widgets.tables import NumberFormatter

from faceviz.batch import BatchProgress, ScanResult
from widgets import readouts
from widgets.dropper import place_for_files
from widgets.frame import MAIN_HEIGHT
from widgets.look import BUSY, FIELD, SMALL, WIDE, claim, readout
from widgets.scans import FORMATS
from widgets.serving import MAX_UPLOAD_MB, SHARED

MOST_FILES = 500
RESULTS = "landmarks.csv"

_BUTTON = {"size": "small", "margin": (4, 0, 4, 8), "sx": {"padding": "4px 9px"}}
_HINT = f"{FORMATS}; up to {MAX_UPLOAD_MB} MB each, {MOST_FILES} at once. They stay on this machine."
_FOLDER_HINT = (
    f"Searched with the folders in it. The results lie in it, in {RESULTS}; what is there is not done again."
)
_EMPTY = "A row for each scan will stand here: name a folder, or drop scans, and press Start."
_NUMBERS = ("IoU", "Error", "Confidence", "Seconds")


class BatchPage:
    """All widgets of the tab, by name."""

    def __init__(self, models: dict[str, str]) -> None:
        self.folder = pmui.TextInput(
            label="Folder on this machine", placeholder="/data/scans", visible=not SHARED, **FIELD
        )
        self.model = pmui.Select(label="Model of the batch", options=models, **FIELD)
        self.drop = pmui.Column(margin=(6, 8, 4, 8), **WIDE)
        self.start = pmui.Button(label="Start", icon="play_arrow", variant="contained", **_BUTTON)
        self.cancel = pmui.Button(
            label="Cancel batch", icon="close", variant="outlined", disabled=True, **_BUTTON
        )
        self.download = pmui.FileDownload(
            label="CSV",
            icon="download",
            filename=RESULTS,
            description="Save the results: landmarks, confidences, errors",
            variant="outlined",
            disabled=True,
            **_BUTTON,
        )
        self.bar = pn.pane.HTML("", stylesheets=[_BAR], margin=(8, 8, 2, 8), **WIDE)
        self.done, self.failed, self.left, self.pace = (readout(share) for share in (1, 1, 1, 1))
        self.message = pn.pane.HTML(_said(_EMPTY), stylesheets=[SMALL], margin=(4, 12), **WIDE)
        self.rows = pn.widgets.Tabulator(
            _frame([]),
            show_index=False,
            disabled=True,
            selectable=False,
            sizing_mode="stretch_both",
            min_height=160,
            margin=(4, 8),
            layout="fit_columns",
            widths={
                "Face": 48,
                "Scan": 240,
                "IoU": 56,
                "Error": 60,
                "Unit": 56,
                "Confidence": 88,
                "Seconds": 70,
            },
            text_align={name: "right" for name in _NUMBERS} | {"Face": "center"},
            formatters={name: NumberFormatter(format="0.00", nan_format="\u2013") for name in _NUMBERS}
            | {"Face": {"type": "tickCross"}},
            header_tooltips={
                "Face": "were landmarks found?",
                "IoU": "mean of the landmarks at 0.2, where the scan has a truth",
                "Error": "mean distance to the truth, in the scan's unit",
                "Confidence": "mean of the landmarks",
            },
            configuration={"rowHeight": 27, "placeholder": "", "columnDefaults": {"tooltip": True}},
            stylesheets=[_TABLE],
        )
        self.busy = pn.pane.HTML("", stylesheets=[BUSY], width=90, align="center")
        self.show_progress(None)

    def new_drop(self, dropped: Callable) -> None:
        """An empty place to drop files; what the one before held is forgotten."""
        self.drop[:] = [place_for_files(MOST_FILES, dropped)]

    def header(self) -> pn.viewable.Viewable:
        what = claim("Landmarks of many scans, one after the other, into one table")
        return pmui.Row(what, self.busy, margin=0, **WIDE)

    def sidebar(self) -> pn.viewable.Viewable:
        hints = [
            pn.pane.HTML(text, stylesheets=[SMALL], margin=(0, 10, 4, 10), visible=shown, **WIDE)
            for text, shown in ((_FOLDER_HINT, not SHARED), (_HINT, True))
        ]
        buttons = pmui.Row(self.start, self.cancel, self.download, **WIDE)
        return pmui.Column(self.folder, hints[0], self.drop, hints[1], self.model, buttons, margin=0, **WIDE)

    def main(self) -> pn.viewable.Viewable:
        tiles = pmui.Row(self.done, self.failed, self.left, self.pace, margin=(0, 8, 0, 0), **WIDE)
        return pmui.Column(
            tiles, self.bar, self.message, self.rows, sizing_mode="stretch_both", sx={"height": MAIN_HEIGHT}
        )

    def show_rows(self, results: Iterable[ScanResult]) -> None:
        """These and no others."""
        self.rows.value = _frame(list(results))

    def add_rows(self, results: Iterable[ScanResult]) -> None:
        self.rows.stream(_frame(list(results)), follow=False)

    def show_progress(self, now: BatchProgress | None) -> None:
        """The tiles and the bar; empty before anything was begun."""
        if now is None:
            for tile, title in ((self.done, "Scans done"), (self.failed, "Without landmarks")):
                tile.object = readouts.tile(title, "\u2013", "")
            self.left.object = readouts.tile("Time left", "\u2013", "")
            self.pace.object = readouts.tile("One scan", "\u2013", "")
            self.bar.object = ""
            return
        share = 100.0 * now.done / now.total
        self.done.object = readouts.tile("Scans done", f"{now.done:,}", f"of {now.total:,}")
        self.failed.object = readouts.tile("Without landmarks", f"{now.failed:,}", "the rows say why")
        left = "\u2013" if now.seconds_left is None else duration(now.seconds_left)
        self.left.object = readouts.tile("Time left", left, "at the pace so far")
        pace = "\u2013" if not now.new else f"{now.seconds / now.new:.2f} s"
        self.pace.object = readouts.tile("One scan", pace, f"{now.new:,} in this run")
        self.bar.object = (
            f'<div role="progressbar" aria-label="Scans done" aria-valuemin="0" aria-valuemax="{now.total}" '
            f'aria-valuenow="{now.done}"><div style="width: {share:.1f}%"></div></div>'
        )

    def say(self, text: str) -> None:
        self.message.object = _said(text)

    def show_working(self, working: bool) -> None:
        """Which buttons do something."""
        self.busy.object = readouts.busy(working)
        for control in (self.start, self.folder, self.model):
            control.disabled = working
        self.cancel.disabled = not working


def duration(seconds: float) -> str:
    """For people: ``45 s``, ``3 min``, ``2 h 05 min``.

    >>> duration(44.6), duration(170), duration(7500)
    ('45 s', '3 min', '2 h 05 min')
    """
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60:02} min"


def _said(text: str) -> str:
    return f'<span role="status">{escape(text)}</span>'


def _frame(results: list[ScanResult]) -> pd.DataFrame:
    confidences = [np.nan if one.confidence is None else one.confidence.mean() for one in results]
    return pd.DataFrame(
        {
            "Face": pd.Series([not one.failure for one in results], dtype=bool),
            "Scan": pd.Series([one.path for one in results], dtype=object),
            "IoU": pd.Series([one.mean_iou for one in results], dtype=float),
            "Error": pd.Series([one.mean_error for one in results], dtype=float),
            "Unit": pd.Series([one.unit for one in results], dtype=object),
            "Confidence": pd.Series(confidences, dtype=float),
            "Seconds": pd.Series([one.seconds for one in results], dtype=float),
            "What went wrong": pd.Series([one.failure for one in results], dtype=object),
        }
    )


_BAR = """
[role=progressbar] { height: 8px; border-radius: 4px; overflow: hidden;
  background: color-mix(in srgb, currentColor 14%, transparent); }
[role=progressbar] > div { height: 100%; background: #2b5bd7; transition: width .3s; }
"""
_TABLE = """
.tabulator { background: none; border: 0; border-radius: 8px; }
.tabulator .tabulator-header .tabulator-col .tabulator-col-content { padding: 5px 6px !important; }
.tabulator .tabulator-header .tabulator-col .tabulator-col-title { padding-right: 0 !important; font-size: 12.5px; }
.tabulator .tabulator-header .tabulator-col-sorter { display: none !important; }
.tabulator .tabulator-row { min-height: 0 !important; }
.tabulator .tabulator-row .tabulator-cell { padding: 4px 6px !important; font-size: 13px; line-height: 19px;
  text-overflow: ellipsis; font-variant-numeric: tabular-nums; }
"""
