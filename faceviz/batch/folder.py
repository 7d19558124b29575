"""A whole folder: what is left to do, in order, with progress and a way to stop."""

from __future__ import annotations

import contextlib
import functools
import os
import time
from collections.abc import Callable
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
        seconds_left: at the pace of this run; None before its first scan.
        result: the row that was just written; None at the beginning.
    """

    done: int
    total: int
    failed: int
    seconds_left: float | None = None
    result: ScanResult | None = None


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
    root = Path(folder)
    if not root.is_dir():
        raise FileFormatError(f"{folder}: is no folder; give one that holds scans")
    paths = {scan_name(path, root): str(path) for path in scan_files(root, recursive=True)}
    if not paths:
        raise FileFormatError(f"{folder}: holds no scans, nor do the folders in it; give one that does")
    predictor = process_model(model, device)
    job = BatchJob(str(root), model, checksum(predictor), device, unit, raw)
    with ResultsFile(out, _identity(job, predictor.name)) as results:
        todo = [path for name, path in paths.items() if name not in results.done]
        tell = _Teller(results, paths, progress)
        tell(None)
        if todo and not (cancel and cancel()):
            _run(job, todo, results, each, tell, cancel)
        return BatchSummary(
            Path(out), root, predictor.name, len(paths), tell.done, tell.new, tell.failed, tell.elapsed
        )


def _identity(job: BatchJob, name: str) -> RunIdentity:
    settings = [f"unit={job.unit}"] * (job.unit is not None) + ["raw"] * job.raw
    return RunIdentity(one_line(str(Path(job.folder).resolve())), name, job.checksum, " ".join(settings))


def _run(
    job: BatchJob,
    todo: list[str],
    results: ResultsFile,
    each: Each,
    tell: _Teller,
    cancel: Callable[[], bool] | None,
) -> None:
    outcomes = each(functools.partial(landmark_scan, job), todo)
    with contextlib.closing(outcomes) if hasattr(outcomes, "close") else contextlib.nullcontext():
        for path, outcome in zip(todo, outcomes, strict=True):
            if isinstance(outcome, Lost):
                name = scan_name(Path(path), Path(job.folder))
                outcome = ScanResult(name, failure=outcome.reason)
            results.add(outcome)
            tell(outcome)
            if cancel and cancel():
                return


class _Teller:
    """Counts, and reports to ``progress``."""

    def __init__(
        self,
        results: ResultsFile,
        paths: dict[str, str],
        progress: Callable[[BatchProgress], None] | None,
    ) -> None:
        known = [result for name, result in results.done.items() if name in paths]
        self.done, self.failed = len(known), sum(bool(result.failure) for result in known)
        self.new, self.total, self.progress = 0, len(paths), progress
        self._started = time.perf_counter()

    @property
    def elapsed(self) -> float:
        return time.perf_counter() - self._started

    def __call__(self, result: ScanResult | None) -> None:
        if result is not None:
            self.done, self.new = self.done + 1, self.new + 1
            self.failed += bool(result.failure)
        if self.progress:
            left = self.elapsed / self.new * (self.total - self.done) if self.new else None
            self.progress(BatchProgress(self.done, self.total, self.failed, left, result))
