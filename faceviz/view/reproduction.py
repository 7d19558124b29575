"""All tables and figures of Ferraretto (2024), for every model at hand, each with what it takes to repeat it."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from faceviz.errors import ConfigError
from faceviz.evaluation import PROTOCOLS, DataSource, EvaluationReport, evaluate_landmarks
from faceviz.evaluation.landmarks import HeatmapModel
from faceviz.evaluation.protocols import MAX_TRANSLATION, POINTS
from faceviz.evaluation.provenance import provenance
from faceviz.evaluation.stored import read_report
from faceviz.evaluation.table import published_table, report_table
from faceviz.metrics import IOU_THRESHOLD
from faceviz.scan import FaceScan
from faceviz.view.charts import iou_landmark_chart, iou_threshold_chart, save_figure
from faceviz.view.comparison import (
    landmark_multiples_chart,
    protocols_of_models_chart,
    thresholds_of_models_chart,
)
from faceviz.view.heat_rows import landmark_heat_figure, protocol_figure, subject, write_picture
from faceviz.view.tables import means_markdown, write_tables

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be reproduced.

    Args:
        out: the folder, which exists.
        command: as the user wrote it, for the records.
        seed: of the random moves.
        example: the scan of the pictures.
    """

    out: Path
    command: str
    seed: int
    example: FaceScan


def reproduce(
    request: Request,
    models: Sequence[HeatmapModel],
    open_source: Callable[[], DataSource],
    *,
    progress: Callable[[int], None] | None = None,
    say: Say = print,
) -> dict[str, Any]:
    """Evaluate each model, then write tables, charts and pictures; the summary, which is also in ``summary.json``.

    Every file appears whole. What a former, interrupted call has measured with the same weights, data, seed and
    commit is taken over.

    Args:
        open_source: opens the data anew, for each model.
        progress: called with the number of evaluated scans, over all models.
    """
    started = time.perf_counter()
    reports, done = [], 0
    for model in models:
        report, scans = _evaluated(request, model, open_source(), done, progress, say)
        done += scans
        reports.append(report)
    files = [path for report in reports for path in _model_files(request, report)]
    files += _shared_files(request, reports)
    files += _pictures(request, models, reports, say)
    summary = _summary(request, reports, files, time.perf_counter() - started)
    _write(request.out / "summary.json", json.dumps(summary, indent=1) + "\n")
    _write(request.out / "README.md", _overview(request, reports, summary))
    return summary


def _evaluated(
    request: Request,
    model: HeatmapModel,
    source: DataSource,
    done: int,
    progress: Callable[[int], None] | None,
    say: Say,
) -> tuple[EvaluationReport, int]:
    path = request.out / "reports" / f"{model.name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    former = _former(path, model, source, request.seed)
    if former is not None:
        say(f"{model.name}: measured before")
        return former, former.data["scans"]
    say(f"{model.name}: evaluating")
    digest = hashlib.sha256()
    report = evaluate_landmarks(
        _digested(source.scans, digest),
        model,
        tuple(PROTOCOLS.values()),
        seed=request.seed,
        data=source.describe(),
        valid=source.valid,
        landmark_errors=False,
        progress=None if progress is None else lambda scans: progress(done + scans),
    )
    report.data["sha256"] = digest.hexdigest()
    _write(path, report.to_json())
    return report, report.data["scans"]


def _former(path: Path, model: HeatmapModel, source: DataSource, seed: int) -> EvaluationReport | None:
    """A report of the same weights on the same data by the same code without changes, if there is one."""
    try:
        report = read_report(path)
    except ConfigError:
        return None
    now = provenance()
    same = (
        report.model.get("sha256") == getattr(model, "description", {}).get("sha256") is not None
        and report.data.get("description") == source.description
        and report.seed == seed
        and all(report.provenance.get(key) == now.get(key) for key in ("commit", "versions"))
        and not (now["commit"] or "").endswith("+changes")
    )
    return report if same else None


def _digested(scans: Iterable[FaceScan], digest: Any) -> Iterator[FaceScan]:
    """The scans, their points and landmarks taken into a checksum on the way."""
    for scan in scans:
        for part in (scan.points, scan.landmarks):
            digest.update(np.ascontiguousarray(part, dtype="<f8").tobytes())
        yield scan


def _model_files(request: Request, report: EvaluationReport) -> list[Path]:
    name, table = report.model["name"], report_table(report)
    written = write_tables(table, _folder(request, "table1") / name)
    charts = _folder(request, "charts")
    written += [
        save_figure(landmark_multiples_chart(report), charts / f"{name}.multiples.png"),
        save_figure(iou_threshold_chart(report), charts / f"{name}.threshold.png"),
        save_figure(iou_landmark_chart(report), charts / f"{name}.landmarks.png"),
    ]
    for path in (written[0], *written[4:]):
        _sidecar(request, path, [report], [result.name for result in report.protocols])
    return written


def _shared_files(request: Request, reports: Sequence[EvaluationReport]) -> list[Path]:
    tables = [*(report_table(report) for report in reports), published_table()]
    written = write_tables(tables[-1], _folder(request, "table1") / "published")
    means = request.out / "table1" / "means.md"
    _write(means, means_markdown(tables))
    charts = _folder(request, "charts")
    note = f"{reports[0].data['description']}; as published: on FaceScape"
    compared = [
        means,
        save_figure(protocols_of_models_chart(tables, note), charts / "models.protocols.png"),
        save_figure(thresholds_of_models_chart(reports), charts / "models.threshold.png"),
    ]
    for path in compared:
        _sidecar(request, path, reports, [result.name for result in reports[0].protocols])
    return [*written, *compared]


def _pictures(
    request: Request, models: Sequence[HeatmapModel], reports: Sequence[EvaluationReport], say: Say
) -> list[Path]:
    say("drawing")
    one, folder, written = subject(request.example), _folder(request, "figures"), []
    for dark in (False, True):
        ending = ".dark.png" if dark else ".png"
        for model, report in zip(models, reports, strict=True):
            path = folder / f"heat.{model.name}{ending}"
            written.append(write_picture(landmark_heat_figure(one, model, dark=dark), path))
            _sidecar(request, path, [report], ["none"], example=True)
        path = folder / f"protocols{ending}"
        written.append(write_picture(protocol_figure(one, models, seed=request.seed, dark=dark), path))
        _sidecar(request, path, reports, list(PROTOCOLS), example=True)
    return written


def _sidecar(
    request: Request,
    path: Path,
    reports: Sequence[EvaluationReport],
    protocols: Sequence[str],
    *,
    example: bool = False,
) -> None:
    """``FILE.json``: what it takes to repeat the file."""
    record = {
        "file": path.name,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "command": request.command,
        "weights": {report.model["name"]: report.model["sha256"] for report in reports},
        "data": _example_data(request.example) if example else _data(reports[0]),
        "protocols": list(protocols),
        "translation": f"up to {MAX_TRANSLATION:g} radii",
        "points": POINTS,
        "threshold": IOU_THRESHOLD,
        "seed": request.seed,
        **provenance(),
    }
    _write(path.with_name(path.name + ".json"), json.dumps(record, indent=1) + "\n")


def _data(report: EvaluationReport) -> dict[str, Any]:
    return {key: report.data.get(key) for key in ("spec", "description", "scans", "sha256")}


def _example_data(scan: FaceScan) -> dict[str, Any]:
    digest = hashlib.sha256()
    for _ in _digested([scan], digest):
        pass
    return {"description": scan.source, "scans": 1, "sha256": digest.hexdigest()}


def _summary(
    request: Request, reports: Sequence[EvaluationReport], files: Sequence[Path], seconds: float
) -> dict[str, Any]:
    return {
        "command": request.command,
        "data": _data(reports[0]),
        "seed": request.seed,
        "models": {
            report.model["name"]: {
                "sha256": report.model["sha256"],
                "iou": {result.name: round(result.mean, 4) for result in report.protocols},
                "invariance_error": report.invariance_error,
            }
            for report in reports
        },
        "published": dict(
            zip(published_table().columns, np.round(published_table().means, 4).tolist(), strict=True)
        ),
        "files": [str(path.relative_to(request.out)) for path in files],
        "seconds": round(seconds, 1),
        **provenance(),
    }


def _overview(request: Request, reports: Sequence[EvaluationReport], summary: dict[str, Any]) -> str:
    tables = [*(report_table(report) for report in reports), published_table()]
    data = summary["data"]
    pictures = [name for name in summary["files"] if name.endswith(".png") and ".dark" not in name]
    return "\n".join(
        [
            "# SE3-Unet (Ferraretto, 2024), reproduced",
            "",
            f"Measured on {data['description']}, seed {request.seed}, commit `{summary['commit']}`:",
            f"`{request.command}`.",
            "The last row is the report's own, on FaceScape, which is other data.",
            "",
            means_markdown(tables),
            "Table 1 in full, 68 rows: `table1/MODEL.md`, `.csv`, `.tex`, `.html`. Beside each figure FILE,",
            "`FILE.json` holds the command, the checksums of weights and data, the protocols and the seed.",
            "",
            *(f"![{name}]({name})\n" for name in pictures),
        ]
    )


def _folder(request: Request, name: str) -> Path:
    folder = request.out / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _write(path: Path, text: str) -> None:
    partial = path.with_name(path.name + ".partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)
