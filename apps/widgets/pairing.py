"""The comparison tab at work: two scans are read in the worker, then compared at once whenever a choice changes."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from functools import partial

import panel as pn

from faceviz.display import state
from faceviz.display.comparison import Pair, pair_scene
from faceviz.display.latest import LatestOnly
from faceviz.display.settings import Settings
from faceviz.scan import FaceScan
from widgets import readouts, scans
from widgets.engine import MODEL, WORKER, later, predictor
from widgets.notices import notify
from widgets.page import ALL
from widgets.pair_page import PairPage


class CompareApp:
    """One person's comparison tab, a section of the page's frame; nothing is read before it is opened."""

    def __init__(self) -> None:
        self.page = PairPage(self._choose)
        self.settings = Settings()
        self.pair: Pair | None = None
        self._loaded: list[state.LoadedScan | None] = [None, None]
        fail, busy = later(self._on_failure), later(self._on_busy)
        self._loads = tuple(
            LatestOnly(WORKER, _load, later(partial(self._on_loaded, which)), fail, busy=busy)
            for which in range(2)
        )
        self._pairs = LatestOnly(WORKER, _compare, later(self._on_pair), fail, busy=busy)
        self.header, self.main = self.page.header, self.page.main
        self._wire()

    def _wire(self) -> None:
        page = self.page
        for which, chooser in enumerate(page.choosers):
            chooser.param.watch(lambda e, which=which: self._on_sample(which, e.new), "value")
            page.new_drop(which, partial(self._on_upload, which))
        page.align.param.watch(lambda _: self._compare(), "value")
        page.shade.param.watch(lambda _: self._compare(), "value")
        page.body.param.watch(lambda e: self._change(body=e.new), "value")
        page.colormap.param.watch(lambda e: self._change(colormap=e.new), "value")
        page.landmark.param.watch(lambda e: self._change(landmark=None if e.new == ALL else e.new), "value")
        page.view.param.watch(lambda _: self._choose(page.view.selected), "clicks")
        page.download.callback = self._file

    @property
    def working(self) -> bool:
        return any(job.working for job in (*self._loads, self._pairs))

    def darken(self, dark: bool) -> None:
        self._change(dark=dark)

    def sidebar(self) -> pn.viewable.Viewable:
        """When it is asked for, the tab is opened: the two samples are read."""
        self.page.view.message = "Reading two scans\u2026"
        for which, chooser in enumerate(self.page.choosers):
            if self._loaded[which] is None:
                self._on_sample(which, chooser.value)
        return self.page.sidebar()

    def _on_sample(self, which: int, sample: scans.Sample) -> None:
        loaded = self._loaded[which]
        if loaded is None or sample is not loaded.scan:
            self._loads[which].submit((False, partial(scans.read_sample, sample)))

    def _on_upload(self, which: int, event) -> None:
        for name, content in list(event.new.items())[-1:]:
            self._loads[which].submit((True, partial(scans.read_upload, name, content)))
        self.page.new_drop(which, partial(self._on_upload, which))

    def _on_loaded(self, which: int, job: tuple[bool, Callable], loaded: state.LoadedScan) -> None:
        self._loaded[which] = loaded
        if job[0]:
            self.page.name(which, loaded.scan)
        self._compare()

    def _compare(self) -> None:
        first, second = self._loaded
        if first is not None and second is not None:
            self._pairs.submit(
                (first, second, self.page.align.value, self.page.shade.value, self.settings.body)
            )

    def _on_pair(self, _: tuple, pair: Pair) -> None:
        self.pair = pair
        self._draw()

    def _on_failure(self, _, error: Exception) -> None:
        text = notify(error)
        if self.pair is None:
            self.page.view.message = text

    def _on_busy(self) -> None:
        self.page.busy.object = readouts.busy(self.working)

    def _choose(self, landmark: int) -> None:
        self.page.landmark.value = landmark

    def _change(self, **changes) -> None:
        self.settings = self.settings.with_(**changes)
        if "body" in changes:
            self._compare()
        else:
            self._draw()

    def _draw(self) -> None:
        if self.pair is None:
            return
        self.page.view.message = ""
        self.page.view.show(pair_scene(self.pair, self.settings, self.page.shade.value))
        self.page.show(self.pair.comparison, self.settings.landmark)

    def _file(self) -> io.StringIO:
        if self.pair is None:
            return io.StringIO("{}")
        content = {
            "first": self.pair.first.scan.source,
            "second": self.pair.second.scan.source,
            "model": self.pair.first.model,
            **self.pair.comparison.to_dict(),
        }
        return io.StringIO(json.dumps(content, indent=1))


def _load(job: tuple[bool, Callable[[], FaceScan]]) -> state.LoadedScan:
    """The job says whether it was dropped, and how it is read."""
    return state.load(predictor(MODEL), job[1]())


def _compare(job: tuple) -> Pair:
    """With the distances, if they are to be shown: they take longest."""
    first, second, align, shade, body = job
    pair = Pair.of(first, second, align)
    if shade == "distance":
        pair.distances(body)
    return pair
