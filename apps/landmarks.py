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
from widgets.measuring import Measuring
from widgets.memory import Memory, addressed
from widgets.models import ModelChoosers
from widgets.page import ALL, LandmarksPage
from widgets.pose import PoseControls
from widgets.table import LandmarksTable
from widgets.trace import mark

from faceviz.display import state
from faceviz.display.latest import LatestOnly
from faceviz.display.settings import Settings, Triple
from faceviz.errors import CheckpointError, FacevizError
from faceviz.geometry.transforms import RigidTransform
from faceviz.scan import FaceScan

pn.extension("tabulator", "filedropper", notifications=True)


class LandmarksApp:
    """One session of the page."""

    def __init__(self) -> None:
        self.settings = Settings()
        self.moved: state.Moved | None = None
        self.second: state.Moved | None = None
        self.worst, self.moves = 0.0, 0
        self._untold = False
        self._rng = np.random.default_rng()
        fail, busy = later(self._on_failure), later(self._on_busy)
        self.measuring = Measuring(self._shown, self._on_failure, self._on_busy)
        self.page = LandmarksPage(
            PoseControls(self._on_pose, self._on_random),
            LandmarksTable(self._choose),
            models := ModelChoosers(self._on_models),
            self.measuring,
            memory := Memory(models.first, self._recall),
        )
        self.memory, self._recalling, self._asked = memory, False, None
        self._loads = LatestOnly(WORKER, self._load, later(self._on_loaded), fail, busy=busy)
        self._moves = LatestOnly(WORKER, _move, later(self._on_moved), fail, busy=busy)
        self._seconds = LatestOnly(WORKER, _move, later(self._on_second), fail, busy=busy)
        self._folders = LatestOnly(
            WORKER, lambda path: predictor(path), later(self._on_folder), fail, busy=busy
        )
        self.settings = self.settings.with_(model=self.page.models.first)
        self._model_shown = self.page.models.first
        self._wire()
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
        page.view.param.watch(lambda _: self._tell(), "drawn")
        page.shoot.on_click(lambda _: page.view.param.update(shoot=page.view.shoot + 1))
        page.download.callback = self._landmarks_file

    def template(self) -> pn.viewable.Viewable:
        template = self.page.template()
        self.page.tabs.param.watch(lambda _: self._trace(), "active")
        template.param.watch(lambda e: self._change(dark=e.new), "dark_theme")
        self.settings = self.settings.with_(dark=template.dark_theme)
        return template

    @property
    def working(self) -> bool:
        jobs = (self._loads, self._moves, self._seconds, self._folders, self.measuring)
        return any(job.working for job in jobs)

    # ---- in the worker's thread

    def _load(self, job: tuple[scans.Sample | None, Callable[[], FaceScan]]) -> state.LoadedScan:
        return state.load(predictor(self.page.models.first), job[1]())

    # ---- answers of the worker

    def _on_loaded(self, job, loaded: state.LoadedScan) -> None:
        self.moved, self.second, self.worst, self.moves = state.unmoved(loaded), None, 0.0, 0
        self._model_shown = self.page.models.first
        self.settings = self.settings.with_(rotation_deg=(0, 0, 0), translation=(0, 0, 0))
        self.page.show_scan(job[0] or loaded.scan, loaded.scan, state.translation_reach(loaded.scan))
        self.measuring.forget()
        self._draw()
        self.memory.forget(self.settings)
        if self._asked is not None:
            self._asked = self._recall(self._asked)
        elif self.settings.model != self.page.models.first or self.settings.beside == "model":
            self._ask()

    def _on_moved(self, job: tuple, moved: state.Moved) -> None:
        if moved.loaded.key != self.moved.loaded.key or job[0] != self.settings.model:
            return  # of a scan or a model that is gone
        mark("answer taken")
        if moved.loaded.predictor is not self.moved.loaded.predictor:
            self.worst, self.moves = 0.0, 0
            self.measuring.forget()
        self.moved, self._model_shown = moved, job[0]
        self.worst, self.moves = max(self.worst, moved.change), self.moves + 1
        self._draw()
        mark("answer sent")

    def _on_second(self, job: tuple, moved: state.Moved) -> None:
        if self.settings.beside == "model" and job[0] == self.settings.second:
            if moved.loaded.key == self.moved.loaded.key:
                self.second = moved
                self._draw()

    def _on_folder(self, path: str, _) -> None:
        self.page.models.folder.value = ""
        self.page.models.add(path)

    def _on_failure(self, _, error: Exception) -> None:
        if isinstance(error, FacevizError):
            text = str(error)
        else:
            logging.getLogger("faceviz.app").error("unexpected", exc_info=error)
            text = f"{type(error).__name__}: {error}; the server's log says more"
        pn.state.notifications.error(text, duration=12_000)
        if self.moved is None:
            self.page.view.message = text
            return
        self.page.show_choice()
        if isinstance(error, CheckpointError):
            self._keep_models()

    def _on_busy(self) -> None:
        self.page.busy.object = readouts.busy(self.working)
        self._tell()

    # ---- what a person does

    def _begin(self) -> None:
        """With the scan and the settings of the page's address, if it has any."""
        scan = None
        try:
            scan, self._asked = addressed()
        except FacevizError as error:
            pn.state.notifications.error(f"the address of this page: {error}", duration=12_000)
        self._on_sample(self.page.samples.get(scan, self.page.sample.value))

    def _recall(self, settings: Settings) -> None:
        """Settings from the history or the address; models that are not in the choosers are left out."""
        known = self.page.models.known.values()
        first = settings.model if settings.model in known else self.page.models.first
        if settings.beside == "model" and settings.second not in known:
            settings = settings.with_(beside="truth", second="")
        if settings.second != self.settings.second:
            self.second = None
        self.settings = settings.with_(model=first, dark=self.settings.dark)
        self._recalling = True
        try:
            self.page.show_settings(self.settings)
        finally:
            self._recalling = False
        if self.moved is not None:
            self._draw()
            self._ask()

    def _on_sample(self, sample: scans.Sample) -> None:
        if self.moved is None or sample is not self.page.choice:
            self._loads.submit((sample, partial(scans.read_sample, sample)))

    def _on_pose(self, rotation_deg: Triple, translation: Triple) -> None:
        mark("move taken")
        if self._recalling:
            return
        self.settings = self.settings.with_(rotation_deg=rotation_deg, translation=translation)
        if self.moved is not None:
            self.page.view.move(self._pose())
            self._ask()
            mark("move sent")

    def _ask(self) -> None:
        """The networks, about the scan as it is now moved."""
        rest = (self.moved.loaded, self._pose(), self.settings.protocol)
        self._moves.submit((self.settings.model, *rest))
        if self.settings.beside == "model":
            self._seconds.submit((self.settings.second, *rest))

    def _on_models(self, model: str, beside: str, second: str) -> None:
        before = self.settings
        self.settings = before.with_(model=model, beside=beside, second=second)
        if second != before.second:
            self.second = None
            self.measuring.forget()
        if self.moved is not None:
            self._draw()
            if model != before.model or (beside == "model" and self.second is None):
                self._ask()

    def _keep_models(self) -> None:
        """A model that could not be read leaves the choosers on those that are shown."""
        second = self.settings.second if self.second is not None else ""
        beside = self.settings.beside if second or self.settings.beside != "model" else "truth"
        self.settings = self.settings.with_(model=self._model_shown, beside=beside, second=second)
        self.page.models.show(self.settings.model, beside, second)

    def _on_protocol(self, protocol: str) -> None:
        if self._recalling:
            return
        self.settings = self.settings.with_(protocol=protocol)
        self.worst, self.moves = 0.0, 0
        if self.moved is not None:
            self._ask()

    def _on_path(self, path: str) -> None:
        if path.strip():
            self._folders.submit(path.strip())

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
        if self._recalling:
            return
        self.settings = self.settings.with_(**changes)
        self._draw()

    def _landmarks_file(self) -> io.StringIO:
        if self.moved is None:
            return io.StringIO("{}")
        stem = PurePath(self.moved.loaded.scan.source).stem or "scan"
        self.page.download.filename = f"{stem}.landmarks.json"
        return io.StringIO(
            json.dumps(state.landmarks_document(self.moved, self.moved.loaded.model), indent=1)
        )

    # ---- from state to page

    def _pose(self) -> RigidTransform:
        return self.settings.pose(self.moved.loaded.scan.centroid)

    def _draw(self) -> None:
        """The picture follows the hand at once, its heat follows the network, the numbers follow the heat."""
        if self.moved is None:
            return
        self.page.view.message = ""
        spec = state.moved_scene(self.moved, self.settings, self.second)
        self.page.view.show(replace(spec, pose=self._pose()))
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
            self._trace()
            self._remember()

    def _remember(self) -> None:
        titles = {id(sample): title for title, sample in self.page.samples.items()}
        self.memory.keep(self.settings, titles.get(id(self.page.choice), ""))

    def _trace(self) -> None:
        """While its tab is open."""
        if self.moved is not None and self.page.tabs.active == 1:
            self.measuring.trace()

    def _shown(self) -> list[state.Moved]:
        both = (self.moved, self.second if self.settings.beside == "model" else None)
        return [part for part in both if part is not None]

    def _tell_landmarks(self) -> None:
        page, threshold = self.page, self.settings.threshold
        table = state.moved_table(self.moved, threshold)
        page.table.show(table, self.settings.landmark)
        page.iou.object, page.error.object = readouts.iou(table, threshold), readouts.error(table)
        curve = state.moved_curve(self.moved)
        page.curve.object = "" if curve is None else readouts.curve(*curve, threshold, table.mean_iou)


def _move(job: tuple[str, state.LoadedScan, RigidTransform, str]) -> state.Moved:
    """In the worker's thread."""
    mark("work begins")
    model, *rest = job
    moved = state.move(predictor(model), *rest)
    mark("work ends", **moved.prediction.seconds)
    return moved


if pn.state.served:
    LandmarksApp().template().servable()
