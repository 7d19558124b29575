"""``faceviz landmarks FOLDER``: 68 landmarks of every scan in a folder."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from faceviz.cli.output import STDOUT, Progress, check_outputs, console, write_text
from faceviz.errors import FacevizError, counted

if TYPE_CHECKING:
    from faceviz.batch import BatchProgress, BatchSummary

WorkersOption = Annotated[
    int, typer.Option(metavar="N", min=1, help="Processes on this machine (needs the extra cluster).")
]
SchedulerOption = Annotated[
    str | None,
    typer.Option(metavar="ADDRESS", help="A running Dask scheduler to use instead, such as tcp://head:8786."),
]
_SHOWN_FAILURES = 10


def landmark_batch(
    folder: str,
    out: str | None,
    *,
    json_out: str | None,
    model: str,
    device: str | None,
    unit: str | None,
    raw: bool,
    workers: int,
    scheduler: str | None,
) -> None:
    """All scans of a folder into a CSV file."""
    if out is None or out == STDOUT:
        raise FacevizError(f"{folder}: is a folder; name a file for its results with --out results.csv")
    check_outputs(out, json_out)
    from faceviz.batch import landmark_folder
    from faceviz.cluster import open_cluster

    said = console(data_on_stdout=json_out == STDOUT)
    bar = _Bar()
    try:
        with bar, open_cluster(workers, scheduler) as each:
            summary = landmark_folder(
                folder,
                out,
                model=model,
                device=device,
                unit=unit,
                raw=raw,
                each=each,
                progress=bar,
            )
    except KeyboardInterrupt:
        if bar.last is not None:
            done, total = bar.last.done, bar.last.total
            said.print(
                f"stopped: {done} of {counted(total, 'scan')} are in {out}; the same command goes on",
                markup=False,
            )
        raise
    if json_out:
        write_text(json_out, _summary_json(summary, bar.failures))
    said.print(_sentence(summary), markup=False)
    for failure in bar.failures[:_SHOWN_FAILURES]:
        said.print(f"  {failure['path']}: {failure['failure']}", markup=False)
    if len(bar.failures) > _SHOWN_FAILURES:
        said.print(f"  and {len(bar.failures) - _SHOWN_FAILURES} more: see the column failure", markup=False)


class _Bar:
    """The bar, and what a later summary needs."""

    def __init__(self) -> None:
        self.last: BatchProgress | None = None
        self.failures: list[dict[str, str]] = []
        self._bar = Progress("Landmarks", None)

    def __enter__(self) -> _Bar:
        self._bar.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.__exit__(*error)

    def __call__(self, progress: BatchProgress) -> None:
        self.last = progress
        if progress.result is not None and progress.result.failure:
            self.failures.append({"path": progress.result.path, "failure": progress.result.failure})
        self._bar(progress.done, progress.total)


def _summary_json(summary: BatchSummary, failures: list[dict[str, str]]) -> str:
    content = asdict(summary) | {
        "out": str(summary.out),
        "folder": str(summary.folder),
        "complete": summary.complete,
    }
    return json.dumps({**content, "failures": failures}, allow_nan=False) + "\n"


def _sentence(summary: BatchSummary) -> str:
    kept = summary.done - summary.new
    parts = [f"{counted(summary.done, 'scan')} in {summary.out}"]
    if kept:
        parts.append(f"{kept} of them were there")
    if summary.failed:
        parts.append(f"{summary.failed} without landmarks")
    if summary.new:
        parts.append(f"{summary.seconds / summary.new:.2f} s a scan")
    return f"{', '.join(parts)}; model {summary.model}"
