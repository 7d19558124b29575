"""Checkpoints are whole or not there; two processes learn what one would."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from benchmarks.kill_resume import make_clouds, write_config
from faceviz.training import train_landmarks
from faceviz.training.checkpoints import DurableCheckpoints, remove_torn

needs_anny = pytest.mark.skipif(
    importlib.util.find_spec("anny") is None, reason="the package anny is not installed"
)


@needs_anny
@pytest.mark.slow
def test_two_processes_learn_what_one_does_that_accumulates_two_batches(tmp_path):
    clouds = make_clouds(tmp_path / "clouds")
    alone = write_config(tmp_path / "one.yaml", clouds, 5, accumulate=2, average=0)
    together = write_config(tmp_path / "two.yaml", clouds, 5, average=0)
    one = train_landmarks(alone, out=tmp_path / "one", say=lambda _: None)
    done = subprocess.run(
        [
            sys.executable, "-m", "faceviz", "train", "landmarks", "--config", str(together),
            "--out", str(tmp_path / "two"), "--devices", "2", "--strategy", "ddp_find_unused_parameters_true",
        ],
        capture_output=True, text=True, timeout=290, env={**os.environ, "CUDA_VISIBLE_DEVICES": ""},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("best IoU 0") == 1
    first, second = (
        load_file(folder / "model.safetensors") for folder in (one.model, tmp_path / "two" / "tiny")
    )
    for name in first:
        np.testing.assert_allclose(first[name], second[name], rtol=1e-3, atol=2e-5, err_msg=name)


def test_a_strategy_that_spawns_is_refused_and_so_is_one_that_does_not_exist(faceviz_error):
    from faceviz.training.devices import Devices

    assert "use ddp" in faceviz_error(Devices(2, 1, "ddp_spawn"))
    assert "--strategy nonsense" in faceviz_error(Devices(1, 1, "nonsense"))


@pytest.fixture
def faceviz_error(tmp_path):
    from faceviz.errors import ConfigError
    from faceviz.training.run import make_trainer

    def error(devices) -> str:
        with pytest.raises(ConfigError) as caught:
            make_trainer(
                tmp_path, [], steps=1, validate_every=1, monitor="x", mode="min", patience=0, clip=0, average=0,
                devices=devices,
            )  # fmt: skip
        return str(caught.value)

    return error


def test_a_checkpoint_replaces_the_former_one_only_when_it_is_whole(tmp_path):
    path = tmp_path / "last.ckpt"
    DurableCheckpoints().save_checkpoint({"step": 1}, path)

    class Interrupted:
        def __reduce__(self):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        DurableCheckpoints().save_checkpoint({"a": torch.zeros(10), "b": Interrupted()}, path)
    assert torch.load(path, weights_only=True) == {"step": 1}
    (tmp_path / ".last.ckpt.0f.part").write_bytes(b"half")
    remove_torn(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["last.ckpt"]
