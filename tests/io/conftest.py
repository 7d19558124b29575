from __future__ import annotations

import tracemalloc
from types import ModuleType

import numpy as np
import pytest

from faceviz.errors import FileFormatError
from faceviz.io import read_scan_bytes
from tests.hostile import scans


@pytest.fixture(scope="session")
def make() -> ModuleType:
    """The builders of files."""
    return scans


@pytest.fixture(scope="session")
def points() -> np.ndarray:
    """(25, 3) points of the bump."""
    return scans.grid()[0]


@pytest.fixture(scope="session")
def triangles() -> np.ndarray:
    """(32, 3) triangles of the bump."""
    return scans.grid()[1]


@pytest.fixture(scope="session")
def landmarks(points) -> np.ndarray:
    """(68, 3) positions on the bump."""
    return points[np.arange(68) % len(points)] + 0.125


@pytest.fixture(scope="session")
def meshes() -> dict[str, bytes]:
    """The bump as a file of each format that holds triangles."""
    return scans.mesh_files()


@pytest.fixture(scope="session")
def clouds() -> dict[str, bytes]:
    """The bump's points as a file of each format without triangles."""
    return scans.cloud_files()


@pytest.fixture
def complaint():
    """Reads a file that must be refused, in little time and memory, and gives the one line that says why."""

    def read(name: str, data: bytes, **options) -> str:
        tracemalloc.start()
        try:
            with pytest.raises(FileFormatError) as caught:
                read_scan_bytes(name, data, **options)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < 16e6 + 20 * len(data), f"{peak:,} bytes were taken for a file of {len(data):,}"
        message = str(caught.value)
        assert message.startswith(f"{name}: ") and "; " in message and len(message.splitlines()) == 1, message
        assert caught.value.__cause__ is None, "no guard met it, only the last resort"
        return message

    return read
