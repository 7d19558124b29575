"""Twenty hostile checkpoints. Each would do its deed under ``torch.load(weights_only=False)``; here none may."""

from __future__ import annotations

import io
import os
import pickle
import struct
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from faceviz.errors import CheckpointError
from faceviz.io.torch_checkpoint import read_torch_checkpoint

WEIGHTS = {"w": torch.arange(6.0)}


class Calls:
    """Unpickles as a call of ``function(*arguments)``."""

    def __init__(self, function: Callable, *arguments: object) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> tuple:
        return self.call


class State:
    """Unpickles with a state that is a call."""

    def __init__(self, call: Calls) -> None:
        self.call = call


def executes(deed: Path) -> dict[str, object]:
    """Contents of a checkpoint that make the folder ``deed`` when they are unpickled without a guard."""
    make = Calls(os.mkdir, str(deed))
    path = str(deed)
    return {
        "alone": make,
        "beside weights": {"model_state_dict": WEIGHTS, "extra": make},
        "as a weight": {"model_state_dict": {**WEIGHTS, "b": make}},
        "as a key": {"model_state_dict": WEIGHTS, make: 1} if hash(make) else {},
        "in a list": [WEIGHTS, [[[make]]]],
        "in a tuple": (WEIGHTS, (make,)),
        "in a set": {make},
        "system": Calls(os.system, f"mkdir {path}"),
        "subprocess": Calls(subprocess.call, ["mkdir", path]),
        "eval": Calls(eval, f"__import__('os').mkdir({path!r})"),
        "exec": Calls(exec, f"import os; os.mkdir({path!r})"),
        "makedirs": Calls(os.makedirs, path),
        "a class with state": State(make),
        "a module": torch.nn.Sequential(torch.nn.Linear(2, 2)),
        "a pickle in a pickle": Calls(pickle.loads, pickle.dumps(make)),
        "attribute": Calls(getattr, Calls(__import__, "os"), "mkdir"),
        "apply": Calls(map, os.mkdir, [path]),
        "torch.load": Calls(torch.load, path),
    }


def by_hand(deed: Path) -> dict[str, bytes]:
    """Pickles that no pickler writes."""
    name = str(deed)
    return {
        "protocol 0": f"cos\nmkdir\n(S'{name}'\ntR.".encode(),
        "inst": f"(S'{name}'\nios\nmkdir\n.".encode(),
        "obj": f"(cos\nmkdir\nS'{name}'\no.".encode(),
        "stack global": b"\x80\x04\x8c\x02os\x8c\x05mkdir\x93" + pickle.dumps(name, 4)[2:-1] + b"\x85R.",
    }


HANDMADE = tuple(by_hand(Path("x")))
EXECUTING = tuple(executes(Path("x")))


def archive(pickled: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as target:
        target.writestr("model/data.pkl", pickled)
        target.writestr("model/byteorder", "little")
        target.writestr("model/version", "3\n")
    return stream.getvalue()


def test_there_are_twenty_and_more():
    assert len(EXECUTING + HANDMADE) >= 20


@pytest.mark.parametrize("kind", EXECUTING)
def test_a_checkpoint_with_code_is_refused_and_nothing_of_it_runs(tmp_path, kind):
    path = tmp_path / "model.pth"
    torch.save(executes(tmp_path / "deed")[kind], path)
    with pytest.raises(CheckpointError, match="refused, nothing in it was run") as caught:
        read_torch_checkpoint(path)
    assert not (tmp_path / "deed").exists()
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("kind", HANDMADE)
def test_a_handmade_pickle_is_refused_and_nothing_of_it_runs(tmp_path, kind):
    path = tmp_path / "model.pth"
    path.write_bytes(archive(by_hand(tmp_path / "deed")[kind]))
    with pytest.raises(CheckpointError):
        read_torch_checkpoint(path)
    assert not (tmp_path / "deed").exists()


@pytest.mark.parametrize("kind", ["alone", "system", "eval", "protocol 0", "stack global"])
def test_the_attacks_would_succeed_without_the_guard(tmp_path, kind):
    """An attack that never works proves nothing about the guard."""
    path = tmp_path / "model.pth"
    if kind in EXECUTING:
        torch.save(executes(tmp_path / "deed")[kind], path)
        torch.load(path, weights_only=False)
    else:
        pickle.loads(by_hand(tmp_path / "deed")[kind])
    assert (tmp_path / "deed").exists()


def test_a_tensor_that_stands_for_more_than_it_stores_is_refused(tmp_path):
    path = tmp_path / "model.pth"
    torch.save({"w": torch.zeros(1).expand(10**12)}, path)
    with pytest.raises(CheckpointError, match="not stored whole"):
        read_torch_checkpoint(path)


@pytest.mark.parametrize("odd", [torch.zeros(3, 3).to_sparse(), torch.zeros(4, device="meta")])
def test_a_tensor_of_another_kind_is_refused(tmp_path, odd):
    path = tmp_path / "model.pth"
    torch.save({"w": odd}, path)
    with pytest.raises(CheckpointError):
        read_torch_checkpoint(path)


def test_a_storage_that_announces_more_than_the_file_holds_is_refused(tmp_path):
    path, data = tmp_path / "model.pth", io.BytesIO()
    torch.save(WEIGHTS, data)
    content = data.getvalue()
    name = next(n for n in zipfile.ZipFile(io.BytesIO(content)).namelist() if n.endswith("/0"))
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(stream, "w") as target:
        for info in source.infolist():
            target.writestr(info.filename, b"" if info.filename == name else source.read(info))
    path.write_bytes(stream.getvalue())
    with pytest.raises(CheckpointError):
        read_torch_checkpoint(path)


def test_a_safetensors_header_that_lies_is_refused(tmp_path):
    from faceviz.io.weights import load_weights

    (tmp_path / "config.json").write_text("{}")
    for header in (b"", struct.pack("<Q", 2**60), struct.pack("<Q", 8) + b"{}      "[:4]):
        (tmp_path / "model.safetensors").write_bytes(header)
        with pytest.raises(CheckpointError, match="damaged or no safetensors"):
            load_weights(tmp_path)
