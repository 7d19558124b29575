"""Weights out of a PyTorch checkpoint (.pth), without running anything that is in it."""

from __future__ import annotations

import pickle
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faceviz.errors import CheckpointError
from faceviz.io.files import open_file
from faceviz.io.problems import Problem, one_line

if TYPE_CHECKING:
    from torch import Tensor

MAX_BYTES = 2_000_000_000
MAX_TENSORS = 100_000
_KEYS = ("model_state_dict", "state_dict", "model")


def read_torch_checkpoint(path: str | Path) -> dict[str, Tensor]:
    """The named weights of a model in a file that ``torch.save`` wrote: a ``state_dict``, or a dictionary with one.

    Only tensors and plain values are read; a pickle that names anything else is refused before any of it runs.

    Raises:
        CheckpointError: no such file, damaged or cut off, with code in it, or without weights.
    """
    path = Path(path)
    try:
        _check_archive(path)
    except Problem as problem:
        raise CheckpointError(f"{path}: {problem}") from None
    return _weights(_loaded(path), path)


def _check_archive(path: Path) -> None:
    """An archive whose parts are all there and, unpacked, no larger than the file itself."""
    with open_file(path, MAX_BYTES) as stream:
        size = path.stat().st_size
        if stream.read(4)[:2] != b"PK":
            raise Problem(
                "is no PyTorch archive, or its beginning is damaged",
                "save it again with torch.save of PyTorch 1.6 or later",
            )
        stream.seek(0)
        try:
            parts = zipfile.ZipFile(stream).infolist()
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
            raise Problem("is cut off or damaged", "copy or download it again") from None
    if len(parts) > MAX_TENSORS or sum(part.file_size for part in parts) > size:
        raise Problem("claims more data than the file has", "save it again with torch.save")


def _loaded(path: Path) -> Any:
    import torch

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd pickles; what matters becomes an error
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise CheckpointError(
            f"{path}: holds more than weights and was refused, nothing in it was run ({_reason(error)}); "
            "save the state_dict alone"
        ) from None
    except MemoryError:
        raise CheckpointError(f"{path}: claims more data than there is memory; save it again") from None
    except Exception as error:  # a hostile pickle raises nearly anything
        raise CheckpointError(
            f"{path}: is cut off or damaged ({type(error).__name__}); copy or download it again"
        ) from None


def _reason(error: Exception) -> str:
    """Of torch's message, the sentence that names what was refused."""
    sentences = [part.strip() for part in str(error).replace("\n", " ").split(". ")]
    named = [part for part in sentences if "Unsupported" in part or "GLOBAL" in part]
    return one_line((named or sentences)[0][:200])


def _weights(content: Any, path: Path) -> dict[str, Tensor]:
    import torch

    candidates = [content] + ([content.get(key) for key in _KEYS] if isinstance(content, Mapping) else [])
    for candidate in candidates:
        if isinstance(candidate, Mapping) and candidate and _all_tensors(candidate, torch.Tensor):
            _check_sizes(candidate, path)
            return dict(candidate)
    raise CheckpointError(
        f"{path}: has no weights; it must hold a state_dict, alone or under one of {', '.join(_KEYS)}"
    )


def _all_tensors(values: Mapping[Any, Any], kind: type) -> bool:
    return all(isinstance(key, str) and isinstance(value, kind) for key, value in values.items())


def _check_sizes(weights: Mapping[str, Tensor], path: Path) -> None:
    """Plain tensors that hold what their shapes say: a view with strides of 0 would stand for any number of values."""
    import torch

    for name, tensor in weights.items():
        plain = tensor.layout == torch.strided and tensor.device.type == "cpu" and not tensor.is_quantized
        if not plain or tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
            raise CheckpointError(
                f"{path}: its tensor {one_line(name[:99])!r} is not stored whole; save the state_dict again"
            )
