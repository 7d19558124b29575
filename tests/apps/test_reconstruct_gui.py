from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from faceviz import assets
from faceviz.io.weights import save_weights
from tests.apps.desktop.hand import SETTINGS, as_array, differ, network
from tests.virtual_display import desktop_application


@pytest.fixture(scope="session")
def qapp():
    """One application, on a real or virtual screen."""
    return desktop_application()


@pytest.fixture
def model(tmp_path):
    save_weights(
        tmp_path / "tiny", network().state_dict(), {"architecture": "faceviz-stream", "network": SETTINGS}
    )
    return str(tmp_path / "tiny")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model", "nowhere"], "no model named 'nowhere'"),
        (["--model", "{model}", "--source", "nowhere"], "nowhere: does not exist"),
        (["--model", "{model}", "--truth", "nowhere"], "nowhere: is no file"),
    ],
)
def test_what_cannot_begin_is_one_line_and_exit_code_2(qapp, capsys, model, arguments, message):
    import reconstruct_gui

    assert reconstruct_gui.main([a.replace("{model}", model) for a in arguments]) == 2
    said = capsys.readouterr().err
    assert message in said and said.count("\n") == 1 and said.startswith("error: ")


def test_without_qt_the_extra_is_named(capsys, monkeypatch):
    import reconstruct_gui

    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *a: None if name == "PySide6" else find(name, *a)
    )
    assert reconstruct_gui.main([]) == 2
    assert 'pip install "faceviz[desktop]"' in capsys.readouterr().err


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems always have a screen")
def test_without_a_screen_it_says_so(capsys, monkeypatch):
    import reconstruct_gui

    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    assert reconstruct_gui.main([]) == 2
    assert "there is no screen" in capsys.readouterr().err


@pytest.mark.slow
def test_the_program_runs_on_its_own_and_ends_when_asked(qapp, model):
    program = Path("apps/reconstruct_gui.py").resolve()
    child = subprocess.Popen(
        [sys.executable, str(program), "--model", model, "--source", str(assets.path("sequences/sample"))],
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        seen = _screen_changes(qapp, 150)
        child.send_signal(signal.SIGINT)
        _, said = child.communicate(timeout=60)
    finally:
        child.kill()
    assert seen and child.returncode == 0, said
    assert "Traceback" not in said


def _screen_changes(qapp, seconds):
    """Waits until a window covers a good part of the screen."""
    before, end = _screen(qapp), time.monotonic() + seconds
    while time.monotonic() < end:
        if differ(before, _screen(qapp)) > 0.2:
            return True
        time.sleep(0.2)
    return False


def _screen(qapp):
    qapp.processEvents()
    return as_array(qapp.primaryScreen().grabWindow(0).toImage())
