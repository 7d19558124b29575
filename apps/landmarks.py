"""Faces in 3D, live in the browser: ``panel serve apps/landmarks.py``. One file of ``widgets`` a purpose."""

from __future__ import annotations

import panel as pn
from widgets.batching import BatchApp
from widgets.controller import LandmarksApp
from widgets.engine import forget_when_gone
from widgets.frame import Frame
from widgets.pairing import CompareApp
from widgets.reconstructing import ReconstructApp
from widgets.serving import admit, full_page

from faceviz.scan import FaceScan

pn.extension("tabulator", "filedropper", notifications=True, reconnect=True)


def page() -> Frame:
    """The page of one person; a further tab is one more section of this list."""
    landmarks = LandmarksApp()

    def show_landmarks(scan: FaceScan) -> None:
        landmarks.show_scan(scan)
        frame.open(landmarks.title)

    frame = Frame([landmarks, CompareApp(), ReconstructApp(show_landmarks), BatchApp()])
    frame.help.param.watch(lambda _: landmarks.memory.back(), "undo")
    frame.help.param.watch(lambda _: landmarks.memory.forward(), "redo")
    return frame


if pn.state.served:
    if admit():
        forget_when_gone()
        page().template().servable()
    else:
        full_page().servable(title="faceviz")
