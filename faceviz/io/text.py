"""Rows of numbers in text files, with the number of the line in every complaint."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from itertools import islice

import numpy as np

from faceviz.io.problems import Problem, shown

MAX_LINE = 65_536
MAX_LINES = 16_000_000
BATCH = 65_536

Row = tuple[int, list[bytes]]  # (number of the line, its words)

_REPAIR = "repair the line, or export again if the file was cut off"
_BLOCK = 1 << 22
_UTF8_MARK = b"\xef\xbb\xbf"


def lines(data: bytes, first: int = 1) -> Iterator[tuple[int, bytes]]:
    """The lines of a text with their numbers, from ``first``; long lines and binary content are refused."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise Problem("is UTF-16 text", "save it as plain ASCII or UTF-8")
    if b"\0" in data:
        raise Problem("holds binary data where text is expected", "check the export, or the file's extension")
    if b"\n" not in data and b"\r" in data:
        data = data.replace(b"\r", b"\n")
    if (count := data.count(b"\n")) > MAX_LINES:
        raise Problem(f"has {count:,} lines, more than the {MAX_LINES:,} allowed", "save it as a binary PLY")
    stream = io.BytesIO(data.removeprefix(_UTF8_MARK))
    number = first
    while block := stream.readlines(_BLOCK):
        if max(map(len, block)) > MAX_LINE:
            raise Problem(f"has a line longer than {MAX_LINE:,} characters", "break it up")
        yield from enumerate(block, number)
        number += len(block)


def rows(data: bytes, comment: bytes | None = b"#", first: int = 1) -> Iterator[Row]:
    """The words of each line that holds any, comments left out."""
    for number, line in lines(data, first):
        words = line.partition(comment)[0].split() if comment and comment in line else line.split()
        if words:
            yield number, words


def take(source: Iterator[Row], count: int, what: str) -> Iterator[list[Row]]:
    """Exactly ``count`` rows in batches."""
    left = count
    while left:
        batch = list(islice(source, min(left, BATCH)))
        if not batch:
            raise Problem(
                f"ends after {count - left:,} of the {count:,} {what} that its header announces",
                "the file is cut off: copy or export it again",
            )
        left -= len(batch)
        yield batch


def end(source: Iterator[Row]) -> None:
    """Nothing may follow."""
    extra = next(source, None)
    if extra is not None:
        raise Problem(
            f"goes on at line {extra[0]} after all that its header announces",
            "the header lies: export it again",
        )


def numbers(batch: list[Row], start: int, count: int, kind: Callable[[bytes], float] = float) -> np.ndarray:
    """Words ``start`` to ``start + count`` of each row as numbers, (len(batch), count) float64 or int64."""
    stop = start + count
    words = [word for _, row in batch for word in row[start:stop]]
    if len(words) != len(batch) * count:
        line, row = next((line, row) for line, row in batch if len(row) < stop)
        raise Problem(f"line {line} has {len(row)} values where {stop} are expected", _REPAIR)
    return convert(words, kind, lambda index: batch[index // count][0]).reshape(len(batch), count)


def counted_lists(batch: list[Row], *, exact: bool) -> tuple[np.ndarray, np.ndarray]:
    """Rows ``n i j k ...`` as sizes (len(batch),) and the indices of all rows, one after the other.

    Args:
        exact: nothing may follow the n indices of a row.
    """
    sizes = numbers(batch, 0, 1, int)[:, 0]
    held = np.fromiter((len(row) for _, row in batch), np.int64, len(batch)) - 1
    bad = np.flatnonzero((sizes < 0) | (sizes > held) | (exact & (sizes != held)))
    if len(bad):
        line = batch[bad[0]][0]
        raise Problem(f"line {line} announces {sizes[bad[0]]} indices and holds {held[bad[0]]}", _REPAIR)
    words = [word for (_, row), n in zip(batch, sizes.tolist(), strict=True) for word in row[1 : n + 1]]
    return sizes, convert(words, int, lambda index: batch[list_of(sizes, index)][0])


def list_of(sizes: np.ndarray, index: int) -> int:
    """Which of the lists with these sizes, one after the other, holds the element ``index``."""
    return int(np.searchsorted(np.cumsum(sizes), index, side="right"))


def convert(words: list[bytes], kind: Callable[[bytes], float], line_of: Callable[[int], int]) -> np.ndarray:
    """Words as (len(words),) float64 or int64; ``line_of`` gives the line of a word that is no number."""
    try:
        if b"_" in b" ".join(words):
            raise ValueError("Python would read 1_0 as 10")
        return np.fromiter(map(kind, words), np.int64 if kind is int else np.float64, len(words))
    except (ValueError, OverflowError):
        index = next(index for index, word in enumerate(words) if not _is(kind, word))
        where = f"line {line_of(index)} holds {shown(words[index])}"
        expected = "an integer" if kind is int else "a number"
        raise Problem(f"{where} where {expected} is expected", _REPAIR) from None


def _is(kind: Callable[[bytes], float], word: bytes) -> bool:
    try:
        value = kind(word)
    except ValueError:
        return False
    return b"_" not in word and (kind is float or -(2**63) <= value < 2**63)
