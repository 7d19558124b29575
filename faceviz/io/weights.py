"""A model on disk: a folder with weights, ``config.json``, the calibration of its errors and the card ``README.md``."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faceviz.errors import CheckpointError, ConfigError
from faceviz.io.building import build_within
from faceviz.uncertainty import Calibration

if TYPE_CHECKING:
    from torch import Tensor, nn

WEIGHTS, CONFIG, CARD = "model.safetensors", "config.json", "README.md"
CALIBRATION = "calibration.json"
_LARGEST_CONFIG = 1_000_000


def save_weights(folder: str | Path, weights: dict[str, Tensor], description: dict[str, Any]) -> str:
    """Write weights and their description, each file at once or not at all; the SHA-256 of the weights."""
    from safetensors.torch import save

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    data = save({name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()})
    checksum = hashlib.sha256(data).hexdigest()
    _write(folder / WEIGHTS, data)
    _write(folder / CONFIG, (json.dumps({**description, "sha256": checksum}, indent=2) + "\n").encode())
    return checksum


def load_weights(folder: str | Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Weights and description of a model folder; nothing in it is executed.

    Raises:
        CheckpointError: a file is missing or damaged, or the weights are not those the description was written for.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    folder = Path(folder)
    description = _description(folder)
    path = folder / WEIGHTS
    try:
        data = path.read_bytes()
        weights = load(data)
    except OSError as error:
        raise CheckpointError(
            f"{path}: cannot be read ({error.strerror}); a model folder holds {WEIGHTS}"
        ) from error
    except SafetensorError as error:
        raise CheckpointError(
            f"{path}: is damaged or no safetensors file ({error}); fetch it again"
        ) from error
    checksum = hashlib.sha256(data).hexdigest()
    if description.get("sha256") not in (None, checksum):
        raise CheckpointError(
            f"{path}: its checksum is not the one in {CONFIG}; the two files do not belong together"
        )
    return weights, {**description, "sha256": checksum}


def load_network(
    folder: str | Path, build: Callable[[Any, Any], nn.Module]
) -> tuple[nn.Module, dict[str, Any]]:
    """The network of a model folder with its weights, and its description.

    Args:
        build: makes the untrained network from the description's ``architecture`` and ``network``.

    Raises:
        CheckpointError: as for ``load_weights``; or the settings are unknown, or the weights do not fit them.
    """
    weights, description = load_weights(folder)
    try:
        network = build_within(build, description.get("architecture"), description.get("network"), weights)
        network.load_state_dict(weights)
    except (CheckpointError, ConfigError) as error:
        raise CheckpointError(f"{folder}: {error}") from None
    except RuntimeError as error:
        raise CheckpointError(
            f"{folder}: the weights do not fit the configuration: {' '.join(str(error).split())[:400]}"
        ) from error
    return network, description


def write_card(folder: str | Path, text: str) -> None:
    """The card of a model, as Markdown, beside its weights."""
    _write(Path(folder) / CARD, text.encode())


def read_calibration(folder: str | Path, weights: str | None) -> Calibration | None:
    """The calibration of a model folder; None where there is none, or where it was made for other weights.

    Args:
        weights: SHA-256 of those in use.

    Raises:
        CheckpointError: it is damaged.
    """
    path = Path(folder) / CALIBRATION
    if not path.is_file():
        return None
    try:
        calibration = Calibration.of(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, AttributeError) as error:
        raise CheckpointError(
            f"{path}: cannot be read ({type(error).__name__}); make it anew with `faceviz calibrate landmarks`"
        ) from error
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from None
    return calibration if calibration.weights == weights else None


def write_calibration(folder: str | Path, calibration: Calibration) -> Path:
    """Beside the weights, at once or not at all."""
    path = Path(folder) / CALIBRATION
    _write(path, (json.dumps(calibration.to_dict(), allow_nan=False) + "\n").encode())
    return path


def _description(folder: Path) -> dict[str, Any]:
    path = folder / CONFIG
    if not folder.is_dir():
        raise CheckpointError(f"{folder}: is no model folder; it must hold {WEIGHTS} and {CONFIG}")
    try:
        if path.stat().st_size > _LARGEST_CONFIG:
            raise CheckpointError(f"{path}: is larger than a configuration can be")
        description = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CheckpointError(
            f"{path}: cannot be read ({error.strerror}); a model folder holds {CONFIG}"
        ) from error
    except ValueError as error:
        raise CheckpointError(f"{path}: is not JSON ({error})") from error
    if not isinstance(description, dict):
        raise CheckpointError(f"{path}: must hold an object with the network's settings")
    return description


def _write(path: Path, data: bytes) -> None:
    partial = path.with_name(path.name + ".partial")
    with partial.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
