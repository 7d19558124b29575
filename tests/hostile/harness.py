"""Runs damaged files through a reader in a child process, and says what became of them.

The child tells of every file before and after it is read; when it falls silent or dies, the parent notes which file it
was, and goes on behind it with a new child.
"""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
HANG_SECONDS = 5.0
MOST_BYTES = 1 << 30
_START_SECONDS = 240.0  # of a child on a busy machine, before the first file
_ADDRESS_SPACE = 6 << 30  # beyond what the libraries map; only keeps the machine whole
_LONGEST_MESSAGE = 600


@dataclass
class Outcome:
    """What became of the damaged files of one format."""

    target: str
    mutations: int = 0
    read: int = 0
    refused: int = 0
    crashes: list[str] = field(default_factory=list)  # a signal, an exit, or an error that is no FacevizError
    hangs: list[str] = field(default_factory=list)
    greedy: list[str] = field(default_factory=list)  # more than a gigabyte
    untidy: list[str] = field(
        default_factory=list
    )  # a message that is not one line, or something printed beside it
    slowest_s: float = 0.0
    peak_mb: float = 0.0

    @property
    def faults(self) -> list[str]:
        return self.crashes + self.hangs + self.greedy + self.untidy

    def note(self, answer: dict[str, Any]) -> None:
        where = f"{self.target} #{answer['index']}"
        self.mutations += 1
        self.slowest_s = max(self.slowest_s, answer["seconds"])
        self.peak_mb = max(self.peak_mb, answer["peak"] / 2**20)
        if answer["error"] is None:
            self.read += 1
        elif answer["ours"]:
            self.refused += 1
        else:
            self.crashes.append(f"{where}: {answer['error']}")
        if answer["seconds"] > HANG_SECONDS:
            self.hangs.append(f"{where}: {answer['seconds']:.1f} s")
        if answer["peak"] > MOST_BYTES:
            self.greedy.append(f"{where}: {answer['peak'] / 2**20:.0f} MB")
        if answer["untidy"]:
            self.untidy.append(f"{where}: {answer['untidy']!r}")


def run(target: str, count: int, seed: int = 0) -> Outcome:
    """``count`` damaged files through the reader of one target."""
    outcome = Outcome(target)
    while outcome.mutations < count:
        _run_child(outcome, count, seed)
    return outcome


def _run_child(outcome: Outcome, count: int, seed: int) -> None:
    """Until the child has read all files, or one of them was the end of it."""
    first = outcome.mutations
    with TemporaryDirectory() as folder:
        arguments = [outcome.target, str(first), str(count), str(seed), folder]
        command = [sys.executable, "-m", "tests.hostile.child", *arguments]
        child = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
        assert child.stdout is not None
        try:
            last = _listen(child, outcome)
        finally:
            child.kill()
            child.wait()
            child.stdout.close()
    if outcome.mutations < count and last is not None:
        outcome.mutations += 1
        where = f"{outcome.target} #{outcome.mutations - 1}"
        (outcome.hangs if last == "silent" else outcome.crashes).append(f"{where}: {last}")


def _listen(child: subprocess.Popen, outcome: Outcome) -> str | None:
    """Notes every answer; how the child ended, where it did not end well."""
    with selectors.DefaultSelector() as selector:
        selector.register(child.stdout, selectors.EVENT_READ)
        pending, patience = b"", _START_SECONDS
        while True:
            if not selector.select(patience):
                return "silent"
            content = os.read(child.stdout.fileno(), 65_536)
            if not content:
                code = child.wait()
                return None if code == 0 else f"the process ended with {code}"
            *lines, pending = (pending + content).split(b"\n")
            for line in lines:
                outcome.note(json.loads(line))
                patience = 2 * HANG_SECONDS


def serve(target: str, first: int, count: int, seed: int, folder: Path) -> None:
    """The child's part: reads the files one by one, an answer a line on standard output."""
    from faceviz.errors import FacevizError
    from tests.hostile.targets import SELFTEST, TARGETS

    answers = os.fdopen(os.dup(1), "w", buffering=1)
    noise = os.open(folder / "printed", os.O_RDWR | os.O_CREAT | os.O_APPEND)
    os.dup2(noise, 1)
    os.dup2(noise, 2)
    case = (TARGETS | SELFTEST)[target]
    (folder / "files").mkdir()
    case.read(case.whole(), folder / "files")  # what cannot be read whole proves nothing when damaged
    _limit()
    for index in range(first, count):
        data = case.damaged(index, seed)
        os.ftruncate(noise, 0)
        _forget_peak()
        error, ours, started = None, True, time.perf_counter()
        try:
            case.read(data, folder / "files")
        except Exception as caught:
            ours = isinstance(caught, FacevizError)
            error = str(caught) if ours else f"{type(caught).__name__}: {caught}"
        seconds = time.perf_counter() - started
        answer = {"index": index, "seconds": seconds, "peak": _peak(), "error": error, "ours": ours}
        answer["untidy"] = _untidy(error if ours else None) or os.pread(noise, 300, 0).decode("latin1")
        answers.write(json.dumps(answer) + "\n")


def _untidy(message: str | None) -> str:
    if message is None or (len(message.splitlines()) == 1 and 0 < len(message) < _LONGEST_MESSAGE):
        return ""
    return message[:300] or "no message"


def _limit() -> None:
    try:
        import resource
    except ImportError:  # Windows
        return
    mapped = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGESIZE")
    resource.setrlimit(resource.RLIMIT_AS, (mapped + _ADDRESS_SPACE,) * 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _forget_peak() -> None:
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        pass


def _peak() -> int:
    """The largest resident memory since ``_forget_peak``, in bytes: that of the whole process, libraries and all."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))
