from __future__ import annotations

import numpy as np
import pytest

from faceviz.geometry.geometry_image import mean_face
from faceviz.view.faces import FaceRow, draw_face, draw_reconstruction_curves, rows_figure

MEAN = mean_face().reshape(-1, 3)


def test_a_face_is_drawn_in_the_middle_and_mirrored_from_the_other_side():
    front = draw_face(MEAN, size=(120, 132)).astype(int)
    assert front.shape == (132, 120, 3)
    dark = (front.sum(axis=2) < 700).mean(axis=0)
    assert dark[60] > 0.5 and dark[:5].max() == 0 and dark[-5:].max() == 0
    left, right = (draw_face(MEAN, size=(120, 132), yaw=yaw).astype(int) for yaw in (50, -50))
    assert np.abs(left - right[:, ::-1]).mean() < 6 < np.abs(left - right).mean()


def test_errors_have_colours():
    plain = draw_face(MEAN, size=(100, 110), error=np.zeros(16384))
    half = draw_face(MEAN, size=(100, 110), error=np.where(MEAN[:, 0] > 0, 6.0, 0.0))
    difference = np.abs(plain.astype(int) - half).sum(axis=2)
    assert difference[:, 55:].mean() > 10 * max(difference[:, :45].mean(), 0.1)


@pytest.mark.slow
def test_a_row_shows_images_prediction_truth_and_error():
    image = np.zeros((50, 50, 3), np.uint8)
    figure = rows_figure([FaceRow([image] * 6, MEAN, MEAN + 1)], "one", images=2)
    assert sum(len(axis.images) for axis in figure.axes) == 2 + 5
    alone = rows_figure([FaceRow([image], MEAN)], "one", images=2)
    assert sum(len(axis.images) for axis in alone.axes) == 1 + 2


def test_the_curves_of_a_run_are_drawn(tmp_path):
    rows = [
        {"step": i, "minutes": i, "train_loss": 2.0, "val_loss": 3.0, "val_mm_1": 3.0, "val_mm": 2.0}
        for i in (1, 2)
    ]
    assert draw_reconstruction_curves(rows, tmp_path / "curves.png").stat().st_size > 1000
