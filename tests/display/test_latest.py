from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from faceviz.display.latest import LatestOnly, Stepwise


class Scene:
    """A worker whose jobs wait for a gate, and what came out."""

    def __init__(self, executor) -> None:
        self.gate = threading.Event()
        self.begun, self.done, self.failed, self.busy = [], [], [], []
        self.started = threading.Event()
        self.idle = threading.Event()
        self.latest = LatestOnly(executor, self.run, self.deliver, self.fail, busy=self.on_busy)

    def run(self, value):
        self.begun.append(value)
        self.started.set()
        assert self.gate.wait(10)
        if value == "bad":
            raise ValueError("bad")
        return 2 * value

    def deliver(self, value, result):
        if value == "refused":
            raise ValueError("refused")
        self.done.append((value, result))

    def fail(self, value, error):
        self.failed.append((value, str(error)))

    def on_busy(self):
        self.busy.append(self.latest.working)
        if not self.latest.working:
            self.idle.set()


@pytest.fixture
def work():
    with ThreadPoolExecutor(max_workers=1) as executor:
        yield Scene(executor)


def test_of_many_values_that_come_during_a_job_only_the_last_is_run(work):
    work.latest.submit(1)
    assert work.started.wait(10)
    for value in range(2, 50):
        work.latest.submit(value)
    work.gate.set()
    assert work.idle.wait(10)
    assert work.done == [(1, 2), (49, 98)]


def test_busy_is_told_once_at_each_end(work):
    work.latest.submit(1)
    assert work.started.wait(10)
    work.latest.submit(2)
    work.gate.set()
    assert work.idle.wait(10)
    assert work.busy == [True, False]


def test_a_result_that_cannot_be_delivered_is_reported_and_work_comes_to_rest(work):
    work.gate.set()
    work.latest.submit("refused")
    assert work.idle.wait(10)
    assert work.failed == [("refused", "refused")] and not work.latest.working


def test_a_job_that_fails_is_reported_and_the_next_one_runs(work):
    work.latest.submit("bad")
    assert work.started.wait(10)
    work.latest.submit(5)
    work.gate.set()
    assert work.idle.wait(10)
    assert work.failed == [("bad", "bad")]
    assert work.done == [(5, 10)]


def test_two_followers_of_one_worker_never_run_at_once():
    running, most, lock = 0, 0, threading.Lock()

    def run(value):
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        threading.Event().wait(0.01)
        with lock:
            running -= 1

    done = threading.Semaphore(0)
    with ThreadPoolExecutor(max_workers=1) as executor:
        both = [LatestOnly(executor, run, lambda *_: done.release(), lambda *_: None) for _ in range(2)]
        for value in range(5):
            for latest in both:
                latest.submit(value)
        assert all(done.acquire(timeout=10) for _ in range(2))  # of each, at least the last
    assert most == 1


def test_steps_are_delivered_one_by_one_and_the_end_is_told():
    seen, ended = [], threading.Event()
    with ThreadPoolExecutor(1) as executor:
        steps = Stepwise(executor, seen.append, lambda error: ended.set())
        steps.start(lambda: iter(range(5)))
        assert ended.wait(10)
    assert seen == [0, 1, 2, 3, 4] and not steps.working


def test_other_work_gets_its_turn_between_two_steps():
    seen, ended = [], threading.Event()
    with ThreadPoolExecutor(1) as executor:
        steps = Stepwise(executor, seen.append, lambda error: ended.set())

        def slow():
            for i in range(4):
                if i == 1:
                    executor.submit(seen.append, "other")
                yield i

        steps.start(slow)
        assert ended.wait(10)
    assert seen.index("other") < seen.index(3)


def test_a_cancelled_run_says_nothing_more():
    seen, ended, first = [], [], threading.Event()
    with ThreadPoolExecutor(1) as executor:
        steps = Stepwise(executor, seen.append, ended.append)

        def endless():
            while True:
                first.set()
                yield 1

        steps.start(endless)
        assert first.wait(10)
        steps.cancel()
        executor.submit(lambda: None).result(10)
        count = len(seen)
        executor.submit(lambda: None).result(10)
    assert len(seen) == count and ended == [] and not steps.working


def test_an_error_of_a_step_is_the_end_of_the_run():
    errors, ended = [], threading.Event()
    with ThreadPoolExecutor(1) as executor:
        steps = Stepwise(executor, lambda _: None, lambda error: (errors.append(error), ended.set()))
        steps.start(lambda: (1 / 0 for _ in range(3)))
        assert ended.wait(10)
    assert isinstance(errors[0], ZeroDivisionError)
