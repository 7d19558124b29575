from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from faceviz.display.colormaps import lookup_table
from faceviz.display.face_truth import scan_truth
from faceviz.display.reconstruction import (
    ERROR_RANGE_MM,
    KEPT,
    FaceProgress,
    counts_text,
    head_yaw,
    helped_text,
)
from faceviz.errors import ConfigError
from faceviz.geometry.expression import Expression, expression_basis
from faceviz.geometry.geometry_image import landmarks, mean_face, triangles
from faceviz.geometry.transforms import euler_to_rotation
from faceviz.reconstruct import Reconstruction
from faceviz.scan import FaceScan

MEAN = mean_face().reshape(-1, 3)


def step(shift=0.0, *, used=1, skipped=0, change=None, source="a.jpg", yaw=None):
    """A reconstruction whose face is the mean face, moved forward."""
    points = MEAN + [0.0, 0.0, shift]
    marks = None
    if yaw is not None:
        turned = landmarks(points) @ euler_to_rotation(0.0, np.radians(yaw), 0.0).T
        marks = 100.0 + turned[:, :2] * [1.0, -1.0]
    reason = "no face was found" if change is None else None
    return Reconstruction(
        points, used, skipped, change, reason, None, None, marks, source, {"network": 0.02}, "tiny"
    )


def progress(*changes, truth=None):
    """After images that each bring the face this far forward from the one before; None skips."""
    now, place, used, skipped = FaceProgress.begin(MEAN, truth), 0.0, 0, 0
    for i, change in enumerate(changes):
        place += change or 0.0
        used, skipped = used + (change is not None), skipped + (change is None)
        size = None if change is None else abs(change)
        now = now.after(step(place, used=used, skipped=skipped, change=size, source=f"{i}.jpg"))
    return now


def test_what_was_counted_is_told():
    now = progress(4.0, None, 1.0).after(step(5.0, used=3, skipped=1, change=0.1), dropped=7)
    assert counts_text(now) == "3 used, 1 skipped, 7 dropped"
    assert now.milliseconds == pytest.approx(20.0)


def test_a_progress_is_never_changed_in_place():
    first = FaceProgress.begin(MEAN)
    later = first.after(step(3.0, change=3.0))
    assert first.used == 0 and first.steps == () and first.last is None
    assert later.used == 1 and later.before is first.points


def test_of_ten_thousand_images_only_the_latest_are_kept():
    now = FaceProgress.begin(MEAN)
    for i in range(KEPT + 50):
        now = now.after(step(used=i + 1, change=0.5))
    assert len(now.steps) == KEPT and now.used == KEPT + 50
    assert now.series.number[[0, -1]].tolist() == [51, KEPT + 50]


def test_a_skipped_image_leaves_a_gap_in_the_series():
    series = progress(4.0, None, 1.0, 2.0, 0.5).series
    np.testing.assert_allclose(series.change, [4.0, np.nan, 1.0, 2.0, 0.5])
    assert series.error is None


def test_the_image_that_helped_most_is_not_the_first():
    series = progress(4.0, None, 1.0, 2.0, 0.5).series
    assert series.helped == 3 and series.helped_mm == pytest.approx(2.0)
    assert helped_text(series) == "3.jpg helped most: changed the face by 2.00 mm"
    assert helped_text(progress(4.0).series) == ""
    assert helped_text(progress().series) == ""


class AtDepth:
    """A truth that the face reaches when it has come so far forward; the error is what remains."""

    def __init__(self, depth):
        self.depth = depth

    def errors(self, points):
        return np.abs(points[:, 2] - MEAN[:, 2] - self.depth)


def test_with_a_truth_the_image_helped_that_lowered_the_error():
    now = progress(4.0, 3.0, -5.0, 1.0, truth=AtDepth(3.0))
    np.testing.assert_allclose(now.series.error, [1.0, 4.0, 1.0, 0.0], atol=1e-9)
    assert now.series.helped == 2 and now.error_mm == pytest.approx(0.0, abs=1e-9)
    assert "lowered the error by 3.00 mm" in helped_text(now.series)


def test_where_every_image_made_it_worse_none_helped():
    assert progress(4.0, 1.0, 1.0, truth=AtDepth(3.0)).series.helped is None


def test_height_is_coloured_over_the_range_of_the_mean_face():
    colours = progress(2.0).colours("height")
    np.testing.assert_allclose(colours.values, MEAN[:, 2] + 2.0, rtol=1e-6)
    assert colours.limits == (MEAN[:, 2].min(), MEAN[:, 2].max())
    assert colours.label.endswith(colours.unit) and colours.unit == "mm"


def test_change_is_coloured_from_the_last_used_image():
    now = progress(4.0, 1.5, None)
    colours = now.colours("change")
    np.testing.assert_allclose(colours.values, 1.5, rtol=1e-5)
    assert colours.limits == (0.0, 2.0)
    assert progress().colours("change").limits[1] > 0


def test_error_is_coloured_against_the_truth_only():
    colours = progress(1.0, truth=AtDepth(4.0)).colours("error")
    np.testing.assert_allclose(colours.values, 3.0, rtol=1e-5)
    middle = lookup_table(colours.colormap)[round(255 * 3.0 / ERROR_RANGE_MM)]
    np.testing.assert_array_equal(colours.rgb, np.tile(middle, (len(MEAN), 1)))
    with pytest.raises(ConfigError, match="--truth"):
        progress(1.0).colours("error")
    with pytest.raises(ConfigError, match="did you mean 'height'"):
        progress(1.0).colours("heigth")


@pytest.mark.parametrize("yaw", [-40.0, 0.0, 25.0])
def test_the_turn_of_the_head_is_read_from_its_image_landmarks(yaw):
    assert head_yaw(step(change=1.0, yaw=yaw)) == pytest.approx(yaw, abs=1.0)
    assert head_yaw(step(change=1.0)) is None


def test_the_face_wears_the_expression_that_was_last_seen():
    now = FaceProgress.begin(MEAN)
    np.testing.assert_array_equal(now.face("seen"), MEAN)
    smile = Expression(np.eye(len(expression_basis()))[0] * 2.0, None).apply(MEAN)
    marks = 100.0 + landmarks(smile)[:, :2] * [1.0, -1.0]
    now = now.after(replace(step(change=1.0), image_landmarks=marks))
    worn = now.face("seen")
    assert np.linalg.norm(worn - smile, axis=1).mean() < 0.5 * np.linalg.norm(MEAN - smile, axis=1).mean()
    np.testing.assert_array_equal(now.face(), MEAN)
    skipped = now.after(step(used=1, skipped=1))
    np.testing.assert_array_equal(skipped.face("seen"), worn)


def test_a_missing_view_is_asked_for():
    now = FaceProgress.begin(MEAN)
    for i, yaw in enumerate((0.0, 3.0, 30.0)):
        now = now.after(step(used=i + 1, change=1.0, yaw=yaw))
    assert now.views == (2, 1, 0)
    assert now.hint == "not seen yet: turn the head to its right"
    assert now.after(step(used=4, change=1.0, yaw=-30.0)).hint is None
    assert progress(1.0, 1.0, 1.0, 1.0).hint is None


def test_a_truth_on_the_grid_is_compared_point_by_point_after_a_similarity():
    rng = np.random.default_rng(0)
    moved = 1.2 * (MEAN @ euler_to_rotation(0.3, 2.0, -1.0).T) + [50.0, -900.0, 4.0]
    truth = scan_truth(FaceScan(moved, triangles(), unit="mm"))
    assert truth.corresponds
    assert truth.errors(MEAN).max() < 1e-6
    noisy = MEAN + rng.normal(0, 1.0, MEAN.shape)
    assert truth.errors(noisy).mean() == pytest.approx(1.2 * 1.596, rel=0.02)  # mean length of a 3D normal


def test_a_truth_of_another_mesh_is_compared_with_its_surface():
    rotation = euler_to_rotation(0.3, 2.0, -1.0)
    cell = np.arange(128 * 128).reshape(128, 128)[::2, ::2]
    image = MEAN.reshape(128, 128, 3)[::2, ::2].reshape(-1, 3)
    grid = np.arange(cell.size).reshape(cell.shape)
    corners = np.stack([grid[:-1, :-1], grid[1:, :-1], grid[1:, 1:]], axis=-1).reshape(-1, 3)
    others = np.stack([grid[:-1, :-1], grid[1:, 1:], grid[:-1, 1:]], axis=-1).reshape(-1, 3)
    scan = FaceScan(
        image @ rotation.T / 10.0,
        np.concatenate([corners, others]),
        landmarks(MEAN) @ rotation.T / 10.0,
        "cm",
    )
    truth = scan_truth(scan)
    assert not truth.corresponds
    assert np.median(truth.errors(MEAN)) < 0.1
    bump = MEAN + 8.0 * np.exp(-((MEAN - MEAN[64 * 128 + 64]) ** 2).sum(axis=1) / 800.0)[:, None] * [
        0,
        0,
        1.0,
    ]
    errors = truth.errors(bump)
    assert 4.0 < errors[64 * 128 + 64] < 8.5 and np.median(errors) < 1.5


def test_a_truth_without_a_unit_is_refused():
    with pytest.raises(ConfigError, match="write it in mm"):
        scan_truth(FaceScan(MEAN))
