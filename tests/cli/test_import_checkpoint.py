from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from faceviz.models.published.config import AS_PUBLISHED
from faceviz.models.published.original import original_name, original_shape
from faceviz.models.published.unet import PublishedUnet


@pytest.fixture
def original():
    """Weights with the names and shapes of the original code."""
    torch.manual_seed(0)
    state = PublishedUnet(AS_PUBLISHED).state_dict()
    return {
        original_name(name): value.reshape(original_shape(name, tuple(value.shape)))
        for name, value in state.items()
    }


def save(folder, weights):
    path = folder / "published.pth"
    torch.save({"epoch": 34, "model_state_dict": weights}, path)
    return path


def test_a_checkpoint_becomes_a_model_folder_that_can_be_used(faceviz, tmp_path, original):
    code, out, err = faceviz("import-checkpoint", save(tmp_path, original), "-o", tmp_path / "model")
    assert (code, err) == (0, "")
    assert "224,075 parameters" in out
    description = json.loads((tmp_path / "model/config.json").read_text())
    assert description["architecture"] == "ferraretto2024"
    assert all(description["network"]["compat"].values())

    from faceviz.pipeline import LandmarkPredictor
    from faceviz.testing import random_face

    points = random_face(0, 64).points / 100.0
    predictor = LandmarkPredictor.from_pretrained(tmp_path / "model", device="cpu")
    torch.manual_seed(0)
    expected = PublishedUnet(AS_PUBLISHED).heatmaps(points.astype(np.float32)).numpy()
    np.testing.assert_allclose(predictor.heatmaps(points.astype(np.float32)), expected, atol=1e-6)


def test_another_architecture_is_refused_with_what_differs(faceviz, tmp_path, original):
    del original["mlp.0.bias"]
    original["mlp.4.weight"] = torch.zeros(3)
    original["mlp.2.weight"] = torch.zeros(68, 64)
    code, out, err = faceviz("import-checkpoint", save(tmp_path, original), "-o", tmp_path / "model")
    assert (code, out) == (2, "")
    assert "another architecture: 1 missing (mlp.0.bias); 1 not known (mlp.4.weight)" in err
    assert "mlp.2.weight is (68, 64), not (68, 128)" in err
    assert not (tmp_path / "model").exists()


def test_a_long_list_of_differences_is_cut(faceviz, tmp_path):
    weights = {f"fc{i}.weight": torch.zeros(1) for i in range(20)}
    code, _, err = faceviz("import-checkpoint", save(tmp_path, weights), "-o", tmp_path / "model")
    assert code == 2
    assert "20 not known (fc0.weight, fc1.weight" in err and "and 14 more" in err


def test_a_file_is_no_folder_for_the_model(faceviz, tmp_path, original):
    (tmp_path / "taken").write_text("")
    code, _, err = faceviz("import-checkpoint", save(tmp_path, original), "-o", tmp_path / "taken")
    assert code == 2 and "is a file; name a folder" in err


def test_a_misspelt_mistake_in_a_models_description_is_named(faceviz, tmp_path, original):
    assert faceviz("import-checkpoint", save(tmp_path, original), "-o", tmp_path / "model")[0] == 0
    path = tmp_path / "model/config.json"
    path.write_text(path.read_text().replace("absolute_input", "absolute_inputs"))
    np.save(tmp_path / "cloud.npy", np.random.default_rng(0).normal(size=(60, 3)))
    code, _, err = faceviz("landmarks", tmp_path / "cloud.npy", "--model", tmp_path / "model", "--raw")
    assert code == 2 and "did you mean 'absolute_input'" in err


@pytest.mark.slow
@pytest.mark.shared
def test_the_published_checkpoint_gives_the_originals_heatmaps(faceviz, tmp_path, shared_folder):
    folder = shared_folder / "data/report_a"
    checkpoint = folder / "checkpoint-35-v0.3.0.7.pth"
    assert faceviz("import-checkpoint", checkpoint, "-o", tmp_path / "model")[0] == 0
    with np.load(folder / "network_reference.npz") as reference:
        np.save(tmp_path / "cloud.npy", reference["points"])
        arguments = ["--model", tmp_path / "model", "--raw", "--heatmaps", tmp_path / "heat.npz"]
        assert faceviz("landmarks", tmp_path / "cloud.npy", *arguments)[0] == 0
        with np.load(tmp_path / "heat.npz") as written:
            np.testing.assert_allclose(written["heatmaps"], reference["heatmaps"][0], atol=1e-4)
