"""The network learns; a tiny run on the anny head stops, resumes, and leaves a model that predicts."""

import csv
import importlib.util

import numpy as np
import pytest
import torch

from faceviz.errors import ConfigError
from faceviz.losses import adaptive_wing
from faceviz.models.se3_unet import Se3Unet, Se3UnetConfig
from faceviz.pipeline import LandmarkPredictor
from faceviz.testing import random_face
from faceviz.training import train_landmarks
from faceviz.training.batches import make_batch

needs_anny = pytest.mark.skipif(
    importlib.util.find_spec("anny") is None, reason="the package anny is not installed"
)

NETWORK = {
    "sizes": [128, 48, 16], "k": 8, "scalars": [16, 16, 16], "vectors": [4, 4, 4], "value_scalars": [4, 4, 4],
    "value_vectors": [4, 4, 4], "encoder": [1, 1, 1], "decoder": [1, 1], "heads": 2, "radial": 4, "smoothing": 0.2,
}  # fmt: skip

CONFIG = """
name: tiny
network: {network}
data: {{sources: [anny], scans: 12, validation: 2, workers: 0, folder: {folder}}}
optimiser: {{batch: 2, steps: {steps}, warmup: 3, average: 0.5, learning_rate: 0.01}}
loss: {{foreground: 4}}
validate_every: {every}
threads: 1
"""


@pytest.fixture(scope="module")
def clouds(tmp_path_factory):
    return tmp_path_factory.mktemp("clouds")


def config(tmp_path, clouds, steps, every=10):
    path = tmp_path / f"run{steps}.yaml"
    path.write_text(CONFIG.format(network=NETWORK, folder=clouds, steps=steps, every=every))
    return path


def train(tmp_path, clouds, steps, **settings):
    return train_landmarks(
        config(tmp_path, clouds, steps), out=tmp_path / "run", say=lambda _: None, **settings
    )


def test_the_network_learns_one_face_by_heart():
    torch.manual_seed(0)
    face = random_face(0, 128)
    network = Se3Unet(Se3UnetConfig.from_dict({**NETWORK, "scalars": [32, 32, 32], "vectors": [8, 8, 8]}))
    network.refinement = None
    points, landmarks = ((part - face.centroid) / face.radius for part in (face.points, face.landmarks))
    graph, (heat,), _ = make_batch(points[None], landmarks[None], network)
    optimiser = torch.optim.AdamW(network.parameters(), lr=0.01)
    for _ in range(150):
        optimiser.zero_grad()
        adaptive_wing(network(graph)[0].sigmoid(), heat, foreground=4.0).backward()
        optimiser.step()
    hot, true = network(graph)[0].sigmoid() >= 0.2, heat >= 0.2
    assert float((hot & true).sum() / (hot | true).sum()) > 0.8


@needs_anny
def test_a_run_leaves_its_curves_and_a_model_that_predicts(tmp_path, clouds):
    drawn = []
    result = train(tmp_path, clouds, 40, draw=lambda history, path: drawn.append((len(history), path.name)))
    assert torch.tensor(1e-40) * 2 > 0, "only a training may take subnormal numbers for zero"
    assert drawn[-1][1] == "curves.png"
    with (tmp_path / "run" / "history.csv").open() as file:
        assert [int(row["step"]) for row in csv.DictReader(file)][:2] == [10, 20]
    heat = LandmarkPredictor.from_pretrained(result.model, device="cpu").heatmaps(
        random_face(0, 200).points / 100
    )
    assert heat.shape == (200, 68) and np.isfinite(heat).all()


@needs_anny
def test_a_second_run_in_the_same_folder_needs_resume(tmp_path, clouds):
    train(tmp_path, clouds, 10)
    with pytest.raises(ConfigError, match="--resume"):
        train(tmp_path, clouds, 10)


@needs_anny
def test_a_resumed_run_goes_on_where_it_was(tmp_path, clouds):
    first, said = train(tmp_path, clouds, 10), []
    result = train_landmarks(config(tmp_path, clouds, 20), out=tmp_path / "run", resume=True, say=said.append)
    assert any(line.endswith("from step 10") for line in said)
    assert result.steps == 20
    assert result.history[0]["val_loss"] == first.history[0]["val_loss"]
    assert [entry["step"] for entry in result.history][:2] == [10, 20]


@needs_anny
def test_a_time_budget_ends_the_run(tmp_path, clouds):
    result = train(tmp_path, clouds, 100_000, budget_minutes=0.03)
    assert result.steps < 5000 and result.minutes >= 0.03


@needs_anny
def test_a_run_can_begin_with_the_weights_of_another(tmp_path, clouds):
    first = train(tmp_path, clouds, 20)
    path = config(tmp_path, clouds, 10)
    path.write_text(path.read_text().replace("learning_rate: 0.01", "learning_rate: 1.0e-9"))
    path.write_text(path.read_text() + f"start_from: {first.model}\n")
    second = train_landmarks(path, out=tmp_path / "second", say=lambda _: None)
    points = random_face(0, 200).points / 100
    heat = [
        LandmarkPredictor.from_pretrained(run.model, device="cpu").heatmaps(points) for run in (first, second)
    ]
    np.testing.assert_allclose(*heat, atol=1e-4)


@needs_anny
@pytest.mark.parametrize(
    ("architecture", "network"),
    [
        ("ordinary", "{channels: [8, 8, 8, 8], messages: [8, 8, 8, 8], transformer: true}"),
        ("ferraretto2024", "{hidden: 2, max_degree: 1, k: 8}"),
    ],
)
def test_the_other_architectures_are_trained_by_epochs_and_loaded_by_name(
    tmp_path, clouds, architecture, network
):
    path = tmp_path / "run.yaml"
    path.write_text(f"""
name: other
architecture: {architecture}
network: {network}
data: {{sources: [anny], scans: 12, validation: 2, workers: 0, folder: {clouds}, points: [64], augment: false}}
optimiser: {{name: adam, schedule: restarts, batch: 6, accumulate: 2, epochs: 1, average: 0, clip: 0}}
validate_every: 2
threads: 1
""")
    result = train_landmarks(path, out=tmp_path / "run", say=lambda _: None)
    assert result.steps == 2
    predictor = LandmarkPredictor.from_pretrained(result.model, device="cpu")
    assert predictor.description["architecture"] == architecture
    assert predictor.description["training"]["epochs"] == 1.0
    heat = predictor.heatmaps(random_face(0, 100).points / 100)
    assert heat.shape == (100, 68) and np.isfinite(heat).all()
    assert "1.0 of 1 epochs" in (result.model / "README.md").read_text()
