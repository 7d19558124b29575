"""Work that follows a moving input: the latest value wins, one job at a time, never a queue."""

from __future__ import annotations

import threading
from collections.abc import Callable
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
        self._executor.submit(self._work)

    def _work(self) -> None:
        """One job; what waits goes to the end of the executor's line, so that others get their turn."""
        with self._lock:
            value, self._waiting = self._waiting[0], []
        try:
            result = self._run(value)
        except Exception as error:
            self._fail(value, error)
        else:
            self._deliver(value, result)
        with self._lock:
            again = self.working = bool(self._waiting)
        if again:
            self._executor.submit(self._work)
        else:
            self._busy()
