"""Landmark heatmaps under the seven protocols."""

from __future__ import annotations

import contextlib
import functools
import itertools
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np

from faceviz.cluster import Each, Lost, one_thread
from faceviz.errors import ClusterError, ConfigError, NoFaceError
from faceviz.evaluation.protocols import PROTOCOLS, NormalisedScan, apply_protocol, normalise
from faceviz.evaluation.protocols import Protocol as Column
from faceviz.evaluation.provenance import provenance
from faceviz.evaluation.report import EvaluationReport, LandmarkErrors, ProtocolResult
from faceviz.heatmaps import SIGMA, landmarks_to_heatmaps
from faceviz.landmarks import INNER, LANDMARK_COUNT
from faceviz.metrics import (
    CURVE_THRESHOLDS,
    IOU_THRESHOLD,
    HeatmapIoU,
    heatmap_iou,
    invariance_error,
    iou_curve,
    landmark_error,
)
from faceviz.scan import FaceScan

_ALL = np.ones(LANDMARK_COUNT, dtype=bool)


class HeatmapModel(Protocol):
    """What an evaluation asks of a model; LandmarkPredictor offers it."""

    name: str

    def heatmaps(self, points: np.ndarray) -> np.ndarray:
        """(N, 3) points in the network's units and any pose -> (N, 68) in [0, 1], in the order of the points."""

    def predict(self, scan: FaceScan) -> Any:
        """A prediction with ``landmarks`` (68, 3) in the scan's frame and unit."""


def evaluate_landmarks(
    scans: Iterable[FaceScan],
    model: HeatmapModel,
    protocols: Sequence[Column] = tuple(PROTOCOLS.values()),
    *,
    seed: int = 0,
    data: dict[str, Any] | None = None,
    landmark_errors: bool = True,
    valid: Mapping[str, np.ndarray] | None = None,
    progress: Callable[[int], None] | None = None,
    each: Each = map,
    loader: Callable[[], HeatmapModel] | None = None,
) -> EvaluationReport:
    """Measure heatmap IoU under each protocol, the invariance error, and the landmark error.

    Args:
        scans: each with 68 true landmarks; the first is the reference that the ``icp_*`` protocols align to.
        model: see `HeatmapModel`.
        protocols: the columns, in order.
        seed: of the random moves; scan i is moved the same way whatever the other scans are.
        data: what the scans are (``spec``, ``description``), for the report.
        landmark_errors: also run ``model.predict`` on every scan in its own pose.
        valid: by a scan's ``source``, which of its 68 landmarks (68,) bool are true enough to be measured; all if not
            there. Looked up as the scans come, so that it may fill while they are read.
        progress: called with the number of scans done.
        each: where the scans are measured, see ``faceviz.cluster.open_cluster``; the results are the same.
        loader: gives the same model in another process, where one thread is used, as it is here if this is given, so
            that not even the last bit depends on ``each``.

    Raises:
        ClusterError: the processes that measured a scan died.
        ConfigError: there are no scans or no protocols, or a scan lacks its true landmarks.
    """
    if not protocols:
        raise ConfigError(f"no protocol was asked for; there are: {', '.join(PROTOCOLS)}, all")
    started = time.perf_counter()
    items = _items(iter(scans), {} if valid is None else valid)
    first = next(items, None)
    if first is None:
        raise ConfigError("there are no scans to evaluate")
    job = _Job(
        loader or _Here(model),
        tuple(protocols),
        normalise(first.scan),
        seed,
        landmark_errors,
        loader is not None,
    )
    columns = [HeatmapIoU(CURVE_THRESHOLDS) for _ in protocols]
    changes = np.zeros(len(protocols))
    found: list[_ScanFigures] = []
    for figures in each(functools.partial(_measure_scan, job), itertools.chain([first], items)):
        if isinstance(figures, Lost):
            raise ClusterError(f"scan {len(found)} (the first is 0): {figures.reason}")
        for column, curve in zip(columns, figures.curves, strict=True):
            column.add(curve)
        changes = np.maximum(changes, figures.changes)
        found.append(figures._replace(curves=()))
        if progress:
            progress(len(found))
    return EvaluationReport(
        data={"spec": None, "description": "scans", **(data or {}), "scans": len(found)},
        model=_describe(model),
        protocols=tuple(
            _result(protocol, column, float(change))
            for protocol, column, change in zip(protocols, columns, changes, strict=True)
        ),
        thresholds=CURVE_THRESHOLDS,
        landmark_errors=_gather([one.measured for one in found if one.measured is not None]),
        seed=seed,
        seconds=time.perf_counter() - started,
        provenance=provenance(),
        per_scan=tuple(one.row for one in found),
    )


class _Item(NamedTuple):
    number: int
    scan: FaceScan
    known: np.ndarray  # (68,) bool


def _items(scans: Iterator[FaceScan], valid: Mapping[str, np.ndarray]) -> Iterator[_Item]:
    return (_Item(index, scan, valid.get(scan.source, _ALL)) for index, scan in enumerate(scans))


@dataclass(frozen=True)
class _Here:
    """Gives a model that is at hand already."""

    model: HeatmapModel

    def __call__(self) -> HeatmapModel:
        return self.model


class _Job(NamedTuple):
    """What is measured on every scan; can be sent to another process if ``loader`` can."""

    loader: Callable[[], HeatmapModel]
    protocols: tuple[Column, ...]
    reference: NormalisedScan
    seed: int
    landmark_errors: bool
    one_thread: bool


class _ScanFigures(NamedTuple):
    """What one scan adds to the report."""

    curves: tuple[np.ndarray, ...]  # (T, 68) for each protocol
    changes: np.ndarray  # largest change of a heatmap value, for each protocol
    measured: _Measured | None
    row: dict[str, Any]


def _measure_scan(job: _Job, item: _Item) -> _ScanFigures:
    with one_thread() if job.one_thread else contextlib.nullcontext():
        return _measure(job, job.loader(), item)


def _measure(job: _Job, model: HeatmapModel, item: _Item) -> _ScanFigures:
    cloud, known = normalise(item.scan), item.known
    true = landmarks_to_heatmaps(cloud.points, cloud.landmarks, SIGMA) * known
    still = model.heatmaps(cloud.points)
    moved = [_moved(job, model, protocol, cloud, still, item.number) for protocol in job.protocols]
    # Landmarks without truth have no heat on either side, where IoU is undefined and averages leave it out.
    curves = tuple(iou_curve(predicted * known, true, CURVE_THRESHOLDS) for predicted in moved)
    changes = np.array([invariance_error(still, predicted) for predicted in moved])
    iou = float(np.nanmean(heatmap_iou(still * known, true, IOU_THRESHOLD)))
    row: dict[str, Any] = {"source": item.scan.source, "iou": iou}
    measured = _measured(model, item.scan, known) if job.landmark_errors else None
    if measured is not None:
        row["inner_median_error"] = _inner_median(measured.errors)
    return _ScanFigures(curves, changes, measured, row)


def _moved(
    job: _Job, model: HeatmapModel, protocol: Column, cloud: NormalisedScan, still: np.ndarray, index: int
) -> np.ndarray:
    """Heatmaps (N, 68) of the cloud as the protocol shows it."""
    if protocol.name == "none":
        return still
    return model.heatmaps(apply_protocol(protocol, cloud, job.reference, job.seed, index).points)


def _result(protocol: Column, column: HeatmapIoU, change: float) -> ProtocolResult:
    curve = column.compute()
    at = int(np.argmin(np.abs(column.thresholds - IOU_THRESHOLD)))
    return ProtocolResult(protocol.name, curve[at], curve, change)


class _Measured(NamedTuple):
    """One scan through the whole predictor; NaN where no face was found."""

    errors: np.ndarray  # (68,) in the scan's unit
    iou: np.ndarray  # (68,) on the cloud that the predictor chose
    mm_per_unit: float | None
    radius: float


def _inner_median(errors: np.ndarray) -> float:
    inner = errors[list(INNER)]
    return float(np.nanmedian(inner)) if np.isfinite(inner).any() else float("nan")


def _measured(model: HeatmapModel, scan: FaceScan, known: np.ndarray) -> _Measured:
    assert scan.landmarks is not None  # normalise() has refused such scans
    errors = iou = np.full(len(scan.landmarks), np.nan)
    try:
        prediction = model.predict(scan)
        errors = np.where(known, landmark_error(prediction.landmarks, scan.landmarks), np.nan)
        iou = np.where(known, region_iou(prediction, scan.landmarks), np.nan)
    except NoFaceError:
        pass
    return _Measured(errors, iou, scan.mm_per_unit, scan.radius)


def region_iou(prediction: Any, landmarks: np.ndarray) -> np.ndarray:
    """IoU (68,) of the heat on the face region, whose radius sets the width of the true heatmaps too."""
    prepared = getattr(prediction, "prepared", None)
    if prepared is None:
        return np.full(len(landmarks), np.nan)
    true = landmarks_to_heatmaps(prediction.points, landmarks, prepared.sigma)
    return heatmap_iou(prediction.point_heatmaps, true, IOU_THRESHOLD)


def _gather(measured: list[_Measured]) -> LandmarkErrors | None:
    """Millimetres, or radii where the unit of any scan is unknown; None where nothing was measured."""
    if not measured:
        return None
    iou = np.stack([one.iou for one in measured])
    if any(one.mm_per_unit is None for one in measured):
        return LandmarkErrors(np.stack([one.errors / one.radius for one in measured]), "radii", iou)
    return LandmarkErrors(np.stack([one.errors * (one.mm_per_unit or 1.0) for one in measured]), "mm", iou)


def _describe(model: HeatmapModel) -> dict[str, Any]:
    return {
        "name": model.name,
        "sha256": getattr(model, "description", {}).get("sha256"),
        "device": str(getattr(model, "device", "cpu")),
    }
