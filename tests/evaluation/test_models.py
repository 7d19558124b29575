from __future__ import annotations

import numpy as np
import pytest

from faceviz.errors import CheckpointError
from faceviz.evaluation.models import PUBLISHED_NAME, find_models, open_model, open_models, shared_checkpoint


def test_all_models_are_those_that_come_with_faceviz_the_default_first(monkeypatch):
    monkeypatch.delenv("FACEVIZ_SHARED", raising=False)
    found = find_models("all")
    assert found[0] == "se3unet" and found[1:] == sorted(found[1:])
    assert find_models("b, a,") == ["b", "a"]


def test_the_published_checkpoint_is_found_where_the_shared_folder_has_it(tmp_path, monkeypatch):
    monkeypatch.setenv("FACEVIZ_SHARED", str(tmp_path))
    assert shared_checkpoint() is None
    path = tmp_path / "data" / "report_a" / "checkpoint-35-v0.3.0.7.pth"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"")
    assert shared_checkpoint() == path and find_models("all")[-1] == str(path)


def test_two_models_of_one_name_are_refused():
    with pytest.raises(CheckpointError, match="two of the models"):
        open_models(["se3unet", "se3unet"], "cpu")


def test_a_checkpoint_that_is_none_is_refused(tmp_path):
    (tmp_path / "a.pth").write_bytes(b"nothing")
    with pytest.raises(CheckpointError, match="a.pth"):
        open_model(str(tmp_path / "a.pth"), "cpu")


@pytest.mark.shared
def test_the_published_checkpoint_predicts():
    path = shared_checkpoint()
    if path is None:
        pytest.skip("FACEVIZ_SHARED names no folder with the published checkpoint")
    model = open_model(str(path), "cpu")
    assert model.name == PUBLISHED_NAME and len(model.description["sha256"]) == 64
    heat = model.heatmaps(np.random.default_rng(0).normal(size=(120, 3)))
    assert heat.shape == (120, 68) and np.isfinite(heat).all()
