"""The landmarks tab: its widgets and where they stand. What they do is wired in controller.py."""

from __future__ import annotations

from collections.abc import Callable

import panel as pn
import panel_material_ui as pmui

from faceviz.display.colormaps import NAMES as COLORMAPS
from faceviz.display.settings import Settings
from faceviz.landmarks import LANDMARK_COUNT, NAMES
from faceviz.scan import FaceScan
from widgets import scans
from widgets.bars import BarChart
from widgets.doubts import STYLE as DOUBTS
from widgets.dropper import Dropper
from widgets.frame import MAIN_HEIGHT
from widgets.look import BUSY, DROP, FIELD, SMALL, WIDE, claim, readout
from widgets.measuring import Measuring
from widgets.memory import Memory
from widgets.models import ModelChoosers
from widgets.pose import PoseControls
from widgets.sliders import Sliders, row
from widgets.table import LandmarksTable
from widgets.viewer import SceneView

ALL = -1
LANDMARKS = {"All 68 landmarks": ALL} | {f"{i} {NAMES[i]}": i for i in range(LANDMARK_COUNT)}
BODIES = {"Surface": "surface", "Points": "points", "Network": "network"}
COLOURS = {name.capitalize(): name for name in COLORMAPS}


class LandmarksPage:
    """All widgets of the tab, by name."""

    def __init__(
        self,
        pose: PoseControls,
        table: LandmarksTable,
        models: ModelChoosers,
        measuring: Measuring,
        memory: Memory,
        bars: BarChart,
    ) -> None:
        self.pose, self.table, self.models, self.measuring = pose, table, models, measuring
        self.memory, self.bars = memory, bars
        self.more: list[pn.viewable.Viewable] = []  # beside the landmark's chooser
        self.view = SceneView(
            sizing_mode="stretch_both", min_height=240, margin=(0, 8), message="Loading the network\u2026"
        )
        self.samples = scans.samples()
        self.sample = pmui.Select(label="Scan", options=dict(self.samples), **FIELD)
        self.choice = self.sample.value
        self.facts = pn.pane.HTML("", stylesheets=[SMALL], margin=(0, 10), **WIDE)
        self.drop = pmui.Column(margin=(6, 8, 4, 8), **WIDE)
        hint = (
            f"{scans.FORMATS}, or a saved session; up to {scans.MAX_UPLOAD_MB} MB. It stays on this machine."
        )
        self.hint = pn.pane.HTML(hint, stylesheets=[SMALL], margin=(0, 10, 4, 10), **WIDE)
        self.landmark = pmui.Select(label="Heat of", options=LANDMARKS, value=ALL, **FIELD)
        self.threshold = Sliders(
            rows=[row("IoU threshold", 0.05, 0.95, step=0.01, digits=2, rest=0.2)], values=[0.2], **WIDE
        )
        self.body = pmui.Select(label="Draw", options=BODIES, **FIELD)
        self.colormap = pmui.Select(label="Colours", options=COLOURS, **FIELD)
        button = {"variant": "outlined", "size": "small", "margin": (4, 4, 4, 8), "align": "center"}
        self.shoot = pmui.Button(label="PNG", icon="photo_camera", description="Save the picture", **button)
        self.download = pmui.FileDownload(
            label="JSON",
            icon="download",
            filename="landmarks.json",
            description="Save the landmarks",
            **button,
        )
        self.meter, self.iou, self.error, self.time = (
            readout(2.4),
            readout(1.0),
            readout(1.0),
            readout(1.0),
        )
        self.curve = pn.pane.HTML("", margin=(2, 8), **WIDE)
        self.busy = pn.pane.HTML("", stylesheets=[BUSY], width=90, align="center")
        self.doubts = pn.pane.HTML("", stylesheets=[DOUBTS], margin=(2, 10), **WIDE)
        landmarks = pmui.Column(self.curve, self.doubts, table, sizing_mode="stretch_both")
        self.tabs = pmui.Tabs(
            ("Landmarks", landmarks),
            ("Layers", measuring.layers),
            ("Sphere", measuring.sphere),
            ("Chart", bars),
            sizing_mode="stretch_both",
            sx=_TABS,
        )

    def show_scan(self, choice: scans.Sample, scan: FaceScan, reach: float) -> None:
        """Says which scan is shown, and sets the sliders anew."""
        self.choice = choice
        self.pose.fit(reach, scan.unit)
        self.facts.object = scans.facts(scan)
        self.show_choice()

    def show_choice(self) -> None:
        """Names the scan that is shown, whatever was tried since."""
        dropped = {self.choice.source: self.choice} if isinstance(self.choice, FaceScan) else {}
        self.sample.param.update(options=self.samples | dropped, value=self.choice)

    def show_settings(self, settings: Settings) -> None:
        """Sets every control to what is in force."""
        self.pose.set(settings.rotation_deg, settings.translation)
        self.landmark.value = ALL if settings.landmark is None else settings.landmark
        self.threshold.values = [settings.threshold]
        self.body.value, self.colormap.value = settings.body, settings.colormap
        self.models.protocol.value = settings.protocol
        self.models.show(settings.model, settings.beside, settings.second)

    def new_drop(self, dropped: Callable) -> None:
        """An empty place to drop a file; the one before, and the file that it held, are forgotten."""
        place = Dropper(height=52, margin=0, stylesheets=[DROP], **WIDE)
        place.param.watch(dropped, "value")
        self.drop[:] = [place]

    def header(self) -> pn.viewable.Viewable:
        what = claim("68 landmark heatmaps that no motion changes")
        return pmui.Row(what, self.busy, margin=0, **WIDE)

    def sidebar(self) -> pn.viewable.Viewable:
        models = self.models
        more = (self.memory.undo, self.memory.redo)
        keep = pmui.Row(self.shoot, self.download, pn.Spacer(**WIDE), *more, **WIDE)
        return pmui.Column(
            pmui.Column(self.sample, self.facts, self.drop, self.hint, **WIDE),
            pmui.Column(self.pose, models.protocol, models.folder, models.hint, keep, **WIDE),
            margin=0,
            **WIDE,
        )

    def main(self) -> pn.viewable.Viewable:
        choosers = (self.models.model, self.models.beside, self.body, self.colormap)
        for chooser in choosers:
            chooser.styles = {"flex": "1 1 128px", "min-width": "128px"}
        tools = pmui.Row(*choosers, sx={"flexWrap": "wrap"}, **WIDE)
        tiles = pmui.Row(self.meter, self.iou, self.error, self.time, margin=(0, 8, 0, 0), **WIDE)
        left = pmui.Column(tools, self.view, tiles, sizing_mode="stretch_both")
        first = pmui.Row(self.landmark, *self.more, margin=0, **WIDE)
        right = pmui.Column(first, self.threshold, self.tabs, sizing_mode="stretch_height", width=356)
        return pmui.Row(left, right, sizing_mode="stretch_both", sx={"height": MAIN_HEIGHT})


_TABS = {
    "& .MuiTabs-root": {"minHeight": "38px"},
    "& .MuiTab-root": {
        "minHeight": "38px",
        "minWidth": "0",
        "padding": "4px 9px",
        "fontSize": "13.5px",
        "textTransform": "none",
    },
}
