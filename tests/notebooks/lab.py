"""A JupyterLab of its own, and hands on a notebook in it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.browser.conftest import free_port, wait_for
from tests.browser.driver import PATIENCE

_OPTIONS = (
    "--no-browser", "--allow-root", "--ServerApp.ip=127.0.0.1", "--IdentityProvider.token=",
    "--ServerApp.password=", "--LabApp.news_url=None",
    "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate", "--ServerApp.terminals_enabled=False",
)  # fmt: skip
_FOLDERS = (
    "JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_DATA_DIR", "JUPYTERLAB_SETTINGS_DIR",
    "JUPYTERLAB_WORKSPACES_DIR", "IPYTHONDIR",
)  # fmt: skip


@contextmanager
def jupyterlab(folder: Path, *notebooks: Path, dark: bool = False) -> Iterator[str]:
    """The address of a server that shows copies of the notebooks and nothing of this machine's settings."""
    desk = folder / "desk"
    desk.mkdir(parents=True)
    for notebook in notebooks:
        shutil.copy(notebook, desk)
    _choose(folder / "jupyterlab_settings_dir" / "@jupyterlab" / "apputils-extension", dark)
    port, log = free_port(), folder / "log.txt"
    environment = {**os.environ, **{name: str(folder / name.lower()) for name in _FOLDERS}}
    command = [
        sys.executable,
        "-m",
        "jupyterlab",
        f"--port={port}",
        f"--ServerApp.root_dir={desk}",
        *_OPTIONS,
    ]
    with log.open("w") as output:
        server = subprocess.Popen(command, cwd=desk, env=environment, stdout=output, stderr=output)
    try:
        address = f"http://127.0.0.1:{port}/lab"
        wait_for(address, server, log)
        yield address
    finally:
        server.terminate()
        try:
            server.wait(timeout=20)
        except subprocess.TimeoutExpired:
            server.kill()


def _choose(folder: Path, dark: bool) -> None:
    """No news, which would be fetched; the theme."""
    folder.mkdir(parents=True)
    settings = {
        "notification": {"fetchNews": "false", "checkForUpdates": False, "doNotDisturbMode": True},
        "themes": {"theme": "JupyterLab Dark" if dark else "JupyterLab Light"},
    }
    for name, values in settings.items():
        (folder / f"{name}.jupyterlab-settings").write_text(json.dumps(values))


class NotebookPage:
    """One open notebook.

    Args:
        page: of a browser.
        address: of the server.
        name: of the notebook's file.
    """

    def __init__(self, page, address: str, name: str) -> None:
        self.page = page
        page.set_default_timeout(PATIENCE)
        # Extensions of other packages may ask for a build, in a dialog that hides the notebook.
        page.route("**/lab/api/build*", lambda route: route.fulfill(json={"status": "stable", "message": ""}))
        page.goto(f"{address}/tree/{name}")
        page.locator(".jp-Cell").first.wait_for()
        page.get_by_text("| Idle").first.wait_for()  # the kernel is there, says the bar at the bottom

    def run(self, index: int) -> None:
        """Runs a code cell, counted from 0, and waits until it is done."""
        cell = self.page.locator(".jp-Notebook-cell").nth(index)
        prompt = cell.locator(".jp-InputPrompt")
        cell.locator(".cm-content").click()
        self.page.keyboard.press("Control+Enter")
        prompt.filter(has_text=re.compile(r"\[[*\d]+\]")).wait_for()
        prompt.filter(has_text=re.compile(r"\[\d+\]")).wait_for()

    def wait_for_canvas(self):
        """The viewer, once it has drawn."""
        self.page.locator(".fv[data-drawn]").wait_for()
        self.page.locator(".fv[data-still]").wait_for()
        return self.page.locator("canvas.gl")

    def slider(self, label: str):
        """The handle of a slider, by its description."""
        return self.page.locator(".widget-slider", has_text=label).get_by_role("slider")
