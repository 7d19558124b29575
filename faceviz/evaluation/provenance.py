"""What it takes to repeat a figure: commit, versions, machine, date."""

from __future__ import annotations

import platform
import subprocess
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path
from typing import Any

PACKAGES = ("faceviz", "numpy", "scipy", "torch", "open3d")


def provenance() -> dict[str, Any]:
    """``commit`` (None outside a work tree, ``+changes`` where files differ from it), versions, platform, date."""
    return {
        "commit": _commit(Path(__file__).resolve().parent),
        "versions": {"python": platform.python_version(), **{name: _version(name) for name in PACKAGES}},
        "platform": f"{platform.system()} {platform.machine()}",
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }


def _commit(folder: Path) -> str | None:
    # An installed copy may lie inside some other project's work tree: only our own tracked files count.
    if _git(folder, "ls-files", "--error-unmatch", __file__) is None:
        return None
    commit = _git(folder, "rev-parse", "HEAD")
    return f"{commit}+changes" if commit and _git(folder, "status", "--porcelain", "--", ".") else commit


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, timeout=20
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
