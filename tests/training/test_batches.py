from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch

from faceviz.models.ordinary import OrdinaryConfig, OrdinaryNet
from faceviz.models.se3_unet import Se3Unet, Se3UnetConfig
from faceviz.testing import random_face
from faceviz.training import LandmarkTrainingConfig
from faceviz.training.batches import Batches, ValidationClouds, make_batch, steps_in_epoch
from faceviz.training.clouds import CloudFolder, targets, whole_cloud, write_shard


@pytest.fixture(scope="module")
def clouds(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clouds")
    write_shard(folder / "000000.npz", [whole_cloud(random_face(i, 300), 200) for i in range(5)])
    write_shard(folder / "000200.npz", [whole_cloud(random_face(9, 300), 200)])
    return folder


@pytest.fixture(scope="module")
def network():
    return OrdinaryNet(OrdinaryConfig(sizes=(150, 64, 32), channels=(8,) * 3, messages=(8,) * 3, encoder=(1,) * 3,
                                      decoder=(1,) * 2, k=8))  # fmt: skip


def config(**sections):
    data = {"points": (150,), "augment": False, "rotate": False} | sections.pop("data", {})
    return LandmarkTrainingConfig(data=data, **sections)


def test_a_batch_is_a_function_of_its_number_alone(clouds, network):
    batches = Batches(CloudFolder(clouds), config(data={"augment": True, "rotate": True}), network, 0)
    first, again = batches.batch(7), Batches(CloudFolder(clouds), batches.config, network, 7).batch(7)
    torch.testing.assert_close(first.graph.points, again.graph.points)
    assert not torch.equal(first.heat, batches.batch(8).heat)


def test_an_epoch_shows_each_cloud_once(clouds, network):
    folder = CloudFolder(clouds)
    batches = Batches(folder, config(optimiser={"batch": 2, "epochs": 3}), network, 0)
    assert steps_in_epoch(len(folder), 2) == 3
    heats = {i: targets(cloud.points[:150], cloud.landmarks).sum() for i, cloud in enumerate(folder)}
    orders = []
    for epoch in range(2):
        shown = [
            float(heat) for step in range(3) for heat in batches.batch(3 * epoch + step).heat.sum((1, 2))
        ]
        orders.append([min(heats, key=lambda i: abs(heats[i] - total)) for total in shown])
    assert Counter(orders[0]) == Counter(orders[1]) == Counter(range(6))
    assert orders[0] != orders[1]


def test_only_the_scans_asked_for_are_read(clouds):
    assert (len(CloudFolder(clouds)), len(CloudFolder(clouds, 200)), len(CloudFolder(clouds, 201))) == (
        6,
        5,
        6,
    )


def test_upright_clouds_stay_upright_and_others_are_turned(clouds, network):
    upright = Batches(CloudFolder(clouds), config(data={"augment": True, "tilt": 2.0}), network, 0)
    turned = Batches(CloudFolder(clouds), config(data={"rotate": True}), network, 0)

    def heights(batches):
        """Of the eyes above the mouth, which a face of radius 1 has about half apart."""
        landmarks = torch.cat([batches.batch(i).landmarks for i in range(5)])
        return (landmarks[:, 36:48].mean(1) - landmarks[:, 48:60].mean(1))[:, 1]

    assert heights(upright).min() > 0.35
    assert heights(turned).min() < 0.0


def test_heat_lies_in_the_graph_s_order(clouds):
    cloud = CloudFolder(clouds)[0]
    points = cloud.points[:150][::-1].astype(
        np.float64
    )  # not in farthest-point order, so that the graph reorders
    network = Se3Unet(Se3UnetConfig(sizes=(150, 64, 32), k=8))
    batch = make_batch(points[None], cloud.landmarks[None], network)
    moved = batch.graph.points[0].numpy() + points.mean(axis=0)
    np.testing.assert_allclose(batch.heat[0], targets(moved, cloud.landmarks), atol=1e-5)
    np.testing.assert_allclose(batch.landmarks[0], cloud.landmarks - points.mean(axis=0), atol=1e-6)


def test_clouds_without_a_face_have_no_heat(clouds, network):
    batches = Batches(CloudFolder(clouds), config(data={"faceless": 0.5}), network, 0)
    seen = [
        (heat.max(), landmarks)
        for i in range(6)
        for heat, landmarks in zip(*batches.batch(i)[1:], strict=True)
    ]
    faceless = [heat for heat, landmarks in seen if landmarks.isnan().all()]
    assert 0 < len(faceless) < len(seen) and max(faceless) == 0.0


def test_validation_clouds_are_turned_where_training_turns_them(clouds, network):
    folder = CloudFolder(clouds)
    still = ValidationClouds(folder, config().data, network)
    turned, again = (ValidationClouds(folder, config(data={"rotate": True}).data, network) for _ in range(2))
    np.testing.assert_allclose(still[0].landmarks, folder[0].landmarks, atol=1e-6)
    assert not np.allclose(turned[0].landmarks, still[0].landmarks)
    torch.testing.assert_close(turned[3].points, again[3].points)
    torch.testing.assert_close(turned[0].heat.sum(), still[0].heat.sum(), atol=1e-3, rtol=0)


def test_validation_clouds_have_as_many_points_as_the_largest_of_training(clouds, network):
    data = config(data={"points": (150, 120)}).data
    assert {len(example.points) for example in ValidationClouds(CloudFolder(clouds), data, network)} == {150}
