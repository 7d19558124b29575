"""The landmark viewer without its widgets: which scan, which prediction, which settings; and what follows from them."""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from faceviz.display.body import Body, make_body
from faceviz.display.front import Front, front_of
from faceviz.display.readings import LandmarkTable, landmark_table
from faceviz.display.scene import SceneSpec, scene, true_heat
from faceviz.display.settings import Settings, rotation_to_degrees
from faceviz.errors import FacevizError
from faceviz.geometry.transforms import RigidTransform, random_rotation
from faceviz.metrics import CURVE_THRESHOLDS, invariance_error, iou_curve
from faceviz.scan import FaceScan

if TYPE_CHECKING:
    from faceviz.pipeline import LandmarkPrediction, LandmarkPredictor

_KEYS = itertools.count(1)

#: The translation sliders reach this many radii of the scan.
REACH = 5.0


@dataclass(frozen=True, eq=False)
class LoadedScan:
    """A scan with all that does not change while it is moved.

    Args:
        unmoved: the prediction without any motion, against which the invariance is measured.
        key: another one for every scan that is loaded.
    """

    unmoved: LandmarkPrediction
    key: str = field(default_factory=lambda: str(next(_KEYS)))
    _bodies: dict[str, Body] = field(default_factory=dict, repr=False)

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


def load(predictor: LandmarkPredictor, scan: FaceScan) -> LoadedScan:
    """Predicts a scan unmoved.

    Raises:
        FacevizError: the scan cannot be worked on, or shows no face; the message names the scan.
    """
    try:
        return LoadedScan(predictor.predict(scan))
    except FacevizError as error:
        if scan.source in str(error):
            raise
        raise type(error)(f"{scan.source}: {error}") from error


def unmoved(loaded: LoadedScan) -> Moved:
    """A scan as it was loaded."""
    seconds = sum(time for stage, time in loaded.unmoved.seconds.items() if stage != "prepare")
    return Moved(loaded, loaded.unmoved, None, seconds)


def move(predictor: LandmarkPredictor, loaded: LoadedScan, pose: RigidTransform) -> Moved:
    """Sends the moved points through the network, and measures what changed."""
    start = time.perf_counter()
    prediction = predictor.predict_prepared(loaded.unmoved.prepared, pose)
    seconds = time.perf_counter() - start
    change = invariance_error(loaded.unmoved.point_heatmaps, prediction.point_heatmaps)
    return Moved(loaded, prediction, change, seconds)


def moved_scene(moved: Moved, settings: Settings) -> SceneSpec:
    """What to draw."""
    loaded = moved.loaded
    return scene(
        moved.prediction,
        settings,
        truth_heat=loaded.truth_heat,
        body=loaded.body(settings.body),
        front=loaded.front,
        key=loaded.key,
    )


def moved_table(moved: Moved, threshold: float) -> LandmarkTable:
    """One row a landmark, at an IoU threshold."""
    scan = moved.loaded.scan
    return landmark_table(
        moved.prediction.confidence,
        moved.prediction.point_heatmaps,
        moved.loaded.truth_heat,
        moved.prediction.landmarks,
        None if scan.landmarks is None else moved.pose.apply(scan.landmarks),
        threshold=threshold,
        unit=scan.unit,
        mm_per_unit=scan.mm_per_unit,
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
        "unit": prediction.unit,
        "model": model,
        "pose": moved.pose.matrix.tolist(),
        "seconds": {step: float(value) for step, value in prediction.seconds.items()},
    }
