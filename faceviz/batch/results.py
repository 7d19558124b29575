"""The file of a batch's results: CSV, one row a scan, each row on the disk before the next scan begins.

Columns: ``path`` below ``folder``; ``failure``, why there are no landmarks, else empty; ``unit`` of all lengths; where
the scan has a truth, ``mean_iou`` at 0.2 and the distances from the true landmarks, ``mean_error``, ``median_error``,
``inner_median_error`` (17 to 67) and ``largest_error``; ``seconds``; ``folder``, ``model``, ``checksum`` and
``settings``, equal in all rows; ``landmark_0_x`` to ``landmark_67_z`` in the scan's frame; ``confidence_0`` to
``confidence_67``.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import TypedDict, cast

import numpy as np

from faceviz.errors import FileFormatError
from faceviz.io.files import sync_folder
from faceviz.io.problems import one_line
from faceviz.landmarks import LANDMARK_COUNT

try:
    import fcntl
except ImportError:  # Windows has none; there two runs into one file are not noticed
    fcntl = None  # type: ignore[assignment]

NAN = float("nan")


@dataclass(frozen=True, slots=True)
class RunIdentity:
    """What all rows of a file have in common.

    Attributes:
        folder: of the scans, absolute.
        model: its name; ``checksum`` of its weights.
        settings: unit and rawness that were asked for, such as ``unit=mm``.
    """

    folder: str
    model: str
    checksum: str
    settings: str


@dataclass(frozen=True, slots=True, eq=False)
class ScanResult:
    """What became of one scan.

    Attributes:
        path: below the batch's folder, with ``/``; characters that no line can hold are escaped.
        failure: why there are no landmarks, in one line; empty where there are.
        unit: of landmarks and errors, ``""`` where the scan could not be read.
        landmarks: (68, 3) in the scan's frame, None after a failure; ``confidence`` (68,) in [0, 1].
        mean_iou: at 0.2; NaN without a truth, as are the errors, in the scan's unit.
        seconds: reading included.
    """

    path: str
    failure: str = ""
    unit: str = ""
    mean_iou: float = NAN
    mean_error: float = NAN
    median_error: float = NAN
    inner_median_error: float = NAN
    largest_error: float = NAN
    seconds: float = NAN
    landmarks: np.ndarray | None = None
    confidence: np.ndarray | None = None


class Figures(TypedDict, total=False):
    """The numbers of a ``ScanResult``, in the order of their columns."""

    mean_iou: float
    mean_error: float
    median_error: float
    inner_median_error: float
    largest_error: float
    seconds: float


_FIGURES = tuple(Figures.__annotations__)
_SHARED = tuple(field.name for field in fields(RunIdentity))
_TAIL = (
    *(f"landmark_{i}_{axis}" for i in range(LANDMARK_COUNT) for axis in "xyz"),
    *(f"confidence_{i}" for i in range(LANDMARK_COUNT)),
)
COLUMNS: tuple[str, ...] = ("path", "failure", "unit", *_FIGURES, *_SHARED, *_TAIL)


class ResultsFile:
    """Open for adding rows; those that are there already are in ``done``, by path.

    A last row that was cut off is removed. Close it, or use it as a context manager.

    Raises:
        FileFormatError: it cannot be written, is another file, of another run, or another run is writing to it.
    """

    def __init__(self, path: str | os.PathLike[str], run: RunIdentity) -> None:
        self.path, self.run = Path(path), run
        self.done: dict[str, ScanResult] = {}
        try:
            self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666)
        except OSError as error:
            raise self._error(f"cannot be written ({error.strerror}); choose another place") from None
        try:
            self._lock()
            self._take_up()
        except BaseException:
            self.close()
            raise

    def add(self, result: ScanResult) -> None:
        """One more row, on the disk when this returns."""
        self._write([_row(result, self.run)])
        self.done[result.path] = result

    def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def __enter__(self) -> ResultsFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _lock(self) -> None:
        if fcntl is None:
            return
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise self._error("another run is writing to it; wait for it, or name another file") from None

    def _take_up(self) -> None:
        """Reads what is there, mends its end, and begins it where there is nothing."""
        content = self._content()
        whole, torn = _whole_lines(content)
        head = _line(COLUMNS)
        if whole and not whole.startswith(head) or not whole and not head.startswith(torn):
            raise self._error("is there and holds something else than results; name another file")
        if torn:
            os.ftruncate(self._file, len(whole))
        os.lseek(self._file, 0, os.SEEK_END)
        if not whole:
            self._write([COLUMNS])
            sync_folder(self.path.parent)
        for result, run in _parsed(self.path, whole):
            self._check(run)
            self.done[result.path] = result

    def _check(self, run: RunIdentity) -> None:
        for name, theirs, ours in zip(_SHARED, astuple(run), astuple(self.run), strict=True):
            if theirs != ours:
                raise self._error(
                    f"holds results of another {name}: {theirs or 'none'}, now {ours or 'none'}; name another file"
                )

    def _content(self) -> bytes:
        with open(self._file, "rb", closefd=False) as stream:
            return stream.read()

    def _write(self, rows: Iterable[Iterable[str]]) -> None:
        content = memoryview(b"".join(_line(row) for row in rows))
        try:
            while content:
                content = content[os.write(self._file, content) :]
            os.fsync(self._file)
        except OSError as error:
            raise self._error(
                f"cannot be written ({error.strerror}); make room and run it again, it goes on where it is"
            ) from None

    def _error(self, text: str) -> FileFormatError:
        return FileFormatError(f"{self.path}: {text}")


def read_results(path: str | os.PathLike[str]) -> list[ScanResult]:
    """All whole rows of a results file, in its order.

    Raises:
        FileFormatError: there is no such file, or it holds something else.
    """
    path = Path(path)
    try:
        whole, _ = _whole_lines(path.read_bytes())
    except OSError as error:
        raise FileFormatError(f"{path}: cannot be read ({error.strerror}); check the path") from None
    if not whole.startswith(_line(COLUMNS)):
        raise FileFormatError(f"{path}: holds no results; give a file that `faceviz landmarks FOLDER` wrote")
    return [result for result, _ in _parsed(path, whole)]


def _whole_lines(content: bytes) -> tuple[bytes, bytes]:
    """Up to the last line's end, and the rest: a row that was cut off. No field holds a line break."""
    cut = content.rfind(b"\n") + 1
    return content[:cut], content[cut:]


def _parsed(path: Path, whole: bytes) -> Iterable[tuple[ScanResult, RunIdentity]]:
    rows = csv.reader(io.StringIO(whole.decode("utf-8", "replace"), newline=""))
    next(rows, None)
    for number, row in enumerate(rows, 2):
        try:
            yield _result(row)
        except (ValueError, IndexError):
            raise FileFormatError(
                f"{path}: line {number} is damaged; remove that line, and its scan is done again"
            ) from None


def _row(result: ScanResult, run: RunIdentity) -> list[str]:
    figures = [_text(getattr(result, name)) for name in _FIGURES]
    head = [result.path, one_line(result.failure), result.unit, *figures, *map(one_line, astuple(run))]
    if result.landmarks is None or result.confidence is None:
        return head + [""] * len(_TAIL)
    return head + [_text(value) for value in (*result.landmarks.ravel(), *result.confidence)]


def _result(row: list[str]) -> tuple[ScanResult, RunIdentity]:
    if len(row) != len(COLUMNS):
        raise ValueError(f"{len(row)} columns")
    first, last = 3 + len(_FIGURES), len(COLUMNS) - len(_TAIL)
    values = (float(x) if x else NAN for x in row[3:first])
    figures = cast(Figures, dict(zip(_FIGURES, values, strict=True)))
    landmarks = confidence = None
    if row[last]:
        tail = np.array(row[last:], dtype=np.float64)
        landmarks = tail[: 3 * LANDMARK_COUNT].reshape(LANDMARK_COUNT, 3)
        confidence = tail[3 * LANDMARK_COUNT :]
    path, failure, unit = row[:3]
    result = ScanResult(path, failure, unit, **figures, landmarks=landmarks, confidence=confidence)
    return result, RunIdentity(*row[first:last])


def _text(value: float) -> str:
    """The shortest text that reads back as the same double; empty for NaN."""
    return "" if np.isnan(value) else repr(float(value))


def _line(row: Iterable[str]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerow(row)
    return text.getvalue().encode("utf-8")
