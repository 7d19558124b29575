"""Faces in 3D, live in the browser: ``panel serve apps/landmarks.py``. One file of ``widgets`` a purpose."""

from __future__ import annotations

import panel as pn
from widgets.controller import LandmarksApp
from widgets.frame import Frame

pn.extension("tabulator", "filedropper", notifications=True)


def page() -> Frame:
    """The page of one person; a further tab is one more section of this list."""
    return Frame([LandmarksApp()])


if pn.state.served:
    page().template().servable()
