"""The landmarks tab at work: what a person does, and what the worker answers. No algorithm lives here.

Widgets change ``Shown.settings``; the worker answers with ``Moved``; both together make the scene.
"""

from __future__ import annotations

import io
import json
from functools import partial
from pathlib import PurePath

import numpy as np
import panel as pn

from faceviz.display import state
from faceviz.display.session import Session
from faceviz.display.settings import Settings, Triple
from faceviz.errors import CheckpointError, FacevizError
from faceviz.scan import FaceScan
from widgets import readouts, scans, sessions
from widgets.bars import BarChart
from widgets.comparing import Comparing
from widgets.drawing import Drawing
from widgets.jobs import Jobs
from widgets.measuring import Measuring
from widgets.memory import Memory, addressed
from widgets.models import ModelChoosers
from widgets.notices import notify, warn
from widgets.page import ALL, LandmarksPage
from widgets.pose import PoseControls
from widgets.saving import Saving
from widgets.shown import Shown
from widgets.table import LandmarksTable
from widgets.trace import mark


class LandmarksApp:
    """One person's landmarks tab, a section of the page's frame."""

    def __init__(self) -> None:
        models = ModelChoosers(lambda *chosen: self.comparing.choose(*chosen))
        self.shown = Shown(Settings(model=models.first), models.first)
        self.jobs = Jobs(
            loaded=self._on_loaded,
            moved=self._on_moved,
            second=self._on_second,
            opened=lambda path: self.comparing.add(path),
            restored=self.open_session,
            failed=self._on_failure,
            changed=self._on_busy,
        )
        self.measuring = Measuring(lambda: self.shown.answers, self._on_failure, self._on_busy)
        self.memory = Memory(models.first, self.recall)
        self.page = LandmarksPage(
            PoseControls(self._on_pose, self._on_random),
            LandmarksTable(self._choose),
            models,
            self.measuring,
            self.memory,
            BarChart(self._choose),
        )
        self.saving = Saving(lambda: sessions.session_of(self.shown), self._on_failure)
        self.page.more.append(self.saving.view)
        self.drawing = Drawing(self.page, self.shown, self.jobs)
        self.comparing = Comparing(models, self.shown, self.measuring, self.drawing.draw, self.ask)
        self._rng = np.random.default_rng()
        self._recalling, self._asked = False, None
        self._wire()
        self.header, self.sidebar, self.main = self.page.header, self.page.sidebar, self.page.main
        pn.state.onload(self._begin)

    def _wire(self) -> None:
        page = self.page
        page.sample.param.watch(lambda e: self._on_sample(e.new), "value")
        page.new_drop(self._on_upload)
        page.landmark.param.watch(lambda e: self._change(landmark=None if e.new == ALL else e.new), "value")
        page.threshold.param.watch(lambda e: self._change(threshold=float(e.new[0])), "values")
        for name in ("body", "colormap"):
            getattr(page, name).param.watch(lambda e, name=name: self._change(**{name: e.new}), "value")
        page.models.protocol.param.watch(lambda e: self._on_protocol(e.new), "value")
        page.models.folder.param.watch(lambda e: self._on_path(e.new), "value")
        page.view.param.watch(lambda _: self._choose(page.view.selected), "clicks")
        page.view.param.watch(lambda _: self.drawing.tell(), "drawn")
        page.tabs.param.watch(lambda _: self.drawing.trace(), "active")
        page.shoot.on_click(lambda _: page.view.param.update(shoot=page.view.shoot + 1))
        page.download.callback = self._landmarks_file

    @property
    def working(self) -> bool:
        return self.jobs.working or self.measuring.working or self.saving.working

    # ---- from outside

    def darken(self, dark: bool) -> None:
        self._change(dark=dark)

    def show_scan(self, scan: FaceScan) -> None:
        """A scan that another part of the page has made."""
        self._load(scan)

    def recall(self, settings: Settings) -> None:
        """Settings from the history, the address or a file; models that are not in the choosers are left out."""
        self.shown.settings = self.comparing.known(settings).with_(dark=self.shown.settings.dark)
        self._recalling = True
        try:
            self.page.show_settings(self.shown.settings)
        finally:
            self._recalling = False
        if self.shown.moved is not None:
            self.drawing.draw()
            self.ask()

    def open_session(self, session: Session) -> None:
        """What was saved, with the numbers that it was saved with; no network is asked before the next motion."""
        settings = self.comparing.known(session.settings).with_(dark=self.shown.settings.dark)
        sessions.restore(self.shown, session, settings)
        self.measuring.forget()
        self._recalling = True
        try:
            self.page.show_scan(session.scan, session.scan, state.translation_reach(session.scan))
            self.page.show_settings(settings)
        finally:
            self._recalling = False
        self.drawing.draw()
        self.memory.forget(settings)
        if not np.allclose(self.shown.pose.matrix, self.shown.moved.pose.matrix, atol=1e-9):
            self.ask()
        if session.moved.loaded.predictor is None:
            warn(
                f"The weights of {session.models[0].name} that made these numbers are not here: they are shown as "
                f"they were saved, and motions ask {settings.model}."
            )

    def ask(self) -> None:
        """The networks, about the scan as it is now moved."""
        self.jobs.move(self.shown.settings, self.shown.moved.loaded, self.shown.pose)

    # ---- answers of the worker

    def _on_loaded(self, choice: scans.Sample | None, loaded: state.LoadedScan) -> None:
        self.shown.begin(loaded, self.page.models.first)
        self.page.show_scan(choice or loaded.scan, loaded.scan, state.translation_reach(loaded.scan))
        self.measuring.forget()
        self.drawing.draw()
        settings = self.shown.settings
        self.memory.forget(settings)
        if self._asked is not None:
            asked, self._asked = self._asked, None
            self.recall(asked)
        elif settings.model != self.page.models.first or settings.beside == "model":
            self.ask()

    def _on_moved(self, model: str, moved: state.Moved) -> None:
        shown = self.shown
        if not shown.is_of(moved.loaded) or model != shown.settings.model:
            return  # of a scan or a model that is gone
        mark("answer taken")
        if moved.loaded.predictor is not shown.moved.loaded.predictor:
            shown.forget_moves()
            self.measuring.forget()
        shown.take(moved, model)
        self.drawing.draw()
        mark("answer sent")

    def _on_second(self, model: str, moved: state.Moved) -> None:
        settings = self.shown.settings
        if settings.beside == "model" and model == settings.second and self.shown.is_of(moved.loaded):
            self.shown.second = moved
            self.drawing.draw()

    def _on_failure(self, _, error: Exception) -> None:
        text = notify(error)
        if self.shown.moved is None:
            self.page.view.message = text
            return
        self.page.show_choice()
        if isinstance(error, CheckpointError):
            self.comparing.keep()

    def _on_busy(self) -> None:
        self.page.busy.object = readouts.busy(self.working)
        self.drawing.tell()

    # ---- what a person does

    def _begin(self) -> None:
        """With the scan and the settings of the page's address, if it has any."""
        scan = None
        try:
            scan, self._asked = addressed()
        except FacevizError as error:
            notify(error, "the address of this page")
        self._on_sample(self.page.samples.get(scan, self.page.sample.value))

    def _load(self, sample: scans.Sample) -> None:
        self.jobs.load(sample, self.page.models.first, partial(scans.read_sample, sample))

    def _on_sample(self, sample: scans.Sample) -> None:
        if self.shown.moved is None or sample is not self.page.choice:
            self._load(sample)

    def _on_upload(self, event) -> None:
        for name, content in list(event.new.items())[-1:]:
            if sessions.is_session(name, content):
                self.jobs.restore(name, content)
            else:
                self.jobs.load(None, self.page.models.first, partial(scans.read_upload, name, content))
        self.page.new_drop(self._on_upload)

    def _on_pose(self, rotation_deg: Triple, translation: Triple) -> None:
        mark("move taken")
        if self._recalling:
            return
        self.shown.choose(rotation_deg=rotation_deg, translation=translation)
        if self.shown.moved is not None:
            self.page.view.move(self.shown.pose)
            self.ask()
            mark("move sent")

    def _on_random(self) -> None:
        if self.shown.moved is not None:
            self.page.pose.set(**state.random_motion(self.shown.moved.loaded.scan, self._rng))

    def _on_protocol(self, protocol: str) -> None:
        if not self._recalling:
            self.comparing.measure_by(protocol)

    def _on_path(self, path: str) -> None:
        if path.strip():
            self.jobs.open(path.strip())

    def _choose(self, landmark: int) -> None:
        """The one selection: of the picture, the table and the chooser."""
        self.page.landmark.value = landmark

    def _change(self, **changes) -> None:
        if self._recalling:
            return
        self.shown.choose(**changes)
        self.drawing.draw()

    def _landmarks_file(self) -> io.StringIO:
        moved = self.shown.moved
        if moved is None:
            return io.StringIO("{}")
        stem = PurePath(moved.loaded.scan.source).stem or "scan"
        self.page.download.filename = f"{stem}.landmarks.json"
        return io.StringIO(json.dumps(state.landmarks_document(moved, moved.loaded.model), indent=1))
