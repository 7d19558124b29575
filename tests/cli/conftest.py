from __future__ import annotations

import io
import sys
from contextlib import redirect_stderr, redirect_stdout
from types import SimpleNamespace

import numpy as np
import pytest

from faceviz.heatmaps import landmarks_to_heatmaps


class FakePredictor:
    """Finds the true landmarks of the scan it is given, so that what the command writes can be checked."""

    name = "fake"
    device = "cpu"

    @classmethod
    def from_pretrained(cls, name_or_dir="se3unet", *, device=None):
        return cls()

    def predict(self, scan, *, raw=False):
        return SimpleNamespace(
            landmarks=scan.landmarks,
            confidence=np.linspace(0, 1, 68),
            heatmaps=landmarks_to_heatmaps(scan.points, scan.landmarks, 0.095 * scan.radius).astype(
                np.float32
            ),
            unit=scan.unit,
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
