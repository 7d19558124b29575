"""What the landmarks tab asks the worker for: scans, motions, and models by their path."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from faceviz.display import state
from faceviz.display.latest import LatestOnly
from faceviz.display.session import Session
from faceviz.display.settings import Settings
from faceviz.geometry.transforms import RigidTransform
from faceviz.scan import FaceScan
from widgets import sessions
from widgets.engine import WORKER, later, predictor
from widgets.trace import mark


class Jobs:
    """Of each kind the latest wins; answers come in the page's own thread.

    Args:
        loaded: called with what was asked for, and the scan.
        moved, second: called with the model's name, and its answer.
        opened: called with the path of a model that proved to be one.
        restored: called with a session that was read.
        failed: called with what was asked for, and the error.
        changed: called when ``working`` has become true or false.
    """

    def __init__(
        self,
        *,
        loaded: Callable[[Any, state.LoadedScan], None],
        moved: Callable[[str, state.Moved], None],
        second: Callable[[str, state.Moved], None],
        opened: Callable[[str], None],
        restored: Callable[[Session], None],
        failed: Callable[[object, Exception], None],
        changed: Callable[[], None],
    ) -> None:
        fail, busy = later(failed), later(changed)

        def latest(run: Callable, deliver: Callable) -> LatestOnly:
            return LatestOnly(WORKER, run, later(deliver), fail, busy=busy)

        self._loads = latest(_load, lambda job, answer: loaded(job[0], answer))
        self._moves = latest(_move, lambda job, answer: moved(job[0], answer))
        self._seconds = latest(_move, lambda job, answer: second(job[0], answer))
        self._folders = latest(lambda path: predictor(path), lambda path, _: opened(path))
        self._sessions = latest(lambda job: sessions.read_upload(*job), lambda _, answer: restored(answer))

    @property
    def working(self) -> bool:
        jobs = (self._loads, self._moves, self._seconds, self._folders, self._sessions)
        return any(job.working for job in jobs)

    @property
    def moving(self) -> bool:
        """Is a motion yet to be answered?"""
        return self._moves.working

    def load(self, choice: object, model: str, read: Callable[[], FaceScan]) -> None:
        """A scan: ``read`` is called in the worker; ``choice`` comes back with the answer."""
        self._loads.submit((choice, model, read))

    def move(self, settings: Settings, loaded: state.LoadedScan, pose: RigidTransform) -> None:
        """The networks, about a scan that is moved."""
        rest = (loaded, pose, settings.protocol)
        self._moves.submit((settings.model, *rest))
        if settings.beside == "model":
            self._seconds.submit((settings.second, *rest))

    def restore(self, name: str, content: bytes) -> None:
        """A session file."""
        self._sessions.submit((name, content))

    def open(self, path: str) -> None:
        """A model's folder or file."""
        self._folders.submit(path)


def _load(job: tuple[object, str, Callable[[], FaceScan]]) -> state.LoadedScan:
    _, model, read = job
    return state.load(predictor(model), read())


def _move(job: tuple[str, state.LoadedScan, RigidTransform, str]) -> state.Moved:
    mark("work begins")
    model, *rest = job
    moved = state.move(predictor(model), *rest)
    mark("work ends", **moved.prediction.seconds)
    return moved
