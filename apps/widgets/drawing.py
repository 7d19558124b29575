"""From what is shown to the landmarks tab: the picture follows the hand at once, the numbers follow the heat."""

from __future__ import annotations

from dataclasses import replace

from faceviz.display import state
from widgets import readouts
from widgets.doubts import doubts
from widgets.jobs import Jobs
from widgets.page import LandmarksPage
from widgets.shown import Shown


class Drawing:
    """Args:
    page: drawn on.
    shown: what is to be drawn.
    jobs: while a motion is at work, the table waits.
    """

    def __init__(self, page: LandmarksPage, shown: Shown, jobs: Jobs) -> None:
        self._page, self._shown, self._jobs = page, shown, jobs
        self._untold, self._table = False, None

    def draw(self) -> None:
        shown = self._shown
        if shown.moved is None:
            return
        self._page.view.message = ""
        spec = state.moved_scene(shown.moved, shown.settings, shown.second)
        self._page.view.show(replace(spec, pose=shown.pose))
        self._untold = True
        self.tell()

    def tell(self) -> None:
        """The numbers, once the picture is on the screen; the table, once nothing is at work any more."""
        page, shown = self._page, self._shown
        if shown.moved is None or page.view.behind:
            return
        page.meter.object = readouts.meter(shown.moved.change, shown.worst, shown.moves)
        page.time.object = readouts.inference(shown.moved)
        if self._untold and not self._jobs.moving:
            self._untold = False
            self._tell_landmarks()
            self.trace()
            self._remember()

    def trace(self) -> None:
        """The layers' errors or the bars, while their tab is open."""
        if self._shown.moved is not None and self._page.tabs.active == 1:
            self._page.measuring.trace()
        if self._table is not None and self._page.tabs.active == 3:
            self._page.bars.show(self._table, self._shown.settings.landmark)

    def _tell_landmarks(self) -> None:
        page, shown, threshold = self._page, self._shown, self._shown.settings.threshold
        table = state.moved_table(shown.moved, threshold)
        page.table.show(table, shown.settings.landmark)
        self._table = table
        page.doubts.object = doubts(table)
        page.iou.object, page.error.object = readouts.iou(table, threshold), readouts.error(table)
        curve = state.moved_curve(shown.moved)
        page.curve.object = "" if curve is None else readouts.curve(*curve, threshold, table.mean_iou)

    def _remember(self) -> None:
        titles = {id(sample): title for title, sample in self._page.samples.items()}
        self._page.memory.keep(self._shown.settings, titles.get(id(self._page.choice), ""))
