"""Arrays worked out once and kept in the user's cache folder."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from faceviz.errors import FileFormatError
from faceviz.io.files import replace_file


def cache_folder() -> Path:
    """$XDG_CACHE_HOME/faceviz, or ~/.cache/faceviz."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "faceviz"


def cached_arrays(key: str, build: Callable[[], dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """The arrays stored under ``key``, or built and stored; a cache that cannot be written is done without."""
    path = cache_folder() / f"{key}.npz"
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile):  # not there, or damaged
        pass
    arrays = build()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_npz(path, arrays)
    except (OSError, FileFormatError):
        pass
    return arrays


def write_npz(path: Path, arrays: dict[str, Any]) -> None:
    """A compressed npz, written in one step.

    Raises:
        FileFormatError: it cannot be written.
    """
    replace_file(path, lambda stream: np.savez_compressed(stream, **arrays))
