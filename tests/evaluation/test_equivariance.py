from __future__ import annotations

import numpy as np
import pytest
import torch

from faceviz.evaluation.equivariance import (
    MENDED_IN_TURN,
    each_alone,
    measure_sphere,
    mend_in_turn,
    random_published,
    rotation_sphere,
    sphere_axes,
)
from faceviz.testing import random_face


@pytest.fixture(scope="module")
def cloud():
    points = random_face(0, 96).points
    points = points - points.mean(axis=0)
    return points / np.linalg.norm(points, axis=1).max()


@pytest.fixture(scope="module")
def network(cloud):
    return random_published(cloud)


def test_axes_are_unit_vectors_spread_evenly():
    axes = sphere_axes(64)
    assert np.linalg.norm(axes, axis=1) == pytest.approx(np.ones(64))
    assert np.abs(axes.mean(axis=0)).max() < 0.02
    nearest = np.sort(axes @ axes.T, axis=1)[:, -2]
    assert np.rad2deg(np.arccos(nearest)).min() > 15


def test_heat_read_from_a_coordinate_changes_most_for_turns_across_it(cloud):
    def height(points):
        return ((1.0 + points[:, 1:2]) / 2.0).repeat(3, axis=1)

    errors = rotation_sphere(height, cloud, axes=20, angles_deg=(180.0,))
    upright = np.abs(errors.axes[:, 1])
    assert errors.change[0, upright.argmax()] < 0.3 < errors.change[0, upright.argmin()]
    assert errors.done == errors.total == 20


def test_invariant_heat_is_the_same_all_over_the_sphere(cloud):
    def distance(points):
        return np.exp(-np.linalg.norm(points - points.mean(axis=0), axis=1, keepdims=True)).repeat(3, axis=1)

    errors = rotation_sphere(distance, cloud, axes=6)
    assert errors.change.max() < 1e-12
    np.testing.assert_array_equal(errors.iou, 1.0)


def test_the_sphere_can_be_left_after_any_turn(cloud):
    steps = measure_sphere(lambda points: np.zeros((len(points), 2)), cloud, axes=5, angles_deg=(10.0, 20.0))
    first, second = next(steps), next(steps)
    assert (first.done, second.done) == (1, 2)
    assert np.isnan(first.change[1, 0]) and np.isnan(first.iou[0, 0])  # no heat above the threshold: 0 / 0


def test_mending_one_mistake_after_another_ends_every_error(network, cloud):
    effects = {effect.title: effect.errors for effect in mend_in_turn(network, cloud)}
    first, *_, last = effects.values()
    assert min(first.rotation, first.translation, first.order, first.batch) > 0.01
    assert max(last.rotation, last.translation, last.order, last.batch) < 1e-10
    assert (
        effects["absolute input mended"].translation
        < 1e-10
        < 0.01
        < effects["absolute input mended"].rotation
    )
    assert effects["vector head mended"].rotation < 1e-10 < 0.01 < effects["vector head mended"].order


def test_each_mistake_alone_breaks_what_it_is_said_to_break(network, cloud):
    alone = {effect.mistakes[0]: effect.errors for effect in each_alone(network, cloud)}
    assert list(alone) == list(MENDED_IN_TURN)
    assert alone["absolute_input"].translation > 0.01 > 1e-10 > alone["absolute_input"].rotation
    assert alone["vector_head"].rotation > 0.01 > 1e-10 > alone["vector_head"].translation
    for name in ("mistaken_pool_positions", "mistaken_up_distances"):
        assert alone[name].order > 1e-4 and alone[name].rotation < 1e-10


def test_random_weights_give_heat_of_the_whole_range(network, cloud):
    heat = network.heatmaps(torch.from_numpy(cloud))
    assert heat.min() < 0.1 and heat.max() > 0.9
