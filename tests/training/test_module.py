from __future__ import annotations

import lightning as L
import pytest
import torch
from torch.utils.data import DataLoader

from faceviz.testing import random_face
from faceviz.training import LandmarkTrainingConfig
from faceviz.training.batches import Batch, make_batch
from faceviz.training.landmarks import total_steps
from faceviz.training.module import LandmarkModule

ORDINARY = {
    "sizes": [64, 32, 20], "channels": [8] * 3, "messages": [8] * 3, "encoder": [1] * 3, "decoder": [1] * 2, "k": 6,
}  # fmt: skip


def module(steps=10, network=ORDINARY, architecture="ordinary", **sections):
    torch.manual_seed(0)
    config = LandmarkTrainingConfig(architecture=architecture, network=network, **sections)
    return LandmarkModule(config, steps, None)


def batches(network, count):
    faces = [random_face(seed, 64) for seed in range(count)]
    clouds = [((f.points - f.centroid) / f.radius, (f.landmarks - f.centroid) / f.radius) for f in faces]
    return [make_batch(points[None], landmarks[None], network) for points, landmarks in clouds]


def fitted(one: LandmarkModule, data: list[Batch], steps: int, accumulate: int) -> LandmarkModule:
    trainer = L.Trainer(
        max_steps=steps, accumulate_grad_batches=accumulate, logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False, accelerator="cpu",
    )  # fmt: skip
    trainer.fit(one, DataLoader(data, batch_size=None))
    assert trainer.global_step == steps
    return one


def test_accumulated_batches_make_the_step_of_one_large_batch():
    settings = {"name": "adam", "schedule": "restarts", "learning_rate": 0.01}
    apart, together = (module(optimiser=settings) for _ in range(2))
    single = batches(apart.network, 4)
    pairs = [
        Batch(apart.network.graph_from_points(torch.cat([a.graph.points, b.graph.points])),
              torch.cat([a.heat, b.heat]), torch.cat([a.landmarks, b.landmarks]))
        for a, b in zip(single[::2], single[1::2], strict=True)
    ]  # fmt: skip
    assert all((pair.graph.order == torch.arange(64)).all() for pair in pairs)
    fitted(apart, single, 2, accumulate=2)
    fitted(together, pairs, 2, accumulate=1)
    for one, other in zip(apart.parameters(), together.parameters(), strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)


def test_an_epoch_s_last_clouds_have_their_effect_too():
    def steps(**optimiser):
        return total_steps(LandmarkTrainingConfig(optimiser=optimiser), 10)

    assert steps(batch=3, epochs=35) == 35 * 4
    assert steps(batch=3, epochs=35, accumulate=4) == 35
    assert steps(batch=3, epochs=1, accumulate=3) == 2
    assert steps(steps=77) == 77


@pytest.mark.parametrize(("name", "kind"), [("adam", torch.optim.Adam), ("adamw", torch.optim.AdamW)])
def test_the_optimiser_is_the_one_asked_for(name, kind):
    made = module(optimiser={"name": name, "learning_rate": 8.5e-5, "warmup": 0}).configure_optimizers()
    assert type(made["optimizer"]) is kind
    assert made["optimizer"].param_groups[0]["lr"] == pytest.approx(8.5e-5)


def test_a_restart_brings_the_rate_back():
    one = module(steps=20, optimiser={"schedule": "restarts", "restart": 10})
    assert [one.rate(step) for step in (0, 5, 10)] == pytest.approx([1.0, 0.5, 1.0])
    assert module(steps=20, optimiser={"schedule": "restarts"}).rate(10) == pytest.approx(0.5)


def test_a_spatial_transformer_is_held_to_rotations():
    one = module(network={**ORDINARY, "transformer": True}, loss={"orthogonal": 2.0})
    torch.nn.init.normal_(one.network.transformer.all[-1].weight, std=0.5)
    (batch,) = batches(one.network, 1)
    plain = one.loss(one.network(batch.graph), batch.heat)
    torch.testing.assert_close(one._whole_loss(batch), plain + 2.0 * one.network.penalty(batch.graph))


def test_refined_landmarks_enter_the_loss_and_a_cloud_without_a_face_does_not_break_it():
    network = {
        "sizes": [64, 32, 20], "k": 8, "scalars": [8] * 3, "vectors": [4] * 3, "value_scalars": [4] * 3,
        "value_vectors": [4] * 3, "encoder": [1] * 3, "decoder": [1] * 2, "heads": 2, "radial": 4, "refinement": 16,
    }  # fmt: skip
    far, near = (
        module(architecture="se3unet", network=network, loss={"position": w, "first": 0.0})
        for w in (1.0, 0.0)
    )
    (batch,) = batches(far.network, 1)
    assert far._whole_loss(batch) > near._whole_loss(batch)
    faceless = Batch(batch.graph, torch.zeros_like(batch.heat), torch.full((1, 68, 3), torch.nan))
    assert far._whole_loss(faceless).isfinite()
