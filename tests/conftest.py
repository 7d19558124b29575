from __future__ import annotations

import os
import shutil
from pathlib import Path

os.environ.setdefault("DGLBACKEND", "pytorch")
os.environ.setdefault("VTK_DEFAULT_OPENGL_WINDOW", "vtkEGLRenderWindow")
os.environ.setdefault("MPLBACKEND", "agg")

import numpy as np
import pytest

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
IN_CI = os.environ.get("CI", "").lower() in ("1", "true")


def pytest_collection_modifyitems(items):
    no_shared = pytest.mark.skip(reason="FACEVIZ_SHARED is not set to a folder")
    no_browser = pytest.mark.skip(reason="no Chromium is installed")
    for item in items:
        if item.get_closest_marker("shared") and _shared() is None:
            item.add_marker(no_shared)
        if item.get_closest_marker("browser") and _browser() is None and not IN_CI:
            item.add_marker(no_browser)


def pytest_make_parametrize_id(val):
    """Bytes may hold the time at which they were made, and workers must give a test the same name."""
    return f"{len(val)} bytes" if isinstance(val, bytes) else None


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture(scope="session")
def shared_folder() -> Path:
    """The folder named by FACEVIZ_SHARED, for tests marked ``shared``."""
    return _shared()


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a Chromium, for tests marked ``browser``."""
    browser = _browser()
    assert browser, "no Chromium found; install it: apt-get install -y chromium"
    return browser


def _shared() -> Path | None:
    folder = os.environ.get("FACEVIZ_SHARED")
    return Path(folder) if folder and Path(folder).is_dir() else None


def _browser() -> str | None:
    return next((path for path in map(shutil.which, BROWSERS) if path), None)


@pytest.fixture(scope="session")
def sample_scan():
    """A sample scan that comes with the package, with its true landmarks."""
    from faceviz import assets
    from faceviz.io import read_scan

    return read_scan(assets.path("scans/sample_neutral.ply"))
