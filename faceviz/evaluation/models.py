"""The models of a comparison: those that come with faceviz, model folders, and published checkpoints as they are."""

from __future__ import annotations

import functools
import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

from faceviz import assets
from faceviz.errors import CheckpointError
from faceviz.pipeline import DEFAULT_MODEL, LandmarkPredictor

PUBLISHED_NAME = "ferraretto2024_published"
_SHARED_CHECKPOINT = Path("data/report_a/checkpoint-35-v0.3.0.7.pth")


def find_models(wanted: str = "all") -> list[str]:
    """Names, folders and checkpoints, the default model first.

    Args:
        wanted: ``"all"``: whatever comes with faceviz, and the published checkpoint below the folder that
            FACEVIZ_SHARED names; or a list joined by commas, of names, folders and ``.pth`` files.
    """
    if wanted.strip() != "all":
        return [name.strip() for name in wanted.split(",") if name.strip()]
    names = [
        name for name in assets.names("models") if (assets.path(f"models/{name}") / "config.json").is_file()
    ]
    names.sort(key=lambda name: (name != DEFAULT_MODEL, name))
    checkpoint = shared_checkpoint()
    return names + ([str(checkpoint)] if checkpoint and PUBLISHED_NAME not in names else [])


def shared_checkpoint() -> Path | None:
    """The published checkpoint, where FACEVIZ_SHARED has it."""
    folder = os.environ.get("FACEVIZ_SHARED")
    path = Path(folder) / _SHARED_CHECKPOINT if folder else None
    return path if path and path.is_file() else None


def open_models(names: Sequence[str], device: str | None = None) -> list[LandmarkPredictor]:
    """A predictor for each.

    Raises:
        CheckpointError: one does not exist or is damaged, or two have one name.
    """
    models = [open_model(name, device) for name in names]
    titles = [model.name for model in models]
    for title in titles:
        if titles.count(title) > 1:
            raise CheckpointError(f"two of the models are named {title!r}; give one folder another name")
    return models


@functools.lru_cache(maxsize=1)
def process_model(name: str, device: str | None = None) -> LandmarkPredictor:
    """``open_model``, once in a process, for work that comes piece by piece."""
    return open_model(name, device)


def open_model(name: str, device: str | None = None) -> LandmarkPredictor:
    """A predictor from a name, a folder, or a published ``.pth`` file, which behaves as published."""
    if name.endswith(".pth"):
        return _published(Path(name), device)
    return LandmarkPredictor.from_pretrained(name, device=device)


def _published(path: Path, device: str | None) -> LandmarkPredictor:
    from faceviz.io.torch_checkpoint import read_torch_checkpoint
    from faceviz.models.published.config import AS_PUBLISHED
    from faceviz.models.published.original import from_original
    from faceviz.models.published.unet import PublishedUnet

    network = PublishedUnet(AS_PUBLISHED)
    try:
        network.load_state_dict(from_original(read_torch_checkpoint(path), network.state_dict()))
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from None
    description = {
        "architecture": "ferraretto2024",
        "network": AS_PUBLISHED.to_dict(),
        "source": path.name,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
    }
    return LandmarkPredictor(network, name=PUBLISHED_NAME, device=device, description=description)
