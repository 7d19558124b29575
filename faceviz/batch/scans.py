"""One scan of a batch: read, landmarked, compared with its truth. Whatever goes wrong becomes a result too."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from faceviz.batch.results import Figures, ScanResult
from faceviz.cluster import one_thread
from faceviz.errors import CheckpointError, FacevizError
from faceviz.evaluation.landmarks import region_iou
from faceviz.evaluation.models import process_model
from faceviz.io import read_scan
from faceviz.io.problems import one_line
from faceviz.io.validity import read_validity
from faceviz.landmarks import INNER
from faceviz.metrics import landmark_error

if TYPE_CHECKING:
    from faceviz.pipeline import LandmarkPrediction, LandmarkPredictor


@dataclass(frozen=True, slots=True)
class BatchJob:
    """What is done to every scan; small, so that it can be sent to another process.

    Attributes:
        folder: that the scans' paths are below.
        model: a name, a folder or a published ``.pth``; ``checksum`` of its weights.
        device: as of ``LandmarkPredictor``; ``unit`` and ``raw`` as of ``read_scan`` and ``predict``.
    """

    folder: str
    model: str
    checksum: str = ""
    device: str | None = None
    unit: str | None = None
    raw: bool = False


def scan_name(path: Path, folder: Path) -> str:
    """How a scan is called in the results: its path below the folder, always one line of valid UTF-8."""
    return one_line(path.relative_to(folder).as_posix())


def landmark_scan(job: BatchJob, path: str) -> ScanResult:
    """The landmarks of one file; with one thread, so that every process and machine of a kind gives the same bits.

    Raises:
        CheckpointError: this machine has other weights under the model's name.
    """
    name, started = scan_name(Path(path), Path(job.folder)), time.perf_counter()
    predictor = process_model(job.model, job.device)
    if checksum(predictor) != job.checksum:
        raise CheckpointError(f"{job.model}: other weights than the run began with; bring them here first")
    try:
        with one_thread():
            result = _landmarked(predictor, job, path, name)
    except FacevizError as error:
        result = ScanResult(name, failure=_cause(error, path))
    except Exception as error:  # one strange scan must not end a night's work
        result = ScanResult(
            name, failure=one_line(f"unexpected {type(error).__name__}: {str(error)[:200]}; please report it")
        )
    return replace(result, seconds=round(time.perf_counter() - started, 4))


def _cause(error: FacevizError, path: str) -> str:
    """Without the file's name, which the row has already."""
    return one_line(str(error)).removeprefix(f"{one_line(Path(path).name)}: ")


def checksum(predictor: LandmarkPredictor) -> str:
    """Of its weights, as its description has it."""
    return str(predictor.description.get("sha256") or "")


def _landmarked(
    predictor: LandmarkPredictor, job: BatchJob, path: str | os.PathLike[str], name: str
) -> ScanResult:
    scan = read_scan(path, unit=job.unit)
    prediction = predictor.predict(scan, raw=job.raw)
    figures: Figures = (
        {} if scan.landmarks is None else _figures(prediction, scan.landmarks, read_validity(path))
    )
    return ScanResult(
        name,
        unit=scan.unit,
        landmarks=prediction.landmarks,
        confidence=np.asarray(prediction.confidence, dtype=np.float64),
        **figures,
    )


def _figures(prediction: LandmarkPrediction, truth: np.ndarray, valid: np.ndarray | None) -> Figures:
    """Against the truth, of the landmarks (68,) bool that are true enough."""
    known = np.ones(len(truth), dtype=bool) if valid is None else valid
    if not known.any():
        return {}
    errors = landmark_error(prediction.landmarks, truth)
    iou = np.where(known, region_iou(prediction, truth), np.nan)
    inner = errors[list(INNER)][known[list(INNER)]]
    return {
        "mean_iou": float(np.nanmean(iou)) if np.isfinite(iou).any() else float("nan"),
        "mean_error": float(errors[known].mean()),
        "median_error": float(np.median(errors[known])),
        "inner_median_error": float(np.median(inner)) if len(inner) else float("nan"),
        "largest_error": float(errors[known].max()),
    }
