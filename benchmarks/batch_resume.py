"""A batch of scans, killed at random moments and continued each time: is every scan done exactly once?

python benchmarks/batch_resume.py --scans 2000 --kills 20

A predictor that takes the first 68 points stands for the network, so that nearly all of the time goes into what is
tested: reading, writing rows, and finding out what is left to do.
"""

from __future__ import annotations

import argparse
import contextlib
import multiprocessing
import random
import tempfile
import time
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple
from unittest import mock

import numpy as np

_ROW = 4500  # bytes, about


class Outcome(NamedTuple):
    """What came of it."""

    kills: int  # that hit a run before its end
    last: int  # scans that were left for the run that was let alone
    rows: int
    missing: int  # scans without a row
    repeated: int  # scans with more than one
    wrong: int  # rows with other landmarks than the scan's
    seconds: float


class FirstPoints:
    """A predictor that takes so many seconds."""

    name, description = "first points", {}

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def predict(self, scan, *, raw=False):
        time.sleep(self._seconds)
        return SimpleNamespace(landmarks=scan.points[:68], confidence=np.ones(68))


def kill_and_continue(folder: Path, *, scans: int, kills: int, seed: int = 0, slow: float = 0.0) -> Outcome:
    """Both in processes of their own; the kills are spread over the whole batch."""
    from faceviz.batch import landmark_folder, read_results

    rng, started = random.Random(seed), time.perf_counter()
    clouds, out = folder / "scans", folder / "results.csv"
    clouds.mkdir()
    for number in range(scans):
        np.save(clouds / f"{number:05}.npy", np.random.default_rng([seed, number]).normal(size=(80, 3)))
    hit, context = 0, multiprocessing.get_context("fork")
    with contextlib.ExitStack() as stack:
        for name in ("folder", "scans"):
            stack.enter_context(
                mock.patch(f"faceviz.batch.{name}.process_model", lambda *_: FirstPoints(slow))
            )
        stack.enter_context(mock.patch("faceviz.batch.scans.one_thread", contextlib.nullcontext))
        for _ in range(kills):
            enough = _size(out) + rng.uniform(0.2, 1.4) * _ROW * scans / (kills + 1)
            process = context.Process(target=landmark_folder, args=(clouds, out))
            process.start()
            while process.is_alive() and _size(out) < enough:
                time.sleep(0.001)
            time.sleep(rng.uniform(0.0, 0.03))
            hit += process.is_alive()
            process.kill()
            process.join()
        last = landmark_folder(clouds, out).new
    rows = read_results(out)
    count = Counter(row.path for row in rows)
    names = [path.name for path in sorted(clouds.iterdir())]
    wrong = sum(not np.array_equal(row.landmarks, np.load(clouds / row.path)[:68]) for row in rows)
    missing, repeated = sum(name not in count for name in names), sum(n > 1 for n in count.values())
    return Outcome(hit, last, len(rows), missing, repeated, wrong, time.perf_counter() - started)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--scans", type=int, default=2000)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        done = kill_and_continue(Path(place), scans=asked.scans, kills=asked.kills, seed=asked.seed)
    print(
        f"{asked.scans:,} scans, killed {done.kills} times, the last {done.last:,} in one go, {done.seconds:.0f} s: "
        f"{done.rows:,} rows, {done.missing} scans without one, {done.repeated} with several, {done.wrong} wrong"
    )
    raise SystemExit(bool(done.missing or done.repeated or done.wrong))


if __name__ == "__main__":
    main()
