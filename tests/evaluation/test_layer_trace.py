from __future__ import annotations

import numpy as np
import pytest
import torch
from e3nn import o3

from faceviz.evaluation.equivariance import MENDED_IN_TURN, random_published, with_mistakes
from faceviz.evaluation.layer_trace import layer_trace, wigner_matrix
from faceviz.geometry.transforms import RigidTransform, random_rotation
from faceviz.models.ordinary import OrdinaryNet
from faceviz.models.se3_unet import Se3Unet
from faceviz.testing import random_face


@pytest.fixture(scope="module")
def cloud():
    points = random_face(0, 96).points
    points = points - points.mean(axis=0)
    return points / np.linalg.norm(points, axis=1).max()


@pytest.fixture(scope="module")
def network(cloud):
    return random_published(cloud)


@pytest.fixture
def turn(rng):
    return RigidTransform(random_rotation(rng), np.zeros(3))


@pytest.fixture
def pose(rng):
    return RigidTransform(random_rotation(rng), np.array([0.5, -1.0, 2.0]))


@pytest.mark.parametrize("degree", [0, 1, 2, 3])
def test_wigner_matrices_are_those_of_e3nn(rng, degree):
    rotation = random_rotation(rng)
    expected = o3.Irrep(degree, 1).D_from_matrix(torch.from_numpy(rotation)).numpy()
    np.testing.assert_allclose(wigner_matrix(rotation, degree), expected, atol=1e-5)  # e3nn's are in float32


def test_every_layer_of_the_mended_network_turns_along(network, cloud, pose):
    trace = layer_trace(network, cloud, pose)
    assert [trace[0].title, trace[-1].title] == ["Input", "Heatmaps"]
    assert {degree for layer in trace for degree in layer.degrees} == {0, 1, 2}
    assert len(trace) > 15 and max(layer.error for layer in trace) < 1e-10


def test_under_a_turn_the_published_network_breaks_at_its_head_and_nowhere_before(network, cloud, turn):
    trace = layer_trace(with_mistakes(network, MENDED_IN_TURN), cloud, turn)
    broken = [layer.layer for layer in trace if layer.error > 1e-8]
    assert broken == ["head", "heat"]


def test_under_a_shift_the_published_network_is_broken_at_its_input(network, cloud):
    shift = RigidTransform(np.eye(3), np.array([0.5, -1.0, 2.0]))
    trace = layer_trace(with_mistakes(network, MENDED_IN_TURN), cloud, shift)
    assert trace[0].title == "Input" and trace[0].error > 1
    assert trace[0].degrees[1] == pytest.approx(
        np.linalg.norm(shift.translation) * len(cloud) ** 0.5 / np.linalg.norm(cloud)
    )


def test_ours_is_equivariant_in_every_layer_and_the_ordinary_network_in_none(cloud, pose):
    torch.manual_seed(0)
    ours = layer_trace(Se3Unet().double().eval(), cloud, pose)
    ordinary = layer_trace(OrdinaryNet().double().eval(), cloud, pose)
    assert len(ours) > 10 and max(layer.error for layer in ours) < 1e-10
    assert len(ordinary) > 10 and min(layer.error for layer in ordinary) > 1e-3


def test_no_hook_is_left_behind(network, cloud, turn):
    layer_trace(network, cloud, turn)
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in network.modules())
