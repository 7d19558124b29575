"""What every run does: begin or go on, train for so long with checkpoints and curves, take the network out of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import lightning as L
import torch
from lightning.pytorch.callbacks import EarlyStopping, EMAWeightAveraging, ModelCheckpoint, RichProgressBar
from lightning.pytorch.loggers import TensorBoardLogger
from torch import Tensor

from faceviz.errors import ConfigError
from faceviz.synth.dataset import available_sources
from faceviz.training.machine import keep_freed_memory

_SAVE_EVERY = 100
_NETWORK = "network."


def begin(
    config: Any, out: Path, resume: bool, say: Callable[[str], None]
) -> tuple[Path | None, tuple[str, ...]]:
    """The checkpoint to go on from, None at the beginning, and the parametric heads that are there.

    Args:
        config: of a run, with ``data``, ``threads`` and ``seed``.

    Raises:
        ConfigError: ``out`` holds another run and ``resume`` is not given.
        MissingDependencyError: no parametric head is installed.
    """
    last = out / "checkpoints" / "last.ckpt"
    if last.exists() and not resume:
        raise ConfigError(f"{out} already holds a run; give --resume to go on with it, or another --out")
    out.mkdir(parents=True, exist_ok=True)
    keep_freed_memory()
    torch.set_num_threads(config.threads)
    L.seed_everything(config.seed, verbose=False)
    sources, missing = available_sources(config.data.sources, config.data.ict_folder)
    for reason in missing:
        say(f"left out: {reason}")
    return last if last.exists() else None, sources


def steps_done(checkpoint: Path | None) -> int:
    """Steps of the optimiser before a checkpoint."""
    return 0 if checkpoint is None else int(torch.load(checkpoint, weights_only=True)["global_step"])


def network_weights(checkpoint: str | Path) -> dict[str, Tensor]:
    """The weights of the network alone."""
    state = torch.load(checkpoint, weights_only=True, map_location="cpu")["state_dict"]
    return {key.removeprefix(_NETWORK): value for key, value in state.items() if key.startswith(_NETWORK)}


def make_trainer(
    out: Path,
    callbacks: Sequence[L.Callback],
    *,
    steps: int,
    validate_every: int,
    monitor: str,
    mode: Literal["min", "max"],
    patience: int,
    clip: float | None,
    average: float,
    accumulate: int = 1,
) -> L.Trainer:
    """A trainer that validates by steps and keeps ``checkpoints/last.ckpt`` to go on from.

    Args:
        monitor, mode, patience: validations without a better figure before the run stops; patience 0 never stops.
        clip: greatest norm of a gradient; 0 or None lets it be.
        average: decay of the running mean of the weights, which is what is validated; 0 takes none.
        accumulate: batches a step; ``steps`` and ``validate_every`` count steps.
    """
    every = min(_SAVE_EVERY, validate_every)
    latest = ModelCheckpoint(
        out / "checkpoints", "last", every_n_train_steps=every, enable_version_counter=False
    )
    all_callbacks: list[L.Callback] = [EMAWeightAveraging(decay=average)] if average else []
    all_callbacks += [*callbacks, latest]
    if patience:
        all_callbacks.append(EarlyStopping(monitor, mode=mode, patience=patience))
    if os.isatty(1):
        all_callbacks.append(RichProgressBar())
    return L.Trainer(
        accelerator="auto",
        devices=1,
        max_steps=steps,
        max_epochs=1_000_000,
        accumulate_grad_batches=accumulate,
        val_check_interval=validate_every * accumulate,
        check_val_every_n_epoch=None,
        num_sanity_val_steps=0,
        gradient_clip_val=clip or None,
        logger=TensorBoardLogger(out, name="", version="tensorboard"),
        callbacks=all_callbacks,
        enable_progress_bar=os.isatty(1),
        enable_model_summary=False,
        log_every_n_steps=20,
    )
