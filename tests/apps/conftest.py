from __future__ import annotations

import time
from pathlib import Path

import pytest

APPS = Path(__file__).parents[2] / "apps"


@pytest.fixture(autouse=True)
def apps_can_be_imported(monkeypatch):
    """As `panel serve apps/landmarks.py` finds them: the app's own folder comes first."""
    monkeypatch.syspath_prepend(str(APPS))


@pytest.fixture
def notices(monkeypatch):
    """What the page would say in a notification."""
    import panel as pn

    said = []

    class Area:
        def error(self, text, duration=0):
            said.append(text)

        warning = error

    monkeypatch.setattr(type(pn.state), "notifications", property(lambda _: Area()))
    return said


@pytest.fixture
def predictor():
    from tests.truthful import TruthfulPredictor

    return TruthfulPredictor()


class Hand:
    """What a person does to the page, each deed until the page has come to rest."""

    def __init__(self, app) -> None:
        self.app = app

    def settle(self) -> None:
        """Until nothing is at work, and what the last job had to say is on the page."""
        from widgets.engine import WORKER

        end = time.monotonic() + 30
        while self.app.working:
            assert time.monotonic() < end, "the page does not come to rest"
            time.sleep(0.005)
        WORKER.submit(lambda: None).result(timeout=30)

    def turn(self, *values: float) -> None:
        self.app.page.pose.sliders.values = list(values)
        self.settle()

    def drop(self, name: str, content: bytes | str) -> None:
        self.app.page.drop[0].value = {name: content}
        self.settle()


@pytest.fixture
def hand(predictor, notices, monkeypatch):
    """A hand on the page, without a browser; its first scan is shown. The predictor knows the truth."""
    from widgets import jobs, sessions
    from widgets.controller import LandmarksApp
    from widgets.frame import Frame

    for module in (jobs, sessions):
        monkeypatch.setattr(module, "predictor", lambda _: predictor)
    app = LandmarksApp()
    Frame({"Landmarks": lambda: app}).template()
    hand = Hand(app)
    hand.settle()
    yield hand
    hand.settle()


@pytest.fixture
def app(hand):
    return hand.app
