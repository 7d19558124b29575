"""When each stage was passed, for ``benchmarks/latency.py``; costs nothing unless FACEVIZ_TRACE names a file."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable

_PATH = os.environ.get("FACEVIZ_TRACE")


def _nothing(stage: str, **more: float) -> None:
    """Nobody listens."""


def _write(stage: str, **more: float) -> None:
    """One line a stage: its name, seconds since 1970, and further numbers."""
    with open(_PATH, "a", encoding="utf-8") as file:
        file.write(json.dumps({"stage": stage, "at": time.time(), **more}) + "\n")


mark: Callable[..., None] = _write if _PATH else _nothing
