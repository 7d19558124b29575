"""The Qt application: made once, before any window."""

from __future__ import annotations

import importlib.util
import os
import sys

from faceviz.errors import FacevizError, MissingDependencyError

_NEEDED = ("PySide6", "qtpy", "pyvistaqt")


def check_desktop() -> None:
    """Whether a window can be opened here.

    Raises:
        MissingDependencyError: Qt is not installed.
        FacevizError: there is no screen.
    """
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise MissingDependencyError(
            f"the desktop program needs {' and '.join(missing)}; install it with: "
            'pip install "faceviz[desktop]"'
        )
    shown = any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"))
    if sys.platform.startswith("linux") and not shown:
        raise FacevizError(
            "there is no screen to open a window on; log in on a desktop, or run it on a virtual one: "
            "xvfb-run -a python apps/reconstruct_gui.py"
        )


def make_application():
    """The QApplication; the same one where it exists already."""
    os.environ.setdefault("QT_API", "pyside6")
    forget_plugins_of_opencv()
    from qtpy.QtWidgets import QApplication

    application = QApplication.instance() or QApplication(["faceviz"])
    application.setApplicationDisplayName("faceviz")
    application.setStyle("Fusion")
    return application


def forget_plugins_of_opencv() -> None:
    """OpenCV brings another Qt and points every program to the plugins of that; ours would not start with them."""
    import cv2  # sets the variables, now rather than later

    for name in ("QT_QPA_PLATFORM_PLUGIN_PATH", "QT_QPA_FONTDIR"):
        if os.path.dirname(cv2.__file__) in os.environ.get(name, ""):
            del os.environ[name]
