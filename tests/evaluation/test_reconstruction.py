from __future__ import annotations

import json

import numpy as np
import pytest

from faceviz.errors import ConfigError
from faceviz.evaluation.reconstruction import (
    Subject,
    aligned,
    evaluate_reconstruction,
    normalised_mean_error,
    point_error,
)
from faceviz.evaluation.reconstruction_report import table2
from faceviz.geometry.geometry_image import mean_face
from faceviz.geometry.transforms import RigidTransform, random_rotation

MEAN = mean_face().reshape(-1, 3)[::8]


class Step:
    def __init__(self, points, change):
        self.points, self.change = points, change


class Guess:
    """Knows the truth, in which it mixes the mean face: less with each image."""

    name, description = "guess", {"sha256": "00", "architecture": "test"}

    def __init__(self, share):
        self.share, self.seen, self.truth = share, 0, None

    @property
    def mean_points(self):
        return MEAN.copy()

    def reset(self):
        self.seen = 0

    def update(self, image, *, cropped):
        if image.max() == 0:
            return Step(MEAN, None)
        self.seen += 1
        share = self.share(self.seen)
        return Step(MEAN + (1 - share) * (FACES[int(image[0, 0, 0]) - 1] - MEAN), 1.0)


FACES = [
    MEAN + 4 * np.stack([np.sin(MEAN[:, 1] / (20 + i)), np.zeros(len(MEAN)), np.cos(MEAN[:, 0] / 15)], axis=1)
    for i in range(3)
]


def subjects(count=1, images=16, corresponds=True):
    for i in range(count):
        picture = np.full((8, 8, 3), i + 1, np.uint8)
        yield Subject([picture] * images, FACES[i], corresponds, True, f"s{i}")


def test_the_truth_has_no_error():
    report = evaluate_reconstruction(subjects(), Guess(lambda n: 0.0))
    assert report.nme < 1e-6 and report.point_error_mm < 1e-6 and report.rigid_error_mm < 1e-6
    assert report.mean_face["point_error_mm"] > 1.0 and report.mean_face["nme"] > 1e-4


def test_the_mean_face_has_the_errors_of_the_mean_face():
    report = evaluate_reconstruction(subjects(), Guess(lambda n: 1.0))
    for name, value in report.mean_face.items():
        assert getattr(report, name) == pytest.approx(value, rel=1e-6)


def test_the_curve_follows_the_error_from_image_to_image():
    report = evaluate_reconstruction(subjects(), Guess(lambda n: 1.0 / n))
    assert len(report.by_images) == 16
    assert np.all(np.diff(report.by_images) < 0)
    assert report.by_images[3] == pytest.approx(report.by_images[0] / 4, rel=0.05)
    assert report.gain_by_image[0] == pytest.approx(report.by_images[0] - report.by_images[1])
    assert report.order_spread == pytest.approx(0.0, abs=1e-9)


def test_without_correspondence_only_the_nearest_points_are_measured():
    report = evaluate_reconstruction(subjects(corresponds=False), Guess(lambda n: 0.5))
    assert report.nme > 0 and report.point_error_mm is None and report.by_images == []
    assert json.loads(report.to_json())["point_error_mm"] is None


def test_a_subject_without_a_face_is_counted_apart():
    blind = Subject([np.zeros((8, 8, 3), np.uint8)] * 3, FACES[0], True, True, "blind")
    report = evaluate_reconstruction([blind, *subjects(1)], Guess(lambda n: 0.0))
    assert report.to_dict()["no_face_found"] == 1
    assert report.point_error_mm < 1e-6
    with pytest.raises(ConfigError, match="no image"):
        evaluate_reconstruction([blind], Guess(lambda n: 0.0))


def test_no_subject_is_an_error():
    with pytest.raises(ConfigError, match="no subjects"):
        evaluate_reconstruction([], Guess(lambda n: 0.0))


def test_pose_and_size_do_not_count_but_size_does_where_it_is_asked_for(rng):
    moved = RigidTransform(random_rotation(rng), rng.normal(0, 50, 3)).apply(FACES[0])
    assert point_error(moved, FACES[0]) < 1e-9
    assert point_error(1.05 * moved, FACES[0]) < 1e-9
    assert point_error(1.05 * moved, FACES[0], scaled=False) > 1.0
    np.testing.assert_allclose(aligned(moved, FACES[0]), FACES[0], atol=1e-9)


def test_the_normalised_error_ignores_size_and_small_moves(rng):
    moved = 1.1 * FACES[0] + np.array([3.0, -2.0, 1.0])
    assert normalised_mean_error(moved, FACES[0]) < 1e-6
    error = normalised_mean_error(MEAN, FACES[0])
    assert 1e-4 < error < 0.05


def test_the_normalised_error_of_shifted_noise_is_that_of_its_nearest_points(rng):
    truth = rng.normal(size=(500, 3))
    noisy = truth + rng.normal(0, 0.01, truth.shape)
    diagonal = np.linalg.norm(np.ptp(truth, axis=0))
    nearest = np.linalg.norm(noisy[:, None] - truth[None], axis=-1).min(axis=1).mean()
    assert normalised_mean_error(noisy, truth) == pytest.approx(nearest / diagonal, rel=0.1)


def test_the_report_is_strict_json_with_the_promised_keys():
    report = evaluate_reconstruction(subjects(), Guess(lambda n: 1.0 / n), examples=1)
    content = json.loads(report.to_json())
    assert {"nme", "point_error_mm", "mean_face", "by_images", "order_spread", "commit"} <= content.keys()
    assert {"nme", "point_error_mm"} <= content["mean_face"].keys()
    assert len(report.examples) == 1 and report.to_table().row_count == 4
    assert table2({"validation": {"test": report}}).row_count == 2
