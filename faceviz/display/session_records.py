"""Between what a viewer holds and what a session file says: records and arrays from state, and back."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from faceviz.display.session_document import (
    CloudRecord,
    ModelRecord,
    NumbersRecord,
    PredictionRecord,
    ScanRecord,
    SessionDocument,
    ViewRecord,
)
from faceviz.display.state import LoadedScan, Moved, moved_table
from faceviz.errors import FileFormatError
from faceviz.geometry.transforms import RigidTransform
from faceviz.landmarks import LANDMARK_COUNT
from faceviz.scan import FaceScan
from faceviz.uncertainty import Calibration

if TYPE_CHECKING:
    from faceviz.pipeline import LandmarkPrediction, PreparedScan

ARRAYS = (
    "scan_points", "scan_triangles", "scan_landmarks", "cloud_points", "cloud_surface",
    "heat", "moved_heat", "second_heat", "second_moved_heat",
)  # fmt: skip
_PREFIXES = ("", "second_")
_TOLERANCE = 1e-6
_AGAIN = "save the session again"


def scan_record(scan: FaceScan) -> ScanRecord:
    return ScanRecord(
        source=scan.source,
        unit=scan.unit,
        points=len(scan),
        triangles=0 if scan.triangles is None else len(scan.triangles),
        truth=scan.landmarks is not None,
        sha256=scan_checksum(scan),
    )


def scan_checksum(scan: FaceScan) -> str:
    """SHA-256 of a scan's coordinates and triangles, whatever file they came in."""
    digest = hashlib.sha256(np.ascontiguousarray(scan.points, "<f8").tobytes())
    if scan.triangles is not None:
        digest.update(np.ascontiguousarray(scan.triangles, "<i8").tobytes())
    return digest.hexdigest()


def view_record(view: Moved, model: ModelRecord, threshold: float) -> ViewRecord:
    calibration = view.prediction.calibration
    return ViewRecord(
        model=model,
        unmoved=_prediction_record(view.loaded.unmoved),
        moved=_prediction_record(view.prediction),
        seconds=view.seconds,
        numbers=numbers(view, threshold),
        calibration=None if calibration is None else calibration.to_dict(),
    )


def numbers(view: Moved, threshold: float) -> NumbersRecord:
    """What is told of a view, landmarks in their own order."""
    table = moved_table(view, threshold)
    rows = sorted(table.rows, key=lambda row: row.index)
    return NumbersRecord(
        threshold=threshold,
        iou=None if view.loaded.truth_heat is None else tuple(row.iou for row in rows),
        mean_iou=table.mean_iou,
        error=None if table.median_error is None else tuple(float(row.error or 0.0) for row in rows),
        error_unit=table.unit,
        median_error=table.median_error,
        change=view.change,
    )


def _prediction_record(prediction: LandmarkPrediction) -> PredictionRecord:
    return PredictionRecord(
        landmarks=tuple(_triple(position) for position in prediction.landmarks),
        confidence=tuple(float(value) for value in prediction.confidence),
        pose=prediction.pose.matrix.tolist(),
        seconds={stage: float(value) for stage, value in prediction.seconds.items()},
    )


def cloud_record(prepared: PreparedScan) -> CloudRecord:
    return CloudRecord(centre=_triple(prepared.centre), radius=float(prepared.radius), raw=prepared.raw)


def views_to_arrays(views: Sequence[Moved]) -> dict[str, np.ndarray]:
    """The arrays of one or two views of one scan, by the names in ``ARRAYS``."""
    prepared = views[0].loaded.unmoved.prepared
    scan = prepared.scan
    arrays = {"scan_points": scan.points}
    if scan.triangles is not None:
        arrays["scan_triangles"] = scan.triangles
    if scan.landmarks is not None:
        arrays["scan_landmarks"] = scan.landmarks
    if not prepared.raw:
        arrays |= {"cloud_points": prepared.points, "cloud_surface": prepared.surface}
    for prefix, view in zip(_PREFIXES, views, strict=False):
        arrays[f"{prefix}heat"] = view.loaded.unmoved.point_heatmaps
        arrays[f"{prefix}moved_heat"] = view.prediction.point_heatmaps
    return arrays


def _triple(position: np.ndarray) -> tuple[float, float, float]:
    x, y, z = map(float, position)
    return x, y, z


# ---- from records to state


def records_to_views(document: SessionDocument, arrays: Mapping[str, np.ndarray]) -> tuple[Moved, ...]:
    """The scan as each network saw it; none of them is at hand.

    Raises:
        FacevizError: an array is missing or of another shape, or says something else than the document.
    """
    prepared = _prepared(document.cloud, _scan(document.scan, arrays), arrays)
    views: list[Moved] = []
    for prefix, record in zip(_PREFIXES, document.views, strict=False):
        view = _view(record, prefix, prepared, arrays, views[0].loaded if views else None)
        if not _agree(numbers(view, record.numbers.threshold), record.numbers):
            raise FileFormatError(f"has numbers that do not follow from its arrays; {_AGAIN}")
        views.append(view)
    return tuple(views)


def _scan(record: ScanRecord, arrays: Mapping[str, np.ndarray]) -> FaceScan:
    triangles = _array(arrays, "scan_triangles", (record.triangles, 3)) if record.triangles else None
    landmarks = _array(arrays, "scan_landmarks", (LANDMARK_COUNT, 3)) if record.truth else None
    points = _array(arrays, "scan_points", (record.points, 3))
    scan = FaceScan(points, triangles, landmarks, unit=record.unit, source=record.source)
    if scan_checksum(scan) != record.sha256:
        raise FileFormatError(f"holds another scan than its checksum says; {_AGAIN}")
    return scan


def _prepared(record: CloudRecord, scan: FaceScan, arrays: Mapping[str, np.ndarray]) -> PreparedScan:
    from faceviz.pipeline import PreparedScan

    points = scan.points if record.raw else _array(arrays, "cloud_points", (None, 3)).astype(np.float64)
    surface = scan.points if record.raw else _array(arrays, "cloud_surface", (None, 3)).astype(np.float64)
    return PreparedScan(scan, points, surface, np.array(record.centre), record.radius, record.raw)


def _view(
    record: ViewRecord,
    prefix: str,
    prepared: PreparedScan,
    arrays: Mapping[str, np.ndarray],
    first: LoadedScan | None,
) -> Moved:
    calibration = None if record.calibration is None else Calibration.of(record.calibration)

    def prediction(part: PredictionRecord, name: str) -> LandmarkPrediction:
        found = _prediction(part, record.model.name, prepared, arrays, f"{prefix}{name}")
        return replace(found, calibration=calibration)

    still = prediction(record.unmoved, "heat")
    loaded = LoadedScan(still) if first is None else replace(first, unmoved=still)
    return Moved(loaded, prediction(record.moved, "moved_heat"), record.numbers.change, record.seconds)


def _prediction(
    record: PredictionRecord, model: str, prepared: PreparedScan, arrays: Mapping[str, np.ndarray], heat: str
) -> LandmarkPrediction:
    from faceviz.pipeline import LandmarkPrediction

    matrix = np.array(record.pose)
    pose = RigidTransform(matrix[:3, :3], matrix[:3, 3])
    return LandmarkPrediction(
        np.array(record.landmarks),
        np.array(record.confidence),
        pose.apply(prepared.points),
        _array(arrays, heat, (len(prepared.points), LANDMARK_COUNT)).astype(np.float32),
        prepared,
        pose,
        model,
        dict(record.seconds),
    )


def _array(arrays: Mapping[str, np.ndarray], name: str, shape: tuple[int | None, ...]) -> np.ndarray:
    """An array that has to be there, (.. None ..) of any length."""
    if name not in arrays:
        raise FileFormatError(f"lacks the array {name!r}; {_AGAIN}")
    found = arrays[name].shape
    if len(found) != len(shape) or any(b is not None and a != b for a, b in zip(found, shape, strict=True)):
        raise FileFormatError(f"has an array {name!r} of shape {found}; {_AGAIN}")
    return arrays[name]


def _agree(a: NumbersRecord, b: NumbersRecord) -> bool:
    """But for rounding, which another processor may do otherwise."""

    def flat(record: NumbersRecord) -> np.ndarray:
        values = [*(record.iou or [-1.0]), *(record.error or [-1.0]), record.mean_iou, record.median_error]
        return np.array([-1.0 if value is None else value for value in values])

    x, y = flat(a), flat(b)
    return x.shape == y.shape and bool(np.allclose(x, y, rtol=_TOLERANCE, atol=_TOLERANCE))
