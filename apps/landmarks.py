"""Faces in 3D, live in the browser: ``panel serve apps/landmarks.py``. One file of ``widgets`` a purpose."""

from __future__ import annotations

import panel as pn
from widgets.controller import LandmarksApp
from widgets.engine import forget_when_gone, get_ready
from widgets.frame import Frame, Section
from widgets.messages import leave_none_behind
from widgets.serving import admit, full_page

from faceviz.scan import FaceScan

pn.extension("tabulator", "filedropper", notifications=True, reconnect=True)


def page() -> Frame:
    """The page of one person; a further tab is one more section of these, imported when it is first opened."""
    landmarks = LandmarksApp()

    def compare() -> Section:
        from widgets.pairing import CompareApp

        return CompareApp()

    def reconstruct() -> Section:
        from widgets.reconstructing import ReconstructApp

        return ReconstructApp(show_landmarks)

    def batch() -> Section:
        from widgets.batching import BatchApp

        return BatchApp()

    def show_landmarks(scan: FaceScan) -> None:
        landmarks.show_scan(scan)
        frame.open("Landmarks")

    frame = Frame(
        {"Landmarks": lambda: landmarks, "Compare": compare, "Reconstruct": reconstruct, "Batch": batch}
    )
    frame.help.param.watch(lambda _: landmarks.memory.back(), "undo")
    frame.help.param.watch(lambda _: landmarks.memory.forward(), "redo")
    return frame


if __name__.startswith("bokeh_app_"):  # as pn.state.served, which reads the source of every caller
    if admit():
        leave_none_behind()
        forget_when_gone()
        page().template().servable()
        get_ready()
    else:
        full_page().servable(title="faceviz")
