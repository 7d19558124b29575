"""One worker for many people: everybody's jobs in turn, and never more waiting than can be answered soon."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar

from faceviz.errors import FacevizError

MOST_WAITING, MOST_OF_ONE = 64, 16

P = ParamSpec("P")
T = TypeVar("T")


class OverloadError(FacevizError):
    """More jobs wait than can be answered soon."""


class FairTurns(Executor):
    """An executor with one thread that goes round the people who have jobs waiting, one job each.

    A job that asks for another, such as the next step of a long work, does so for the one whose job it is.

    Args:
        whose: called where a job is submitted from outside; what tells one person from another.
        most_waiting: jobs of all; further ones are refused.
        most_of_one: jobs of one person.
        name: of the thread.
    """

    def __init__(
        self,
        whose: Callable[[], Hashable] = lambda: None,
        *,
        most_waiting: int = MOST_WAITING,
        most_of_one: int = MOST_OF_ONE,
        name: str = "worker",
    ) -> None:
        self._whose, self._most, self._most_of_one = whose, most_waiting, most_of_one
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)
        self._lock = threading.Lock()
        self._lines: OrderedDict[Hashable, deque[tuple[Future[Any], Callable[[], Any]]]] = OrderedDict()
        self._now = threading.local()

    @property
    def waiting(self) -> int:
        """How many jobs wait for their turn."""
        with self._lock:
            return sum(map(len, self._lines.values()))

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """
        Raises:
            OverloadError: too many jobs wait.
        """
        inside = getattr(self._now, "working", False)
        key = self._now.key if inside else self._whose()
        future: Future[T] = Future()
        with self._lock:
            line = self._lines.get(key, ())
            total = sum(map(len, self._lines.values()))
            if not inside and (total >= self._most or len(line) >= self._most_of_one):
                raise OverloadError(f"the server is busy ({total} jobs wait); try again in a moment")
            self._lines.setdefault(key, deque()).append((future, lambda: fn(*args, **kwargs)))
        self._pool.submit(self._next)
        return future

    def forget(self, key: Hashable) -> None:
        """The waiting jobs of somebody who has gone."""
        with self._lock:
            gone = self._lines.pop(key, ())
        for future, _ in gone:
            future.cancel()

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self._pool.shutdown(wait, cancel_futures=cancel_futures)

    def _next(self) -> None:
        """In the worker: one job of whoever has waited longest since his last one."""
        with self._lock:
            if not self._lines:
                return  # all were forgotten
            key, line = self._lines.popitem(last=False)
            future, job = line.popleft()
            if line:
                self._lines[key] = line
        if not future.set_running_or_notify_cancel():
            return
        self._now.working, self._now.key = True, key
        try:
            future.set_result(job())
        except BaseException as error:
            future.set_exception(error)
        finally:
            self._now.working, self._now.key = False, None
