from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from faceviz.evaluation.equivariance import InvarianceErrors, MistakeEffect, SphereErrors, sphere_axes
from faceviz.evaluation.layer_trace import LayerError
from faceviz.view.lesson import PoseLesson, lesson_scan, plot_layers, plot_mistakes, plot_spheres
from tests.truthful import TruthfulPredictor

BLUE_GREEN, VERMILION = (0, 158, 115), (213, 94, 0)


def pixels(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


def share(picture: np.ndarray, colour: tuple[int, int, int]) -> float:
    return float((np.abs(picture - colour).max(axis=-1) < 12).mean())


@pytest.fixture(scope="module")
def lesson():
    from faceviz import assets, read_scan

    scan = read_scan(assets.path("scans/sample_neutral.ply"))
    leaky = TruthfulPredictor(leak=0.4)
    leaky.name = "leaky"
    return PoseLesson(scan, leaky, TruthfulPredictor(), points=200, size=(480, 260))


def test_the_scan_of_the_lesson_is_small_centred_and_of_radius_one(sample_scan):
    scan = lesson_scan(sample_scan, 64)
    assert len(scan) == 64 and scan.landmarks.shape == (68, 3)
    assert np.abs(scan.points.mean(axis=0)).max() < 1e-12
    assert np.linalg.norm(scan.points, axis=1).max() == pytest.approx(1.0)


def test_moving_a_slider_draws_what_both_networks_see(lesson):
    lesson.set(0, 0, 0, 0, 0, 0)
    before = pixels(lesson.image.value)
    assert before.shape == (260, 480, 3) and before.std() > 10
    lesson.sliders[1].value = 60.0
    after = pixels(lesson.image.value)
    assert (np.abs(after - before).max(axis=-1) > 24).mean() > 0.01
    first, second = lesson.changes
    assert first > 0.1 > 1e-6 > second


def test_both_panes_of_the_lesson_show_the_face(lesson):
    picture = pixels(lesson.image.value)[60:200]
    assert all(half.std() > 10 for half in np.array_split(picture, 2, axis=1))


def test_layers_that_break_are_of_another_colour():
    whole = [LayerError(f"l{i}", f"Layer {i}", 1e-15, {}) for i in range(4)]
    good = pixels(plot_layers({"good": whole}, "all well").data)
    bad = pixels(plot_layers({"bad": [*whole, LayerError("head", "Head", 0.5, {})]}, "broken").data)
    assert share(good, VERMILION) == 0 < share(good, BLUE_GREEN)
    assert share(bad, VERMILION) > 0.01


def test_the_table_of_mistakes_has_a_row_for_each_step():
    errors = [InvarianceErrors(0.9, 0.9, 0.5, 0.5), InvarianceErrors(1e-15, 1e-15, 1e-16, 0.0)]
    effects = [MistakeEffect(f"step {i}", (), error) for i, error in enumerate(errors)]
    one, two = (pixels(plot_mistakes(effects[:n]).data) for n in (1, 2))
    assert two.shape[0] > one.shape[0]
    dark, pale = (0, 34, 78), (254, 231, 55)  # the ends of cividis: 1e-16 and nearly 1
    assert share(one, dark) < 0.01 < share(two, dark)
    assert share(one, pale) > 0.01


def test_a_broken_sphere_has_other_colours_than_a_whole_one():
    axes = sphere_axes(12)

    def map_of(change):
        return SphereErrors(axes, np.array([90.0]), np.full((1, 12), change), np.ones((1, 12)))

    whole, broken = (pixels(plot_spheres({"network": map_of(change)}).data) for change in (0.0, 1.0))
    left = slice(0, int(0.7 * whole.shape[1]))  # without the colour bar
    purple, yellow = (68, 1, 84), (253, 231, 37)
    assert share(whole[:, left], purple) > 0.02 > share(whole[:, left], yellow)
    assert share(broken[:, left], yellow) > 0.02 > share(broken[:, left], purple)
