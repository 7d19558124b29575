"""Where the files that come with faceviz lie: weights, sample scans, apps."""

from __future__ import annotations

from pathlib import Path

from faceviz.errors import FacevizError

_PACKAGE = Path(__file__).resolve().parent


def path(name: str = "", *, kind: str = "assets") -> Path:
    """The path of a file or folder in ``assets`` (or ``apps``): in the installed package, else in the work tree.

    Args:
        name: relative to the folder, such as ``"models/se3unet"``; empty for the folder itself.

    Raises:
        FacevizError: it does not exist; the message lists its neighbours.
    """
    root = _root(kind)
    found = (root / name).resolve()
    if not found.is_relative_to(root):
        raise FacevizError(f"{name!r} lies outside {root}; give a name inside it")
    if not found.exists():
        raise FacevizError(
            f"{found} does not exist; there are: {', '.join(_neighbours(found)) or 'no files'}"
        )
    return found


def names(name: str = "", *, kind: str = "assets") -> tuple[str, ...]:
    """The sorted names inside a folder of the assets; empty where the folder does not exist."""
    folder = _root(kind) / name
    return tuple(sorted(entry.name for entry in folder.iterdir())) if folder.is_dir() else ()


def _root(kind: str) -> Path:
    installed = _PACKAGE / f"_{kind}"
    return installed if installed.is_dir() else _PACKAGE.parent / kind


def _neighbours(missing: Path) -> list[str]:
    folder = next(parent for parent in missing.parents if parent.is_dir())
    return sorted(entry.name for entry in folder.iterdir())
