"""A screen for tests of windows: the one there is, else an Xvfb of our own."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

APPS = Path(__file__).parents[1] / "apps"
IN_CI = os.environ.get("CI", "").lower() in ("1", "true")


def ensure_display() -> None:
    """Sets DISPLAY. The Xvfb ends by itself when its last window's program does."""
    if os.environ.get("DISPLAY"):
        return
    server = shutil.which("Xvfb")
    if server is None:
        assert not IN_CI, "no Xvfb found; install it: apt-get install -y xvfb"
        pytest.skip("no screen, and no Xvfb is installed (apt-get install xvfb)")
    reading, writing = os.pipe()
    subprocess.Popen(
        [server, "-displayfd", str(writing), "-screen", "0", "1280x720x24", "-nolisten", "tcp", "-terminate"],
        pass_fds=[writing],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(writing)
    with os.fdopen(reading) as answer:
        number = answer.readline().strip()
    assert number, "Xvfb did not start"
    os.environ["DISPLAY"] = f":{number}"


def desktop_application():
    """The QApplication of the desktop program, on a screen."""
    pytest.importorskip("PySide6")
    ensure_display()
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(APPS))
        from desktop.application import make_application
    return make_application()
