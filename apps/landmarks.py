"""68 landmark heatmaps on a 3D face scan, live: ``panel serve apps/landmarks.py``.

Widgets change ``Settings``; the worker answers with ``Moved``; both together make the scene. No algorithm lives here.
"""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import PurePath

import numpy as np
import panel as pn
from widgets import readouts, scans
from widgets.engine import WORKER, later, predictor
from widgets.page import ALL, LandmarksPage
from widgets.pose import PoseControls
from widgets.table import LandmarksTable
from widgets.trace import mark

from faceviz.display import state
from faceviz.display.latest import LatestOnly
from faceviz.display.settings import Settings, Triple
from faceviz.errors import FacevizError
from faceviz.geometry.transforms import RigidTransform
from faceviz.scan import FaceScan

pn.extension("tabulator", "filedropper", notifications=True)


class LandmarksApp:
    """One session of the page."""

    def __init__(self) -> None:
        self.settings = Settings()
        self.moved: state.Moved | None = None
        self.worst, self.moves = 0.0, 0
        self._untold = False
        self._rng = np.random.default_rng()
        self.page = LandmarksPage(PoseControls(self._on_pose, self._on_random), LandmarksTable(self._choose))
        fail, busy = later(self._on_failure), later(self._on_busy)
        self._loads = LatestOnly(WORKER, self._load, later(self._on_loaded), fail, busy=busy)
        self._moves = LatestOnly(WORKER, self._move, later(self._on_moved), fail, busy=busy)
        self._wire()
        pn.state.onload(lambda: self._on_sample(self.page.sample.value))

    def _wire(self) -> None:
        page = self.page
        page.sample.param.watch(lambda e: self._on_sample(e.new), "value")
        page.new_drop(self._on_upload)
        page.landmark.param.watch(lambda e: self._change(landmark=None if e.new == ALL else e.new), "value")
        page.threshold.param.watch(lambda e: self._change(threshold=float(e.new[0])), "values")
        for name in ("body", "beside", "colormap"):
            getattr(page, name).param.watch(lambda e, name=name: self._change(**{name: e.new}), "value")
        page.view.param.watch(lambda _: self._choose(page.view.selected), "clicks")
        page.view.param.watch(lambda _: self._tell(), "drawn")
        page.shoot.on_click(lambda _: page.view.param.update(shoot=page.view.shoot + 1))
        page.download.callback = self._landmarks_file

    def template(self) -> pn.viewable.Viewable:
        template = self.page.template()
        template.param.watch(lambda e: self._change(dark=e.new), "dark_theme")
        self.settings = self.settings.with_(dark=template.dark_theme)
        return template

    # ---- in the worker's thread

    def _load(self, job: tuple[scans.Sample | None, Callable[[], FaceScan]]) -> state.LoadedScan:
        return state.load(predictor(), job[1]())

    def _move(self, job: tuple[state.LoadedScan, RigidTransform]) -> state.Moved:
        mark("work begins")
        moved = state.move(predictor(), *job)
        mark("work ends", **moved.prediction.seconds)
        return moved

    # ---- answers of the worker

    def _on_loaded(self, job, loaded: state.LoadedScan) -> None:
        self.moved, self.worst, self.moves = state.unmoved(loaded), 0.0, 0
        self.settings = self.settings.with_(rotation_deg=(0, 0, 0), translation=(0, 0, 0))
        self.page.show_scan(job[0] or loaded.scan, loaded.scan, state.translation_reach(loaded.scan))
        self._draw()

    def _on_moved(self, _, moved: state.Moved) -> None:
        if moved.loaded is self.moved.loaded:  # else of a scan that is gone
            mark("answer taken")
            self.moved = moved
            self.worst, self.moves = max(self.worst, moved.change), self.moves + 1
            self._draw()
            mark("answer sent")

    def _on_failure(self, _, error: Exception) -> None:
        if isinstance(error, FacevizError):
            text = str(error)
        else:
            logging.getLogger("faceviz.app").error("unexpected", exc_info=error)
            text = f"{type(error).__name__}: {error}; the server's log says more"
        pn.state.notifications.error(text, duration=12_000)
        if self.moved is None:
            self.page.view.message = text
        else:
            self.page.show_choice()

    def _on_busy(self) -> None:
        working = self._loads.working or self._moves.working
        self.page.busy.object = readouts.busy(working)
        self._tell()

    # ---- what a person does

    def _on_sample(self, sample: scans.Sample) -> None:
        if self.moved is None or sample is not self.page.choice:
            self._loads.submit((sample, partial(scans.read_sample, sample)))

    def _on_pose(self, rotation_deg: Triple, translation: Triple) -> None:
        mark("move taken")
        self.settings = self.settings.with_(rotation_deg=rotation_deg, translation=translation)
        if self.moved is not None:
            pose = self._pose()
            self.page.view.move(pose)
            self._moves.submit((self.moved.loaded, pose))
            mark("move sent")

    def _on_random(self) -> None:
        if self.moved is not None:
            self.page.pose.set(**state.random_motion(self.moved.loaded.scan, self._rng))

    def _on_upload(self, event) -> None:
        for name, content in list(event.new.items())[-1:]:
            self._loads.submit((None, partial(scans.read_upload, name, content)))
        self.page.new_drop(self._on_upload)

    def _choose(self, landmark: int) -> None:
        """The one selection: of the picture, the table and the chooser."""
        self.page.landmark.value = landmark

    def _change(self, **changes) -> None:
        self.settings = self.settings.with_(**changes)
        self._draw()

    def _landmarks_file(self) -> io.StringIO:
        if self.moved is None:
            return io.StringIO("{}")
        stem = PurePath(self.moved.loaded.scan.source).stem or "scan"
        self.page.download.filename = f"{stem}.landmarks.json"
        return io.StringIO(json.dumps(state.landmarks_document(self.moved, predictor().name), indent=1))

    # ---- from state to page

    def _pose(self) -> RigidTransform:
        return self.settings.pose(self.moved.loaded.scan.centroid)

    def _draw(self) -> None:
        """The picture follows the hand at once, its heat follows the network, the numbers follow the heat."""
        if self.moved is None:
            return
        self.page.view.message = ""
        self.page.view.show(replace(state.moved_scene(self.moved, self.settings), pose=self._pose()))
        self._untold = True
        self._tell()

    def _tell(self) -> None:
        """The numbers, once the picture is on the screen; the table, once nothing is at work any more."""
        if self.moved is None or self.page.view.behind:
            return
        self.page.meter.object = readouts.meter(self.moved.change, self.worst, self.moves)
        self.page.time.object = readouts.inference(self.moved)
        if self._untold and not self._moves.working:
            self._untold = False
            self._tell_landmarks()

    def _tell_landmarks(self) -> None:
        page, threshold = self.page, self.settings.threshold
        table = state.moved_table(self.moved, threshold)
        page.table.show(table, self.settings.landmark)
        page.iou.object, page.error.object = readouts.iou(table, threshold), readouts.error(table)
        curve = state.moved_curve(self.moved)
        page.curve.object = "" if curve is None else readouts.curve(*curve, threshold, table.mean_iou)


if pn.state.served:
    LandmarksApp().template().servable()
