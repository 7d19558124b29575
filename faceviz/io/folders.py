"""The scans in a folder, and those in the folders within it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from faceviz.io.clouds import looks_like_numbers
from faceviz.io.formats import read_extensions
from faceviz.io.sidecars import find_sidecar

#: Text that may be notes or a table: a scan only with landmarks beside it, or if it begins with rows of x y z.
_TEXT = (".txt", ".csv", ".asc")
_LOOKED_AT = 4096


def scan_files(folder: str | os.PathLike[str], *, recursive: bool = False) -> list[Path]:
    """Files that are scans by their extension, sorted; hidden ones and files of landmarks are left out.

    Args:
        folder: where to look.
        recursive: also in the folders within; links to folders are not followed.
    """
    found = _walk(Path(folder)) if recursive else Path(folder).iterdir()
    return sorted(path for path in found if _is_scan(path))


def _walk(folder: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (Path(place, name) for name in names)


def _is_scan(path: Path) -> bool:
    suffix = path.suffix.lower()
    if suffix not in read_extensions() or path.name.startswith(".") or path.stem.endswith("_landmarks"):
        return False
    if not path.is_file():
        return False
    return suffix not in _TEXT or find_sidecar(path) is not None or _begins_with_points(path)


def _begins_with_points(path: Path) -> bool:
    try:
        with path.open("rb") as stream:
            return looks_like_numbers(stream.read(_LOOKED_AT))
    except OSError:
        return True  # reading it will say why it cannot be read
