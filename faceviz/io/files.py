"""Whole files in and out: sizes checked before reading, replaced in one step when writing."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from faceviz.errors import FileFormatError, nearest_name
from faceviz.io.problems import Limits, Problem, file_error


def read_bytes(path: Path, max_bytes: int) -> bytes:
    """The content of an ordinary file that is not too large."""
    with open_file(path, max_bytes) as stream:
        content = stream.read(max_bytes + 1)
    Limits(bytes=max_bytes).check_bytes(len(content))
    return content


def open_file(path: Path, max_bytes: int) -> BinaryIO:
    """An ordinary file that is not too large, opened for reading."""
    try:
        info = path.stat()  # a pipe would block when opened
        if not stat.S_ISREG(info.st_mode):
            raise Problem("is no file", "give the path of one scan")
        Limits(bytes=max_bytes).check_bytes(info.st_size)
        return path.open("rb")
    except FileNotFoundError:
        raise Problem("does not exist", f"check the path {path}") from None
    except (OSError, ValueError) as error:
        raise Problem(f"cannot be opened ({_reason(error)})", "check the path and its permissions") from None


def replace_file(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Writes a file in one step: whoever reads it sees the former content or the new one, never a part.

    Raises:
        FileFormatError: no such folder, no permission, disk full.
    """
    temporary = path.with_name(f".{path.name[:100]}.{secrets.token_hex(4)}.part")
    try:
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
        with os.fdopen(handle, "wb") as stream:
            write(stream)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    except (OSError, ValueError) as error:
        reason = "no such folder" if not path.parent.is_dir() else _reason(error)
        problem = Problem(f"cannot be written ({reason})", f"check the folder {path.parent}")
        raise file_error(path.name, problem) from None
    finally:
        temporary.unlink(missing_ok=True)


def replace_bytes(path: Path, content: bytes) -> None:
    """``replace_file`` with content that is at hand."""
    replace_file(path, lambda stream: stream.write(content))


def sync_folder(folder: Path) -> None:
    """So that the name of a new or renamed file is on the disk too."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:  # Windows opens no folders
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _reason(error: OSError | ValueError) -> str:
    return (getattr(error, "strerror", None) or str(error)).lower()


def check_ending(path: str | os.PathLike[str], endings: tuple[str, ...], rule: str) -> str:
    """The ending of a file's name, in small letters, where it is one of those.

    Args:
        rule: says what the endings are, such as ``"a report is a .pdf or an .html"``.

    Raises:
        FileFormatError: another ending.
    """
    ending = Path(path).suffix.lower()
    if ending not in endings:
        raise FileFormatError(f"{Path(path).name}: {rule}{nearest_name(ending, endings)}")
    return ending
