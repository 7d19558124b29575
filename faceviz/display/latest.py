"""Work that follows a moving input: the latest value wins, one job at a time, never a queue."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")


class LatestOnly(Generic[T, R]):
    """Runs ``run(value)`` in an executor for the newest value submitted; values that came in between are dropped.

    Args:
        executor: where the work runs; one with a single worker, shared, keeps heavy work from running twice at once.
        run: the work.
        deliver: called in the worker's thread with the value and its result.
        fail: called likewise with the value and the error.
        busy: called when ``working`` has become true or false.
    """

    def __init__(
        self,
        executor: Executor,
        run: Callable[[T], R],
        deliver: Callable[[T, R], None],
        fail: Callable[[T, Exception], None],
        *,
        busy: Callable[[], None] = lambda: None,
    ) -> None:
        self._executor, self._run, self._deliver, self._fail, self._busy = executor, run, deliver, fail, busy
        self._lock = threading.Lock()
        self._waiting: list[T] = []  # at most one
        self.working = False  # is a job running, or waiting for its turn?

    def submit(self, value: T) -> None:
        """Take a new value in place of the one that waits."""
        with self._lock:
            self._waiting = [value]
            if self.working:
                return
            self.working = True
        self._busy()
        try:
            self._executor.submit(self._work)
        except Exception as error:  # overloaded
            self._give_up(value, error)

    def _give_up(self, value: T, error: Exception) -> None:
        with self._lock:
            self._waiting, self.working = [], False
        self._fail(value, error)
        self._busy()

    def _work(self) -> None:
        """One job; what waits goes to the end of the executor's line, so that others get their turn."""
        with self._lock:
            value, self._waiting = self._waiting[0], []
        try:
            self._deliver(value, self._run(value))
        except Exception as error:
            self._fail(value, error)
        with self._lock:
            again = self.working = bool(self._waiting)
        if again:
            self._executor.submit(self._work)
        else:
            self._busy()


class Stepwise(Generic[R]):
    """Long work in steps, each a job of its own, so that other work gets its turn between two; can be cancelled.

    Args:
        executor: where the steps run.
        deliver: called in the worker's thread with what a step gave.
        end: called in the worker's thread once, with the error or None, after the last step; not after ``cancel``.
    """

    def __init__(
        self, executor: Executor, deliver: Callable[[R], None], end: Callable[[Exception | None], None]
    ) -> None:
        self._executor, self._deliver, self._end = executor, deliver, end
        self._steps: Iterator[R] | None = None

    @property
    def working(self) -> bool:
        return self._steps is not None

    def start(self, begin: Callable[[], Iterator[R]]) -> None:
        """Begins anew; ``begin`` is called in the worker, since it may be heavy too."""
        self._steps = steps = _lazily(begin)
        try:
            self._executor.submit(self._step, steps)
        except Exception as error:  # overloaded
            self._finish(steps, error)

    def cancel(self) -> None:
        """No further step, and no further word."""
        self._steps = None

    def _step(self, steps: Iterator[R]) -> None:
        if steps is not self._steps:
            return
        try:
            result = next(steps)
        except StopIteration:
            self._finish(steps, None)
        except Exception as error:
            self._finish(steps, error)
        else:
            if steps is self._steps:
                self._deliver(result)
                self._executor.submit(self._step, steps)

    def _finish(self, steps: Iterator[R], error: Exception | None) -> None:
        if steps is self._steps:
            self._steps = None
            self._end(error)


def _lazily(begin: Callable[[], Iterator[R]]) -> Iterator[R]:
    yield from begin()
