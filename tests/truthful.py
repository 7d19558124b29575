"""A predictor that knows the truth: heat from the true landmarks, a little displaced, moved with the pose."""

from __future__ import annotations

import time

import numpy as np

from faceviz.errors import NoFaceError
from faceviz.geometry.sampling import farthest_point_order
from faceviz.geometry.transforms import RigidTransform
from faceviz.graph import check_cloud
from faceviz.heatmaps import landmarks_to_heatmaps
from faceviz.pipeline import LandmarkPrediction, PreparedScan
from faceviz.scan import FaceScan


class TruthfulPredictor:
    """The interface of LandmarkPredictor without a network.

    Args:
        error: standard deviation of the displaced landmarks, in radii of the scan.
        seconds: how long a pass pretends to take.
        leak: makes the heat depend on the pose by this much, as a network that is not invariant would.
    """

    name = "truthful"
    device = "cpu"

    def __init__(self, error: float = 0.01, seconds: float = 0.0, leak: float = 0.0) -> None:
        self.error, self.seconds, self.leak = error, seconds, leak
        self.passes = 0

    def predict(self, scan: FaceScan, *, raw: bool = False) -> LandmarkPrediction:
        return self.predict_prepared(self.prepare(scan, raw=raw))

    def prepare(self, scan: FaceScan, *, raw: bool = False) -> PreparedScan:
        if scan.source.startswith("noface"):
            raise NoFaceError(f"{scan.source}: no face was found; crop the scan to the head")
        check_cloud(scan.points, 64)
        order = farthest_point_order(scan.points, min(512, len(scan)))
        return PreparedScan(
            scan=scan,
            points=scan.points[order],
            surface=scan.points,
            centre=scan.centroid,
            radius=scan.radius,
        )

    def predict_prepared(
        self, prepared: PreparedScan, pose: RigidTransform | None = None, *, cloud: np.ndarray | None = None
    ) -> LandmarkPrediction:
        started = time.perf_counter()
        self.passes += 1
        pose = pose or RigidTransform.identity()
        points = pose.apply(prepared.points)
        landmarks = pose.apply(self._guess(prepared))
        heat = landmarks_to_heatmaps(points, landmarks, prepared.sigma) * np.linspace(0.8, 1.0, 68)
        motion = 0.0 if cloud is None else np.abs(cloud - prepared.normalised).max()
        heat = np.clip(heat + self.leak * min(motion, 1.0), 0.0, 1.0)
        time.sleep(self.seconds)
        return LandmarkPrediction(
            landmarks,
            heat.max(axis=0),
            points,
            heat.astype(np.float32),
            prepared,
            pose,
            self.name,
            {"prepare": 0.0, "network": time.perf_counter() - started},
        )

    def _guess(self, prepared: PreparedScan) -> np.ndarray:
        truth = prepared.points[:68] if prepared.scan.landmarks is None else prepared.scan.landmarks
        truth = np.resize(truth, (68, 3))  # clouds of 64 to 67 points
        slip = np.random.default_rng(0).normal(0.0, self.error, truth.shape)
        return truth + slip * prepared.radius
