from __future__ import annotations

import numpy as np
import pytest

from faceviz.errors import GeometryError, ShapeError
from faceviz.metrics import (
    CURVE_THRESHOLDS,
    HeatmapIoU,
    heatmap_iou,
    invariance_error,
    iou_curve,
    landmark_error,
)


def brute_force_iou(predicted, true, threshold):
    values = []
    for column in range(true.shape[1]):
        p = {i for i in range(len(true)) if predicted[i, column] >= threshold}
        t = {i for i in range(len(true)) if true[i, column] >= threshold}
        values.append(len(p & t) / len(p | t))
    return values


def test_iou_agrees_with_counting_in_sets(rng):
    predicted, true = rng.uniform(size=(2, 50, 7))
    np.testing.assert_allclose(heatmap_iou(predicted, true, 0.3), brute_force_iou(predicted, true, 0.3))


def test_iou_counts_a_value_equal_to_the_threshold():
    assert heatmap_iou(np.array([[0.5]]), np.array([[0.5]]), 0.5) == 1.0


def test_iou_of_two_empty_sets_is_undefined_and_of_one_empty_set_zero():
    low, high = np.zeros((4, 1)), np.ones((4, 1))
    assert np.isnan(heatmap_iou(low, low)).all()
    assert heatmap_iou(low, high) == heatmap_iou(high, low) == 0.0


def test_iou_refuses_other_shapes_and_nan():
    with pytest.raises(ShapeError, match=r"\(2, 3\) and \(3, 2\)"):
        heatmap_iou(np.zeros((2, 3)), np.zeros((3, 2)))
    with pytest.raises(GeometryError, match="NaN"):
        heatmap_iou(np.full((2, 3), np.nan), np.zeros((2, 3)))


@pytest.mark.parametrize("refused", [np.zeros((0, 3)), np.zeros(3), np.zeros((2, 3, 1))])
def test_heatmaps_without_points_or_without_landmarks_are_refused(refused):
    with pytest.raises(ShapeError, match="must both be"):
        heatmap_iou(refused, refused)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_value_that_is_not_finite_is_refused_in_either_heatmap(value):
    good, bad = np.zeros((2, 3)), np.zeros((2, 3))
    bad[1, 2] = value
    for pair in ((bad, good), (good, bad)):
        with pytest.raises(GeometryError, match="NaN"):
            invariance_error(*pair)


def test_the_curve_has_the_eighteen_thresholds_of_the_charts(rng):
    heat = rng.uniform(size=(20, 3))
    np.testing.assert_allclose(CURVE_THRESHOLDS, [0.05 * k for k in range(2, 20)])
    assert iou_curve(heat, heat).shape == (18, 3)


def test_accumulator_averages_scans_of_different_size_and_leaves_out_the_undefined(rng):
    metric = HeatmapIoU(np.array([0.2, 0.5]))
    scans = [rng.uniform(size=(2, n, 4)) for n in (10, 30)]
    empty = np.zeros((5, 4))
    for predicted, true in [*scans, (empty, empty)]:
        metric.update(predicted, true)
    expected = [np.mean([brute_force_iou(p, t, level) for p, t in scans], axis=0) for level in (0.2, 0.5)]
    np.testing.assert_allclose(metric.compute(), expected)
    assert HeatmapIoU.higher_is_better


def test_accumulator_has_no_mean_before_the_first_scan_and_after_a_reset():
    metric = HeatmapIoU()
    metric.update(np.ones((2, 1)), np.ones((2, 1)))
    assert metric.compute() == 1.0
    metric.reset()
    with pytest.raises(ShapeError, match="update"):
        metric.compute()


def test_accumulator_averages_each_landmark_over_the_scans_that_define_it():
    metric, blank = HeatmapIoU(), np.zeros((2, 2))
    metric.update(np.array([[1.0, 0], [1, 0]]), np.array([[1.0, 0], [0, 0]]))
    metric.update(np.array([[1.0, 0], [0, 0]]), np.array([[1.0, 0], [0, 0]]))
    metric.update(blank, blank)
    np.testing.assert_array_equal(metric.compute(), [0.75, np.nan])


def test_accumulator_refuses_a_scan_with_other_landmarks():
    metric = HeatmapIoU()
    metric.update(np.ones((2, 4)), np.ones((2, 4)))
    with pytest.raises(ShapeError, match="this scan has 5 landmarks, the former ones 4"):
        metric.update(np.ones((2, 5)), np.ones((2, 5)))


def test_landmark_error_is_the_euclidean_distance():
    np.testing.assert_allclose(
        landmark_error(np.array([[3.0, 4.0, 0.0], [1, 1, 1]]), np.array([[0, 0, 0], [1, 1, 1]])), [5, 0]
    )


@pytest.mark.parametrize("shapes", [((4, 3), (5, 3)), ((4, 2), (4, 2)), ((3,), (3,)), ((4, 3), (4, 1))])
def test_landmark_error_refuses_what_does_not_pair(shapes):
    with pytest.raises(ShapeError, match="landmarks must both be"):
        landmark_error(*map(np.zeros, shapes))


def test_invariance_error_is_the_largest_change():
    before, after = np.zeros((3, 2)), np.array([[0, 0.1], [-0.3, 0], [0.2, 0]])
    assert invariance_error(before, after) == pytest.approx(0.3)


def test_invariance_error_of_coarse_heatmaps_is_not_rounded():
    before, after = np.array([[0.1]], dtype=np.float16), np.array([[0.7]], dtype=np.float16)
    assert invariance_error(before, after) == float(after[0, 0]) - float(before[0, 0])
