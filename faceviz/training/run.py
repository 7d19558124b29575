"""What every run does: begin or go on, train for so long with checkpoints and curves, take the network out of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import lightning as L
import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.callbacks import EarlyStopping, EMAWeightAveraging, ModelCheckpoint, RichProgressBar
from lightning.pytorch.loggers import TensorBoardLogger
from torch import Tensor

from faceviz.errors import ConfigError
from faceviz.synth.dataset import available_sources
from faceviz.training.checkpoints import DurableCheckpoints, remove_torn
from faceviz.training.devices import ONE, Devices, is_first
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
    if last.exists() and not resume and is_first():
        raise ConfigError(f"{out} already holds a run; give --resume to go on with it, or another --out")
    out.mkdir(parents=True, exist_ok=True)
    if is_first():
        remove_torn(last.parent)
    keep_freed_memory()
    torch.set_num_threads(config.threads)
    L.seed_everything(config.seed, verbose=False)
    sources, missing = available_sources(config.data.sources, config.data.ict_folder)
    for reason in missing if is_first() else ():
        say(f"left out: {reason}")
    return last if last.exists() and resume else None, sources


def steps_done(checkpoint: Path | None) -> int:
    """Steps of the optimiser before a checkpoint."""
    return 0 if checkpoint is None else int(torch.load(checkpoint, weights_only=True)["global_step"])


def network_weights(checkpoint: str | Path) -> dict[str, Tensor]:
    """The weights of the network alone."""
    state = torch.load(checkpoint, weights_only=True, map_location="cpu")["state_dict"]
    return {key.removeprefix(_NETWORK): value for key, value in state.items() if key.startswith(_NETWORK)}


def fit(trainer: L.Trainer, module: Any, loaders: tuple[Any, Any], checkpoint: Path | None) -> None:
    """Train on from a checkpoint, to the weights that the run gives: their running mean, if one is taken.

    Numbers too small to be normal are zero meanwhile: gradients of attention weights that vanish would halve the speed.
    """
    finished = checkpoint is not None and steps_done(checkpoint) >= trainer.max_steps
    training, validation = loaders
    torch.set_flush_denormal(True)
    try:
        trainer.fit(module, training, validation, ckpt_path=checkpoint, weights_only=True)
    finally:
        torch.set_flush_denormal(False)
    if checkpoint is not None and finished:
        # Killed after its last step: nothing was left to do, and so Lightning has not put the mean in place.
        module.network.load_state_dict(network_weights(checkpoint))


def end_average(trainer: L.Trainer) -> None:
    """From here on the weights are validated as they are, and not their running mean."""
    trainer.callbacks = [kept for kept in trainer.callbacks if not isinstance(kept, EMAWeightAveraging)]  # type: ignore[attr-defined]


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
    devices: Devices = ONE,
) -> L.Trainer:
    """A trainer that validates by steps and keeps ``checkpoints/last.ckpt`` to go on from.

    Args:
        monitor, mode, patience: validations without a better figure before the run stops; patience 0 never stops.
        clip: greatest norm of a gradient; 0 or None lets it be.
        average: decay of the running mean of the weights, which is what is validated; 0 takes none.
        accumulate: batches a step; ``steps`` and ``validate_every`` count steps.
        devices: every process validates all of the validation data.

    Raises:
        ConfigError: there are no such devices, or no such strategy.
    """
    devices.check()
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
    settings: dict[str, Any] = {
        "max_steps": steps,
        "accumulate_grad_batches": accumulate,
        "val_check_interval": validate_every * accumulate,
        "gradient_clip_val": clip or None,
        "logger": TensorBoardLogger(out, name="", version="tensorboard"),
        "callbacks": all_callbacks,
    }
    try:
        return _trainer(devices, settings)
    except (MisconfigurationException, ValueError) as error:
        cause = " ".join(str(error).split())[:200]
        raise ConfigError(
            f"--devices {devices.devices} --strategy {devices.strategy}: {cause}; see lightning.Trainer"
        ) from error


def _trainer(devices: Devices, settings: dict[str, Any]) -> L.Trainer:
    return L.Trainer(
        accelerator="auto",
        devices=devices.devices,
        num_nodes=devices.num_nodes,
        strategy=devices.strategy,
        use_distributed_sampler=False,
        plugins=[DurableCheckpoints()],
        max_epochs=1_000_000,
        check_val_every_n_epoch=None,
        num_sanity_val_steps=0,
        enable_progress_bar=os.isatty(1),
        enable_model_summary=False,
        log_every_n_steps=20,
        **settings,
    )
