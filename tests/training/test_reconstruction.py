from __future__ import annotations

import copy
import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from faceviz.errors import ConfigError
from faceviz.geometry.geometry_image import to_shape
from faceviz.io.weights import load_weights
from faceviz.synth.cache import write_npz
from faceviz.synth.correspondence import geometry_image_of
from faceviz.synth.dataset import cached_head
from faceviz.synth.shards import pack
from faceviz.training.people import People
from faceviz.training.pictures import PictureChanges
from faceviz.training.reconstruction import train_reconstruction
from faceviz.training.reconstruction_config import read_reconstruction_config
from faceviz.training.reconstruction_module import StreamModule, ThomassenModule
from faceviz.training.sequences import SequenceBatches, SequenceFolder, ValidationSequences
from faceviz.training.shape_space import ShapeSpace
from tests.noise_sequences import noise_sequence

STREAM = """
name: tiny
space_people: 12
network: {{components: 5, widths: [8, 8, 8, 8], memory: 4, hidden: 16}}
data: {{folder: {folder}, people: 3, validation: 3, frames: 2, sources: [anny], render: false, unseen: 8}}
optimiser: {{batch: 2, steps: {steps}, warmup: 1, reader: 3}}
validate_every: 2
threads: 1
"""


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sequences")
    for number, split in enumerate(("train", "val")):
        rng = np.random.default_rng(number)
        (folder / split).mkdir()
        write_npz(folder / split / "anny_00000.npz", pack([noise_sequence(i, rng) for i in range(3)]))
    return folder


@pytest.fixture(scope="module")
def space():
    return ShapeSpace.fit(("anny",), 12, 5, seed=0)


@pytest.fixture(scope="module")
def others(space):
    return People.draw(space, ("anny",), 20, 3, seed=0)


def config(tmp_path, shards, steps=4):
    path = tmp_path / "config.yaml"
    path.write_text(STREAM.format(folder=shards, steps=steps))
    return path


def test_a_batch_is_drawn_by_its_number_alone(shards, space):
    folder = SequenceFolder(shards / "train", space)
    batches = SequenceBatches(folder, batch=2, frames=2, size=32, changes=PictureChanges(), seed=1)
    later = SequenceBatches(folder, batch=2, frames=2, size=32, changes=PictureChanges(), seed=1, start=1)
    from_start, resumed = iter(batches), iter(later)
    next(from_start)
    for ours, theirs in zip(next(from_start), next(resumed), strict=True):
        assert torch.equal(ours, theirs)


def test_people_without_pictures_come_with_a_batch_when_asked_for(shards, space, others):
    folder = SequenceFolder(shards / "train", space)
    batches = SequenceBatches(
        folder, batch=2, frames=2, size=32, changes=PictureChanges(), seed=1, others=others, more=5
    )
    batch = next(iter(batches))
    assert batch.more_landmarks.shape == (5, 2, 68, 2) and batch.more_codes.shape == (5, 6)
    for marks, code in zip(batch.more_landmarks.numpy(), batch.more_codes.numpy(), strict=True):
        person = int(np.abs(others.codes - code).sum(axis=1).argmin())
        assert all(any(np.array_equal(one, known) for known in others.landmarks[person]) for one in marks)


def test_the_truth_is_the_neutral_face_of_the_person(shards, space):
    validation = ValidationSequences(SequenceFolder(shards / "val", space), 32, 2)
    batch = validation[1]
    shard, person, _ = validation.folder.people[1]
    shape, size = to_shape(geometry_image_of(cached_head("anny", None), shard.vertices[person]))
    np.testing.assert_allclose(batch.shapes[0].numpy(), shape, atol=1e-4)
    np.testing.assert_allclose(batch.codes[0].numpy(), space.code(shape, size), atol=1e-4)
    assert batch.images.shape == (1, 2, 3, 32, 32) and batch.landmarks.shape == (1, 2, 68, 2)


def test_the_loss_of_codes_is_the_square_distance_of_the_shapes(tmp_path, shards, space, others):
    settings = read_reconstruction_config(config(tmp_path, shards))
    module = StreamModule(settings, 1, None, space, others)
    code, truth = torch.randn(2, 1, 1, 6, generator=torch.Generator().manual_seed(0))
    code[..., -1] = truth[..., -1]
    squared = float(module._square(code, truth[0]))
    residual = ((code - truth)[0, :, :-1] @ torch.from_numpy(space.basis).flatten(1).float()).reshape(-1, 3)
    assert 10.0 * squared == pytest.approx(float((residual**2).sum(dim=1).mean()), rel=1e-4)


@pytest.mark.slow
def test_a_run_leaves_weights_by_both_losses_and_can_be_resumed(tmp_path, shards):
    first = train_reconstruction(config(tmp_path, shards), out=tmp_path / "run", say=lambda _: None)
    assert [row["step"] for row in first.history] == [2, 4]
    for model in first.models.values():
        description = json.loads((model / "config.json").read_text())
        assert description["architecture"] == "faceviz-stream"
        assert description["training"]["mean_face_mm"] > 0
        assert "Command: `faceviz train reconstruction" in (model / "README.md").read_text()
        weights = load_file(model / "model.safetensors")
        assert weights["whitening"].dtype == torch.float32 and weights["linear.weight"].dtype == torch.float16
    assert set(first.models) == {"validation", "training"}
    with pytest.raises(ConfigError, match="--resume"):
        train_reconstruction(config(tmp_path, shards), out=tmp_path / "run", say=lambda _: None)
    longer = config(tmp_path, shards, steps=6)
    again = train_reconstruction(longer, out=tmp_path / "run", resume=True, say=lambda _: None)
    assert again.steps == 6 and [row["step"] for row in again.history] == [2, 4, 6]


def test_a_step_does_not_hang_on_what_chance_was_used_before_it(tmp_path, shards, space, others):
    settings = read_reconstruction_config(config(tmp_path, shards))
    module = StreamModule(settings, 4, None, space, others).train()
    folder = SequenceFolder(shards / "train", space)
    batches = SequenceBatches(
        folder, batch=2, frames=2, size=32, changes=PictureChanges(), seed=1, others=others, more=5
    )
    batch = next(iter(batches))
    losses = []
    for state in range(2):
        torch.manual_seed(state)
        losses.append(copy.deepcopy(module).loss(batch).item())
    assert losses[0] == losses[1]


def test_what_is_validated_last_is_the_fitted_reader(tmp_path, shards, monkeypatch):
    def say_the_mean_face(network, *_):
        torch.nn.init.constant_(network.log_prior, 50.0)

    monkeypatch.setattr("faceviz.training.reconstruction.fit_reader", say_the_mean_face)
    result = train_reconstruction(config(tmp_path, shards), out=tmp_path / "run", say=lambda _: None)
    card = json.loads((result.models["validation"] / "config.json").read_text())["training"]
    assert result.history[-1]["val_mm"] == pytest.approx(card["mean_face_mm"], rel=1e-3)


def test_a_run_can_begin_with_another_network_as_far_as_its_parts_have_the_same_shape(tmp_path, shards):
    first = train_reconstruction(config(tmp_path, shards), out=tmp_path / "run", say=lambda _: None)
    path, said = tmp_path / "plain.yaml", []
    text = STREAM.format(folder=shards, steps=1).replace("hidden: 16", "hidden: 16, fusion: last")
    path.write_text(
        text.replace("reader: 3", "reader: 0, learning_rate: 1.0e-9")
        + f"start_from: {first.models['validation']}\n"
    )
    then = train_reconstruction(path, out=tmp_path / "plain", say=said.append)
    assert "begins anew, all or in part: appearance" in said
    old, new = (load_weights(run.models["validation"])[0] for run in (first, then))
    parts = ("encoder", "marks", "memory", "geometry")
    same = [
        name for name in old if name.startswith(parts) and "running" not in name and "batches" not in name
    ]
    assert same and all(torch.allclose(old[name], new[name], atol=1e-7) for name in same)


def test_an_unknown_setting_names_the_nearest(tmp_path, shards):
    path = config(tmp_path, shards)
    path.write_text(path.read_text() + "validate_evry: 3\n")
    with pytest.raises(ConfigError, match="did you mean 'validate_every'"):
        read_reconstruction_config(path)


def test_an_unknown_change_of_pictures_names_the_nearest(tmp_path, shards):
    path = config(tmp_path, shards)
    path.write_text(path.read_text().replace("render: false", "render: false, changes: {zom: 1.0}"))
    with pytest.raises(ConfigError, match="did you mean 'zoom'"):
        train_reconstruction(path, out=tmp_path / "run", say=lambda _: None)


@pytest.mark.parametrize(
    "name",
    [
        "reconstruction",
        "reconstruction_longer",
        "reconstruction_more_people",
        "reconstruction_plain",
        "thomassen2022",
    ],
)
def test_the_configurations_that_come_along_are_valid(name):
    assert read_reconstruction_config(f"configs/{name}.yaml").architecture


def test_the_report_s_recipe_halves_every_ten_epochs(tmp_path, shards, space, others):
    report = read_reconstruction_config("configs/thomassen2022.yaml").optimiser
    settings = read_reconstruction_config(config(tmp_path, shards)).model_copy(update={"optimiser": report})
    module = StreamModule(settings, 14, None, space, others)
    rates = [report.learning_rate * module.rate(14 * epoch) for epoch in (0, 9, 10, 20)]
    np.testing.assert_allclose(rates, [1e-4, 1e-4, 5e-5, 2.5e-5])


@pytest.mark.slow
def test_the_report_s_loss_is_the_mean_square_of_normalised_points(tmp_path, shards, space):
    settings = read_reconstruction_config(config(tmp_path, shards))
    update = {"architecture": "thomassen2022", "network": {"alpha": 0.5}}
    module = ThomassenModule(settings.model_copy(update=update), 1, None).eval()
    batch = ValidationSequences(SequenceFolder(shards / "val", space), 256, 1)[0]
    with torch.inference_mode():
        loss, points = float(module.loss(batch)), module.network(batch.images)[0].numpy()
    offset = batch.shapes[0].numpy().reshape(-1, 3) - batch.shapes[0].numpy().reshape(-1, 3).mean(axis=0)
    truth = offset / np.linalg.norm(offset, axis=1).max()
    assert loss == pytest.approx(float(((points - truth) ** 2).mean()), rel=1e-4)
    with torch.inference_mode():
        first, last = module.errors(batch)
    assert first == last > 10.0
