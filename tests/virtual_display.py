"""A screen for tests of windows: the one there is, else an Xvfb of our own."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

APPS = Path(__file__).parents[1] / "apps"
IN_CI = os.environ.get("CI", "").lower() in ("1", "true")


def ensure_display() -> subprocess.Popen | None:
    """Sets DISPLAY; our Xvfb, if one was needed. It ends by itself when the last program that used it does."""
    if os.environ.get("DISPLAY"):
        return None
    server = shutil.which("Xvfb")
    if server is None:
        assert not IN_CI, "no Xvfb found; install it: apt-get install -y xvfb"
        pytest.skip("no screen, and no Xvfb is installed (apt-get install xvfb)")
    reading, writing = os.pipe()
    started = subprocess.Popen(
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
    return started


def desktop_application():
    """The QApplication of the desktop program, on a screen."""
    pytest.importorskip("PySide6")
    server = ensure_display()
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.syspath_prepend(str(APPS))
            from desktop.application import make_application
        return make_application()
    except BaseException:
        if server is not None:
            server.kill()
        raise
