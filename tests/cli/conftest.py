from __future__ import annotations

import io
import sys
from contextlib import redirect_stderr, redirect_stdout

import numpy as np
import pytest

from faceviz.geometry.transforms import RigidTransform
from faceviz.heatmaps import landmarks_to_heatmaps
from faceviz.prediction import LandmarkPrediction, PreparedScan


class FakePredictor:
    """Finds the true landmarks of the scan it is given, so that what the command writes can be checked."""

    name = "fake"
    device = "cpu"

    @classmethod
    def from_pretrained(cls, name_or_dir="se3unet", *, device=None):
        return cls()

    def predict(self, scan, *, raw=False):
        heat = landmarks_to_heatmaps(scan.points, scan.landmarks, 0.095 * scan.radius)
        return LandmarkPrediction(
            landmarks=scan.landmarks,
            confidence=np.linspace(0, 1, 68),
            points=scan.points,
            point_heatmaps=heat.astype(np.float32),
            prepared=PreparedScan(scan, scan.points, scan.points, np.zeros(3), 1.0, raw=True),
            pose=RigidTransform.identity(),
            model=self.name,
            seconds={"network": 0.01, "total": 0.02},
        )


@pytest.fixture
def fake_predictor(monkeypatch):
    monkeypatch.setattr("faceviz.pipeline.LandmarkPredictor", FakePredictor)


@pytest.fixture
def faceviz(monkeypatch):
    """Runs the command line in this process: (exit code, stdout, stderr)."""

    def run(*arguments):
        from faceviz.cli import main

        monkeypatch.setattr(sys, "argv", ["faceviz", *map(str, arguments)])
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as exit_:
            main()
        return exit_.value.code or 0, out.getvalue(), err.getvalue()

    return run
