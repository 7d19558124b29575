"""A whole folder: what is left to do, in order, with progress and a way to stop."""

from __future__ import annotations

import contextlib
import functools
import os
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path

from faceviz.batch.results import ResultsFile, RunIdentity, ScanResult
from faceviz.batch.scans import BatchJob, checksum, landmark_scan, scan_name
from faceviz.cluster import Each, Lost
from faceviz.errors import FileFormatError
from faceviz.evaluation.models import process_model
from faceviz.io.folders import scan_files
from faceviz.io.problems import one_line
from faceviz.pipeline import DEFAULT_MODEL


@dataclass(frozen=True, slots=True)
class BatchProgress:
    """How far a batch is.

    Attributes:
        done: scans with a row, those of former runs included; ``failed`` of them without landmarks; of ``total``.
        new: scans done since this run began, ``seconds`` ago.
        result: the row that was just written; None at the beginning.
    """

    done: int
    total: int
    failed: int
    new: int
    seconds: float
    result: ScanResult | None = None

    @property
    def seconds_left(self) -> float | None:
        """At the pace of this run; None before its first scan."""
        return self.seconds / self.new * (self.total - self.done) if self.new else None


@dataclass(frozen=True, slots=True)
class BatchSummary:
    """What a run left behind.

    Attributes:
        out: the results file; ``folder`` of the scans; ``model`` by name.
        total: scans in the folder; ``done`` of them have a row, ``new`` since this run began, ``failed`` no landmarks.
        seconds: of this run.
    """

    out: Path
    folder: Path
    model: str
    total: int
    done: int
    new: int
    failed: int
    seconds: float

    @property
    def complete(self) -> bool:
        """Whether every scan has a row; a run that was cancelled can be continued."""
        return self.done == self.total


def landmark_folder(
    folder: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    model: str = DEFAULT_MODEL,
    device: str | None = None,
    unit: str | None = None,
    raw: bool = False,
    each: Each = map,
    progress: Callable[[BatchProgress], None] | None = None,
    cancel: Callable[[], bool] | None = None,
) -> BatchSummary:
    """Landmarks of every scan in a folder and the folders in it, in the order of their paths, into a CSV file.

    A scan that cannot be read, or has no face, gets a row that says so. What is in the file is not done again.

    Args:
        folder: of scans, see ``faceviz.io.folders.scan_files``.
        out: the results, see ``faceviz.batch.results``; those of the same folder, model and settings are continued.
        model: a name, a folder or a published ``.pth``.
        device, unit, raw: for every scan, as of ``LandmarkPredictor`` and ``read_scan``.
        each: where the work is done: ``map`` here, or what ``faceviz.cluster.open_cluster`` gives.
        progress: called at the beginning and after every row.
        cancel: asked after every row; the batch ends when it says yes.

    Raises:
        FileFormatError: no such folder, no scans in it, or the file cannot be continued.
        CheckpointError: no such model.
    """
    steps = landmark_steps(folder, out, model=model, device=device, unit=unit, raw=raw, each=each)
    with contextlib.closing(steps):
        for now in steps:
            if progress:
                progress(now)
            if cancel and cancel():
                break
    name = process_model(model, device).name
    return BatchSummary(Path(out), Path(folder), name, now.total, now.done, now.new, now.failed, now.seconds)


def landmark_steps(
    folder: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    model: str = DEFAULT_MODEL,
    device: str | None = None,
    unit: str | None = None,
    raw: bool = False,
    each: Each = map,
) -> Generator[BatchProgress, None, None]:
    """``landmark_folder`` one step at a time: at the beginning, then after every row. Close it to stop.

    Raises:
        FileFormatError, CheckpointError: as ``landmark_folder``, with the first step.
    """
    root = Path(folder)
    if not root.is_dir():
        raise FileFormatError(f"{folder}: is no folder; give one that holds scans")
    paths = {scan_name(path, root): str(path) for path in scan_files(root, recursive=True)}
    if not paths:
        raise FileFormatError(f"{folder}: holds no scans, nor do the folders in it; give one that does")
    predictor = process_model(model, device)
    job = BatchJob(str(root), model, checksum(predictor), device, unit, raw)
    with ResultsFile(out, _identity(job, predictor.name)) as results:
        count = _Count(results, paths)
        yield count.now()
        todo = [path for name, path in paths.items() if name not in results.done]
        outcomes = each(functools.partial(landmark_scan, job), todo)
        with contextlib.closing(outcomes) if isinstance(outcomes, Generator) else contextlib.nullcontext():
            for path, outcome in zip(todo, outcomes, strict=True):
                if isinstance(outcome, Lost):
                    outcome = ScanResult(scan_name(Path(path), root), failure=outcome.reason)
                results.add(outcome)
                yield count.now(outcome)


def _identity(job: BatchJob, name: str) -> RunIdentity:
    settings = [f"unit={job.unit}"] * (job.unit is not None) + ["raw"] * job.raw
    return RunIdentity(one_line(str(Path(job.folder).resolve())), name, job.checksum, " ".join(settings))


class _Count:
    """Of rows, those of former runs included."""

    def __init__(self, results: ResultsFile, paths: dict[str, str]) -> None:
        known = [result for name, result in results.done.items() if name in paths]
        self._before, self._failed = len(known), sum(bool(result.failure) for result in known)
        self._new, self._total = 0, len(paths)
        self._started = time.perf_counter()

    def now(self, result: ScanResult | None = None) -> BatchProgress:
        """With a row that was just written."""
        if result is not None:
            self._new += 1
            self._failed += bool(result.failure)
        seconds = time.perf_counter() - self._started
        done = self._before + self._new
        return BatchProgress(done, self._total, self._failed, self._new, seconds, result)
