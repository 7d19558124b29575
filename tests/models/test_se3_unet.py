"""The network's heatmaps are invariant by construction, untrained weights included."""

import numpy as np
import pytest
import torch

from faceviz.errors import ConfigError
from faceviz.geometry.transforms import random_pose
from faceviz.models.se3_unet import Se3Unet, Se3UnetConfig
from faceviz.testing import assert_equivariant, random_face

SMALL = Se3UnetConfig(
    sizes=(128, 48, 16), k=8, scalars=(16, 16, 24), vectors=(6, 6, 8), value_scalars=(8, 8, 8), value_vectors=(4, 4, 4),
    encoder=(1, 1, 2), decoder=(1, 1), heads=4, radial=6,
)  # fmt: skip


def network(dtype=torch.float32, config=SMALL):
    torch.manual_seed(0)
    model = Se3Unet(config).to(dtype).eval()
    torch.nn.init.normal_(model.head[-1].weight, std=0.3)  # spread the heat, so that changes would be seen
    return model


def cloud(seed=0, count=128, dtype=np.float64):
    face = random_face(seed, count)
    return ((face.points - face.centroid) / face.radius).astype(dtype)


@pytest.mark.parametrize("seed", range(3))
def test_heatmaps_do_not_change_with_pose_in_single_precision(seed):
    model = network()
    assert_equivariant(
        lambda x: model.heatmaps(x).numpy(), cloud(seed, dtype=np.float32), poses=40, seed=seed
    )


@pytest.mark.parametrize("seed", range(3))
def test_heatmaps_do_not_change_with_pose_in_double_precision(seed):
    model = network(torch.float64)
    assert_equivariant(lambda x: model.heatmaps(x).numpy(), cloud(seed), poses=20, seed=seed)


def test_heatmaps_follow_a_permutation_of_the_points(rng):
    model, points = network(), cloud()
    order = rng.permutation(len(points))
    np.testing.assert_allclose(
        model.heatmaps(points[order]).numpy(), model.heatmaps(points).numpy()[order], atol=1e-6
    )


def test_a_cloud_does_not_depend_on_its_place_in_a_batch():
    model, clouds = network(torch.float64), [cloud(seed) for seed in range(3)]
    together = model.heatmaps(np.stack(clouds)).numpy()
    for points, heat in zip(clouds, together, strict=True):
        np.testing.assert_allclose(model.heatmaps(points).numpy(), heat, atol=1e-12)


def test_the_same_cloud_twice_gives_the_same_answer():
    model, points = network(), cloud()
    before = points.copy()
    assert torch.equal(model.heatmaps(points), model.heatmaps(points))
    np.testing.assert_array_equal(points, before)


def test_a_mirrored_cloud_gives_other_heatmaps():
    model = network(torch.float64)
    assert (model.heatmaps(cloud()) - model.heatmaps(cloud() * [-1.0, 1.0, 1.0])).abs().max() > 1e-4


@pytest.mark.parametrize("count", [10, 17, 50, 128, 129, 300, 1000])
def test_any_number_of_points_is_taken(count):
    heat = network().heatmaps(cloud(count=count))
    assert heat.shape == (count, 68) and torch.isfinite(heat).all()


def test_large_clouds_stay_invariant():
    model = network(torch.float64)
    assert_equivariant(lambda x: model.heatmaps(x).numpy(), cloud(count=500), poses=5)


def test_every_parameter_gets_a_gradient():
    from faceviz.graph import SurfaceGraph

    model = network().train()
    graph = SurfaceGraph.from_points(cloud(), SMALL.graph).to(dtype=torch.float32)
    model(graph).square().mean().backward()
    silent = [name for name, p in model.named_parameters() if p.grad is None or p.grad.abs().max() == 0]
    assert silent == []


def test_a_misspelt_setting_is_named_with_the_nearest_one():
    with pytest.raises(ConfigError, match="did you mean 'heads'"):
        Se3UnetConfig.from_dict({"hedas": 4})


def test_levels_that_do_not_fit_are_refused():
    with pytest.raises(ConfigError, match="scalars needs 3 entries"):
        Se3UnetConfig(scalars=(16, 16))


@pytest.mark.slow
def test_the_default_network_is_invariant_over_a_thousand_poses_on_small_and_200_on_full_size():
    model = network()
    assert_equivariant(lambda x: model.heatmaps(x).numpy(), cloud(5, dtype=np.float32), poses=1000, seed=5)
    model = network(config=Se3UnetConfig())
    face = cloud(6, 1024, np.float32)
    still = model.heatmaps(face).numpy()
    rng = np.random.default_rng(6)
    worst = max(
        np.abs(model.heatmaps(random_pose(rng).apply(face).astype(np.float32)).numpy() - still).max()
        for _ in range(200)
    )
    assert worst <= 1e-5
