from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from faceviz.evaluation.report import PUBLISHED_IOU, EvaluationReport, ProtocolResult
from faceviz.metrics import CURVE_THRESHOLDS
from faceviz.view.charts import draw_training_curves, write_evaluation_charts


@pytest.fixture
def report(rng):
    falling = np.linspace(0.9, 0.1, len(CURVE_THRESHOLDS))[:, None] * rng.uniform(0.9, 1.0, (1, 68))
    falling[-1] = np.nan  # no point lies above the last threshold
    protocols = tuple(ProtocolResult(name, falling[2], falling, 1e-7) for name in PUBLISHED_IOU)
    data = {"description": "made up", "scans": 3}
    return EvaluationReport(
        data, {"name": "none"}, protocols, CURVE_THRESHOLDS, None, 0, 1.0, {"commit": None}
    )


def test_evaluation_charts_are_pictures_with_ink(report, tmp_path):
    paths = write_evaluation_charts(report, tmp_path)
    assert [path.name for path in paths] == ["iou_threshold.png", "iou_landmarks.png", "iou_protocols.png"]
    for path in paths:
        pixels = np.asarray(Image.open(path).convert("RGB"))
        assert pixels.shape[1] >= 1000
        assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 50


def test_training_curves_grow_with_the_history(tmp_path):
    rows = [
        {
            "step": s,
            "minutes": s / 100,
            "train_loss": 1 / s,
            "val_loss": 2 / s,
            "val_iou": s / 500,
            "val_mm": 9 / s,
        }
        for s in (100, 200, 300)
    ]
    one, three = (draw_training_curves(rows[:n], tmp_path / f"{n}.png") for n in (1, 3))
    assert ink(three) > ink(one)


def ink(path):
    return (np.asarray(Image.open(path).convert("L")) < 250).sum()
