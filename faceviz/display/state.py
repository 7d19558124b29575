"""The landmark viewer without its widgets: which scan, which prediction, which settings; and what follows from them."""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from faceviz.display.body import Body, make_body
from faceviz.display.front import Front, front_of
from faceviz.display.models import model_title
from faceviz.display.readings import LandmarkTable, landmark_table
from faceviz.display.scene import SceneSpec, scene, true_heat
from faceviz.display.settings import Settings, rotation_to_degrees
from faceviz.errors import FacevizError
from faceviz.geometry.transforms import RigidTransform, random_rotation
from faceviz.metrics import CURVE_THRESHOLDS, heatmap_iou, invariance_error, iou_curve
from faceviz.scan import FaceScan

if TYPE_CHECKING:
    from collections.abc import Iterator

    from faceviz.evaluation.audit import TruthAudit
    from faceviz.evaluation.equivariance import SphereErrors
    from faceviz.evaluation.layer_trace import LayerError
    from faceviz.pipeline import LandmarkPrediction, LandmarkPredictor, PreparedScan

_KEYS = itertools.count(1)

#: The translation sliders reach this many radii of the scan.
REACH = 5.0


@dataclass(frozen=True, eq=False)
class LoadedScan:
    """A scan with all that does not change while it is moved.

    Args:
        unmoved: the prediction without any motion, against which the invariance is measured.
        key: another one for every scan that is loaded.
        predictor: that made the prediction.
    """

    unmoved: LandmarkPrediction
    key: str = field(default_factory=lambda: str(next(_KEYS)))
    predictor: LandmarkPredictor | None = field(default=None, repr=False)
    _bodies: dict[str, Body] = field(default_factory=dict, repr=False)
    _others: dict[LandmarkPredictor, LandmarkPrediction] = field(default_factory=dict, repr=False)

    @property
    def model(self) -> str:
        """Name of the network that predicted it."""
        return self.unmoved.model

    def seen_by(self, predictor: LandmarkPredictor) -> LoadedScan:
        """The same scan and the same points as another network sees them; each is asked once."""
        if predictor is self.predictor:
            return self
        if predictor not in self._others:
            self._others[predictor] = predictor.predict_prepared(self.unmoved.prepared)
        return replace(self, unmoved=self._others[predictor], predictor=predictor)

    @property
    def scan(self) -> FaceScan:
        return self.unmoved.prepared.scan

    @cached_property
    def front(self) -> Front:
        return front_of(self.unmoved.landmarks if self.scan.landmarks is None else self.scan.landmarks)

    @cached_property
    def truth_heat(self) -> np.ndarray | None:
        """(n, 68) on the network's points."""
        return true_heat(self.unmoved.prepared)

    @cached_property
    def audit(self) -> TruthAudit | None:
        """Whether the truth can be believed; None where there is none, or where the model is not calibrated."""
        from faceviz.evaluation.audit import audit_truth

        if self.scan.landmarks is None or self.unmoved.deviation is None:
            return None
        return audit_truth(self.unmoved, self.scan.landmarks)

    def body(self, kind: str) -> Body:
        if kind not in self._bodies:
            self._bodies[kind] = make_body(self.unmoved.prepared, kind, front=self.front.forward)
        return self._bodies[kind]


@dataclass(frozen=True, slots=True, eq=False)
class Moved:
    """A prediction made under a motion.

    Args:
        loaded: the scan.
        prediction: in the moved frame.
        change: largest change of a heatmap against the unmoved scan; None before the first motion.
        seconds: wall time of the network's pass.
    """

    loaded: LoadedScan
    prediction: LandmarkPrediction
    change: float | None
    seconds: float

    @property
    def pose(self) -> RigidTransform:
        return self.prediction.pose

    @property
    def still(self) -> bool:
        """Is the scan where it was?"""
        return bool(np.allclose(self.pose.matrix, np.eye(4), atol=1e-12))


def load(predictor: LandmarkPredictor, scan: FaceScan) -> LoadedScan:
    """Predicts a scan unmoved.

    Raises:
        FacevizError: the scan cannot be worked on, or shows no face; the message names the scan.
    """
    try:
        return LoadedScan(predictor.predict(scan), predictor=predictor)
    except FacevizError as error:
        if scan.source in str(error):
            raise
        raise type(error)(f"{scan.source}: {error}") from error


def unmoved(loaded: LoadedScan) -> Moved:
    """A scan as it was loaded."""
    seconds = sum(time for stage, time in loaded.unmoved.seconds.items() if stage != "prepare")
    return Moved(loaded, loaded.unmoved, None, seconds)


def move(
    predictor: LandmarkPredictor, loaded: LoadedScan, pose: RigidTransform, protocol: str = "st"
) -> Moved:
    """Sends the moved points through the network, and measures what changed.

    Args:
        predictor: another one than the scan was loaded with is asked about the same points.
        protocol: see ``protocol_cloud``.
    """
    loaded = loaded.seen_by(predictor)
    prepared = loaded.unmoved.prepared
    start = time.perf_counter()
    prediction = predictor.predict_prepared(prepared, pose, cloud=protocol_cloud(prepared, pose, protocol))
    seconds = time.perf_counter() - start
    change = invariance_error(loaded.unmoved.point_heatmaps, prediction.point_heatmaps)
    return Moved(loaded, prediction, change, seconds)


def network_pose(prepared: PreparedScan, pose: RigidTransform) -> RigidTransform:
    """A motion of the scan as a motion in the network's frame, ``(x - centre) / radius``."""
    shift = (pose.apply(prepared.centre) - prepared.centre) / prepared.radius
    return RigidTransform(pose.rotation, shift)


def protocol_cloud(prepared: PreparedScan, pose: RigidTransform, protocol: str) -> np.ndarray:
    """What the network is shown, (n, 3) in its unit.

    ``st``: the moved points, neither centred nor aligned. ``icp``: the moved points, brought back onto the unmoved scan
    as in ``faceviz.evaluation.protocols`` (centre, Procrustes on the true landmarks where there are any, ICP).
    ``none``: the unmoved points.
    """
    if protocol == "none":
        return prepared.normalised
    cloud = network_pose(prepared, pose).apply(prepared.normalised)
    return cloud if protocol == "st" else _aligned_back(prepared, cloud, pose)


def _aligned_back(prepared: PreparedScan, cloud: np.ndarray, pose: RigidTransform) -> np.ndarray:
    from faceviz.evaluation.protocols import NormalisedScan, realignment
    from faceviz.geometry.alignment import ICP_THRESHOLD, icp

    goal = prepared.normalised
    if prepared.scan.landmarks is None:
        start = RigidTransform(np.eye(3), goal.mean(axis=0) - cloud.mean(axis=0))
        return icp(cloud, goal, ICP_THRESHOLD, init=start).transform.apply(cloud)
    landmarks = (prepared.scan.landmarks - prepared.centre) / prepared.radius
    moved = NormalisedScan(cloud, network_pose(prepared, pose).apply(landmarks), 1.0)
    return realignment(moved, NormalisedScan(goal, landmarks, 1.0)).apply(cloud)


def trace(moved: Moved) -> tuple[LayerError, ...]:
    """The equivariance error of every layer of the network under the motion, whatever the protocol."""
    from faceviz.evaluation.layer_trace import layer_trace

    prepared, predictor = moved.loaded.unmoved.prepared, moved.loaded.predictor
    assert predictor is not None  # what was moved has been predicted
    return layer_trace(predictor.network, prepared.normalised, network_pose(prepared, moved.pose))


def sphere(loaded: LoadedScan, *, axes: int = 32) -> Iterator[SphereErrors]:
    """What turns about many axes do to the heat, one turn after the other."""
    from faceviz.evaluation.equivariance import measure_sphere

    points = loaded.unmoved.prepared.normalised
    assert loaded.predictor is not None  # what is turned has been predicted
    return measure_sphere(loaded.predictor.heatmaps, points, loaded.truth_heat, axes=axes)


def moved_scene(moved: Moved, settings: Settings, second: Moved | None = None) -> SceneSpec:
    """What to draw; with a second model, each pane says what its model makes of the motion."""
    loaded = moved.loaded
    other = moved if second is None else second
    return scene(
        moved.prediction,
        settings,
        truth_heat=loaded.truth_heat,
        body=loaded.body(settings.body),
        front=loaded.front,
        key=loaded.key,
        second=None if second is None else second.prediction,
        suspects=() if loaded.audit is None else tuple(sorted(loaded.audit.flagged)),
        titles=(model_title(loaded.model), model_title(other.loaded.model)),
        notes=(_note(moved, settings), _note(other, settings)),
    )


def _note(moved: Moved, settings: Settings) -> str:
    truth = moved.loaded.truth_heat
    parts = [] if moved.change is None else [f"heat changed by {moved.change:.1e}"]
    if truth is not None:
        iou = heatmap_iou(moved.prediction.point_heatmaps, truth, settings.threshold)
        parts.append(f"IoU {np.nanmean(iou):.3f}")
    return ", ".join(parts)


def moved_table(moved: Moved, threshold: float) -> LandmarkTable:
    """One row a landmark, at an IoU threshold."""
    scan, prediction = moved.loaded.scan, moved.prediction
    calibration = prediction.calibration
    return landmark_table(
        moved.prediction.confidence,
        moved.prediction.point_heatmaps,
        moved.loaded.truth_heat,
        moved.prediction.landmarks,
        None if scan.landmarks is None else moved.pose.apply(scan.landmarks),
        threshold=threshold,
        unit=scan.unit,
        mm_per_unit=scan.mm_per_unit,
        deviation=prediction.deviation,
        usual=None if calibration is None else prediction.prepared.radius * calibration.usual,
        audit=moved.loaded.audit,
    )


def moved_curve(moved: Moved) -> tuple[np.ndarray, np.ndarray] | None:
    """Thresholds (T,) and the mean IoU over the landmarks at each, (T,); None without truth."""
    truth = moved.loaded.truth_heat
    if truth is None:
        return None
    curve = iou_curve(moved.prediction.point_heatmaps, truth)
    defined = np.isfinite(curve)
    mean = np.where(defined, curve, 0.0).sum(axis=1) / np.maximum(defined.sum(axis=1), 1)
    return CURVE_THRESHOLDS, mean


def translation_reach(scan: FaceScan) -> float:
    """The end of the translation sliders, in the scan's unit: ``REACH`` radii, rounded up to one digit."""
    reach = REACH * scan.radius
    step = 10.0 ** np.floor(np.log10(reach))
    return float(np.ceil(reach / step) * step)


def random_motion(scan: FaceScan, rng: np.random.Generator) -> dict[str, Any]:
    """Changes of the settings: a rotation uniform on SO(3), a translation uniform within the sliders."""
    reach = translation_reach(scan)
    return {
        "rotation_deg": tuple(round(angle, 1) for angle in rotation_to_degrees(random_rotation(rng))),
        "translation": tuple(float(f"{shift:.3g}") for shift in rng.uniform(-reach, reach, 3)),
    }


def landmarks_document(moved: Moved, model: str) -> dict[str, Any]:
    """What a download holds: positions in the scan's own frame, as if it had never been moved, and the motion shown."""
    prediction = moved.prediction
    return {
        "source": moved.loaded.scan.source,
        "landmarks": moved.pose.inverse().apply(prediction.landmarks).tolist(),
        "confidence": [float(value) for value in prediction.confidence],
        "uncertainty_mm": _rounded(prediction.uncertainty_mm),
        "unit": prediction.unit,
        "model": model,
        "pose": moved.pose.matrix.tolist(),
        "seconds": {step: float(value) for step, value in prediction.seconds.items()},
    }


def _rounded(values: np.ndarray | None) -> list[float] | None:
    return None if values is None else [round(float(value), 4) for value in values]
