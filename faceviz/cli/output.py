"""Writing results: refused before any work where it cannot succeed, and never left half-written."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from faceviz.errors import FacevizError

if TYPE_CHECKING:
    from rich.console import Console

STDOUT = "-"
PIPE_WIDTH = 140


def check_outputs(*paths: str | None) -> None:
    """Refuse paths that cannot be written, and one path named twice.

    Raises:
        FacevizError: the folder does not exist, may not be written, or the path is a folder.
    """
    given = [path for path in paths if path is not None]
    for path in given:
        if given.count(path) > 1:
            raise FacevizError(f"{path}: named for two outputs; give each its own file")
        if path != STDOUT:
            _check_file(Path(path))


def check_folder(path: str | None) -> None:
    """Refuse a folder for outputs that cannot be made, with those that it lies in, or written."""
    if path is None:
        return
    folder = Path(path)
    place = next(part for part in (folder, *folder.absolute().parents) if part.exists())
    if not place.is_dir():
        raise FacevizError(f"{place}: is a file; name a folder")
    _check_parent(place / "file")


def _check_file(path: Path) -> None:
    if path.is_dir():
        raise FacevizError(f"{path}: is a folder; name a file in it")
    _check_parent(path)


def _check_parent(path: Path) -> None:
    parent = path.parent
    if not parent.is_dir():
        raise FacevizError(f"{path}: the folder {parent} does not exist; make it first (mkdir -p {parent})")
    if not os.access(parent, os.W_OK):
        raise FacevizError(f"{path}: the folder {parent} may not be written; choose another")


@contextmanager
def atomic(path: str | Path) -> Iterator[Path]:
    """A scratch path beside ``path``, with the same ending, that takes its place when the block ends well."""
    final = Path(path).resolve()
    if final.exists() and not final.is_file():  # a device or pipe cannot be replaced
        yield final
        return
    scratch = final.with_name(f".{final.stem}.{os.getpid()}{final.suffix}")
    try:
        yield scratch
        os.replace(scratch, final)
    except OSError as error:
        raise FacevizError(
            f"{path}: cannot be written: {error.strerror or error}; choose another place"
        ) from error
    finally:
        scratch.unlink(missing_ok=True)


def write_text(path: str, text: str) -> None:
    """To a file, or to standard output for ``-``."""
    if path == STDOUT:
        sys.stdout.write(text)
        sys.stdout.flush()
        return
    with atomic(path) as scratch:
        scratch.write_text(text, encoding="utf-8")


def console(*, data_on_stdout: bool = False) -> Console:
    """Where people read: standard output, or standard error when data goes to standard output."""
    from rich.console import Console

    out = Console(stderr=data_on_stdout, highlight=False)
    if not out.is_terminal:  # a pipe or file has no width: keep tables whole
        out.width = max(out.width, PIPE_WIDTH)
    return out


class Progress:
    """A bar on standard error, moved by ``progress(done)``."""

    def __init__(self, title: str, total: int | None) -> None:
        from rich.console import Console
        from rich.progress import Progress as Bar

        where = Console(stderr=True)
        self.bar = Bar(console=where, transient=True, disable=not where.is_terminal)
        self.task = self.bar.add_task(title, total=total)

    def __enter__(self) -> Progress:
        self.bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.stop()

    def __call__(self, done: int, total: int | None = None) -> None:
        self.bar.update(self.task, completed=done, total=total)
