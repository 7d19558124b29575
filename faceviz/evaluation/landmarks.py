"""Landmark heatmaps under the seven protocols."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from faceviz.errors import ConfigError, NoFaceError
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

    Raises:
        ConfigError: there are no scans or no protocols, or a scan lacks its true landmarks.
    """
    if not protocols:
        raise ConfigError(f"no protocol was asked for; there are: {', '.join(PROTOCOLS)}, all")
    started = time.perf_counter()
    columns = [_ColumnState(protocol) for protocol in protocols]
    measured: list[_Measured] = []
    per_scan: list[dict[str, Any]] = []
    reference: NormalisedScan | None = None
    count = 0
    for index, scan in enumerate(scans):
        cloud = normalise(scan)
        reference = reference or cloud
        known = (valid or {}).get(scan.source, _ALL)
        true = landmarks_to_heatmaps(cloud.points, cloud.landmarks, SIGMA) * known
        still = model.heatmaps(cloud.points)
        for column in columns:
            column.update(model, cloud, reference, true, still, known, (seed, index))
        per_scan.append(
            {"source": scan.source, "iou": float(np.nanmean(heatmap_iou(still * known, true, IOU_THRESHOLD)))}
        )
        if landmark_errors:
            measured.append(_measured(model, scan, known))
            per_scan[-1]["inner_median_error"] = _inner_median(measured[-1].errors)
        count = index + 1
        if progress:
            progress(count)
    if count == 0:
        raise ConfigError("there are no scans to evaluate")
    return EvaluationReport(
        data={"spec": None, "description": "scans", **(data or {}), "scans": count},
        model=_describe(model),
        protocols=tuple(column.result() for column in columns),
        thresholds=CURVE_THRESHOLDS,
        landmark_errors=_gather(measured) if measured else None,
        seed=seed,
        seconds=time.perf_counter() - started,
        provenance=provenance(),
        per_scan=tuple(per_scan),
    )


class _ColumnState:
    """What one protocol has gathered so far."""

    def __init__(self, protocol: Column) -> None:
        self.protocol = protocol
        self.iou = HeatmapIoU(CURVE_THRESHOLDS)
        self.largest_change = 0.0

    def update(
        self,
        model: HeatmapModel,
        cloud: NormalisedScan,
        reference: NormalisedScan,
        true: np.ndarray,
        still: np.ndarray,
        known: np.ndarray,
        seeds: tuple[int, int],
    ) -> None:
        """Landmarks without truth have no heat on either side, where IoU is undefined and averages leave it out."""
        if self.protocol.name == "none":
            self.iou.update(still * known, true)
            return
        shown = apply_protocol(self.protocol, cloud, reference, *seeds)
        predicted = model.heatmaps(shown.points)
        self.iou.update(predicted * known, true)
        self.largest_change = max(self.largest_change, invariance_error(still, predicted))

    def result(self) -> ProtocolResult:
        curve = self.iou.compute()
        at = int(np.argmin(np.abs(self.iou.thresholds - IOU_THRESHOLD)))
        return ProtocolResult(self.protocol.name, curve[at], curve, self.largest_change)


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


def _gather(measured: list[_Measured]) -> LandmarkErrors:
    """Millimetres, or radii where the unit of any scan is unknown."""
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
