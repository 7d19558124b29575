"""Checkpoints are read without running what is in them."""

from __future__ import annotations

import os
import zipfile

import pytest
import torch

from faceviz.errors import CheckpointError
from faceviz.io.torch_checkpoint import read_torch_checkpoint

WEIGHTS = {"layer.weight": torch.arange(6.0).reshape(2, 3), "layer.bias": torch.zeros(2)}


class Trap:
    """Makes a folder when it is unpickled."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.pth"


@pytest.mark.parametrize("wrap", [dict, lambda w: {"epoch": 3, "model_state_dict": w, "val_loss": 0.1}])
def test_weights_come_back_alone_or_beside_other_values(path, wrap):
    torch.save(wrap(WEIGHTS), path)
    read = read_torch_checkpoint(path)
    assert read.keys() == WEIGHTS.keys()
    assert all(torch.equal(read[name], WEIGHTS[name]) for name in WEIGHTS)


def test_a_pickle_with_code_is_refused_and_nothing_is_run(path, tmp_path):
    torch.save({"model_state_dict": WEIGHTS, "extra": Trap(tmp_path / "trapped")}, path)
    with pytest.raises(CheckpointError, match="refused, nothing in it was run.*mkdir"):
        read_torch_checkpoint(path)
    assert not (tmp_path / "trapped").exists()


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.7, 0.99])
def test_a_file_that_was_cut_off_is_refused(path, share):
    torch.save({"model_state_dict": {"w": torch.randn(100, 100)}}, path)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(CheckpointError, match="cut off|damaged|PyTorch archive"):
        read_torch_checkpoint(path)


def test_an_archive_that_unpacks_to_more_than_its_size_is_refused(path):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("model/data.pkl", bytes(5_000_000))
    with pytest.raises(CheckpointError, match="claims more data than the file has"):
        read_torch_checkpoint(path)


def test_an_archive_of_something_else_is_refused(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "hello")
    with pytest.raises(CheckpointError, match="damaged"):
        read_torch_checkpoint(path)


@pytest.mark.parametrize("content", [{}, {"epoch": 1}, [torch.zeros(2)], {"model_state_dict": {"w": 3}}])
def test_a_file_without_weights_is_refused(path, content):
    torch.save(content, path)
    with pytest.raises(CheckpointError, match="has no weights; it must hold a state_dict"):
        read_torch_checkpoint(path)


def test_a_missing_file_and_a_folder_are_refused(path, tmp_path):
    with pytest.raises(CheckpointError, match="does not exist"):
        read_torch_checkpoint(path)
    with pytest.raises(CheckpointError, match="is no file"):
        read_torch_checkpoint(tmp_path)
