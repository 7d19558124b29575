from __future__ import annotations

import threading
import time

import pytest

from faceviz.display.latest import LatestOnly, Stepwise
from faceviz.display.turns import FairTurns, OverloadError


class Person:
    """Who asks, for ``FairTurns``."""

    def __init__(self) -> None:
        self.name = "nobody"

    def __call__(self) -> str:
        return self.name


@pytest.fixture
def person():
    return Person()


@pytest.fixture
def turns(person):
    turns = FairTurns(person, most_waiting=12, most_of_one=5)
    yield turns
    turns.shutdown()


@pytest.fixture
def hold(turns):
    """Keeps the worker busy until it is called; then waits until nothing is left to do."""
    gate, begun = threading.Event(), threading.Event()

    def wait() -> None:
        begun.set()
        gate.wait(10)

    turns.submit(wait)
    assert begun.wait(10)

    def release() -> None:
        gate.set()
        turns.submit(lambda: None).result(timeout=10)

    return release


def test_a_job_gives_its_result_or_its_error(turns):
    assert turns.submit(pow, 2, 5).result(timeout=10) == 32
    with pytest.raises(ZeroDivisionError):
        turns.submit(lambda: 1 / 0).result(timeout=10)
    assert turns.submit(lambda: "still at work").result(timeout=10) == "still at work"


def test_people_take_turns_however_many_jobs_one_of_them_has(turns, person, hold):
    done = []
    for name, count in (("Ada", 4), ("Bea", 2), ("Cleo", 1)):
        person.name = name
        for number in range(count):
            turns.submit(done.append, f"{name} {number}")
    person.name = "last"
    hold()
    assert done == ["Ada 0", "Bea 0", "Cleo 0", "Ada 1", "Bea 1", "Ada 2", "Ada 3"]


def test_the_next_step_of_a_long_work_belongs_to_the_one_who_began_it(turns, person, hold):
    done = []
    ended = threading.Event()
    person.name = "Ada"
    Stepwise(turns, done.append, lambda _: ended.set()).start(lambda: iter(range(3)))
    person.name = "Bea"
    for number in range(3):
        turns.submit(done.append, f"Bea {number}")
    person.name = "last"
    hold()
    assert ended.wait(10)
    assert done == [0, "Bea 0", 1, "Bea 1", 2, "Bea 2"]


def test_what_one_may_have_waiting_is_bounded_and_others_still_get_in(turns, person, hold):
    person.name = "Ada"
    for _ in range(5):
        turns.submit(lambda: None)
    with pytest.raises(OverloadError, match="5 jobs wait.; try again in a moment"):
        turns.submit(lambda: None)
    person.name = "Bea"
    turns.submit(lambda: None)
    assert turns.waiting == 6
    hold()
    assert turns.waiting == 0


def test_what_all_may_have_waiting_is_bounded(turns, person, hold):
    for number in range(12):
        person.name = str(number)
        turns.submit(lambda: None)
    person.name = "one too many"
    with pytest.raises(OverloadError, match="12 jobs wait"):
        turns.submit(lambda: None)
    turns.forget("3")
    person.name = "last"
    hold()


def test_the_jobs_of_somebody_who_has_gone_are_not_done(turns, person, hold):
    done = []
    person.name = "gone"
    job = turns.submit(done.append, "gone")
    person.name = "here"
    turns.submit(done.append, "here")
    turns.forget("gone")
    hold()
    assert done == ["here"] and job.cancelled()


def test_a_latest_only_that_is_refused_says_so_and_can_try_again(turns, person, hold):
    failures, answers = [], []
    person.name = "Ada"
    jobs = [
        LatestOnly(turns, lambda v: v, lambda _, v: answers.append(v), lambda _, e: failures.append(e))
        for _ in range(6)
    ]
    for job in jobs:
        job.submit(1)
    assert len(failures) == 1 and isinstance(failures[0], OverloadError)
    assert not jobs[5].working
    person.name = "last"
    hold()
    assert answers == [1] * 5
    person.name = "Ada"
    jobs[5].submit(2)
    end = time.monotonic() + 10
    while len(answers) < 6 and time.monotonic() < end:
        time.sleep(0.01)
    assert answers[5] == 2


def test_a_long_work_that_is_refused_ends_with_the_error(turns, person, hold):
    person.name = "Ada"
    for _ in range(5):
        turns.submit(lambda: None)
    ended = []
    work = Stepwise(turns, lambda _: None, ended.append)
    work.start(lambda: iter(range(3)))
    assert isinstance(ended[0], OverloadError) and not work.working
    person.name = "last"
    hold()
