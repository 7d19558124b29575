from __future__ import annotations

import pytest

from faceviz.io.frames import open_frames
from faceviz.reconstruct import FaceReconstructor
from tests.apps.desktop.hand import Camera, Finder, Hand, network
from tests.virtual_display import desktop_application


@pytest.fixture(scope="session")
def qapp():
    """One application, on a real or virtual screen."""
    return desktop_application()


@pytest.fixture
def made(qtbot, monkeypatch):
    """Makes windows, and closes them."""
    hands = []

    def make(source="camera:0", *, truth=None, load=None, open=None, camera=None, **options):
        from desktop.window import ReconstructWindow, Setup

        camera, finder = camera or Camera(), Finder()
        load = load or (lambda quick: FaceReconstructor(network(), detector=finder, live=quick, device="cpu"))
        opener = open or (lambda s: camera.open(s) if s.startswith("camera:") else open_frames(s))
        window = ReconstructWindow(
            Setup(source, load, None if truth is None else lambda: truth, opener), **options
        )
        window.show()
        window.activateWindow()
        qtbot.waitActive(window, timeout=10_000)
        hands.append(Hand(qtbot, window, camera, finder))
        return hands[-1]

    yield make
    for hand in hands:
        hand.finder.gate.set()
        hand.window.close()


@pytest.fixture
def hand(made):
    """A hand on a window with a good camera, at work."""
    hand = made()
    hand.see()
    return hand


@pytest.fixture
def save_as(monkeypatch):
    """What the person answers where a file is asked for."""
    from qtpy.QtWidgets import QFileDialog

    def answer(path, kind=""):
        monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), kind))

    return answer
