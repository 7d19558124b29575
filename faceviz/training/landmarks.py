"""Training of a landmark network, from a configuration to weights with a card."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from lightning.pytorch.callbacks import ModelCheckpoint
from torch.utils.data import DataLoader

from faceviz.errors import ConfigError, counted
from faceviz.evaluation.card import model_card
from faceviz.evaluation.provenance import provenance
from faceviz.io.weights import save_weights, write_card
from faceviz.metrics import IOU_THRESHOLD
from faceviz.models.architectures import network_settings
from faceviz.pipeline import LandmarkPredictor
from faceviz.training.batches import Batches, ValidationClouds, steps_in_epoch
from faceviz.training.clouds import CloudFolder
from faceviz.training.config import LandmarkTrainingConfig, read_config
from faceviz.training.devices import ONE, Devices, Share, is_first, wait_until
from faceviz.training.history import Draw, HistoryFile, Row, read_history
from faceviz.training.module import LandmarkModule
from faceviz.training.run import begin, fit, make_trainer, network_weights, steps_done
from faceviz.training.scanning import fill, shard_folder, shards_needed, shards_there, start_filling


@dataclass(frozen=True)
class TrainingResult:
    """What a run left behind."""

    folder: Path
    model: Path
    history: list[Row]
    best_iou: float
    steps: int
    minutes: float
    sources: tuple[str, ...]


def train_landmarks(
    config_path: str | Path,
    *,
    out: str | Path = "runs/landmarks",
    resume: bool = False,
    budget_minutes: float | None = None,
    devices: Devices = ONE,
    draw: Draw | None = None,
    say: Callable[[str], None] = print,
) -> TrainingResult:
    """Train a landmark network as a configuration says.

    Args:
        config_path: YAML, see `LandmarkTrainingConfig`.
        out: folder of checkpoints, curves and the best weights.
        resume: go on from the last checkpoint in ``out``; without one, begin.
        budget_minutes: stop after this much wall-clock time, the learning rate falling towards it; a resumed run
            counts the minutes before.
        devices: what the run is spread over; with several, the program is begun again in each process, so that this
            is called from a script or the command line. The first process alone makes data, writes and speaks.
        draw: given the history and a path, draws the curves.
        say: where messages go.

    Raises:
        ConfigError: the configuration does not fit, or ``out`` holds another run and ``resume`` is not given.
        MissingDependencyError: no parametric head is installed.
    """
    config = read_config(config_path)
    out = Path(out)
    devices.check()
    if not is_first():
        say, draw = _silent, None
    checkpoint, sources = begin(config, out, resume, say)
    processes = _provide_data(config, sources, say) if is_first() else _await_data(config)
    try:
        module, iou = _run(config, out, checkpoint, budget_minutes, devices, draw, say)
    finally:
        for process in processes:
            process.terminate()
    model = out / config.name
    if is_first():
        _write_model(model, module, config, sources, str(config_path), iou)
    say(f"best mean IoU at {IOU_THRESHOLD}: {iou:.3f}; weights in {model}")
    steps = module.trainer.global_step
    return TrainingResult(out, model, module.history, iou, steps, module.elapsed / 60, sources)


def _provide_data(
    config: LandmarkTrainingConfig, sources: tuple[str, ...], say: Callable[[str], None]
) -> list[BaseProcess]:
    say(f"scanning {counted(config.data.scans, 'head')} ({', '.join(sources)}) into {config.data.folder}")
    fill(config.data, sources, "val")
    if config.data.workers == 0 or config.optimiser.epochs is not None:
        fill(config.data, sources, "train")
        return []
    processes = start_filling(config.data, sources, "train")
    while not any(shard_folder(config.data, "train").glob("*.npz")):
        if not any(process.is_alive() for process in processes):
            raise ConfigError(
                "the scanning processes ended without a shard; run with data.workers: 0 to see why"
            )
        time.sleep(0.5)
    return processes


def _await_data(config: LandmarkTrainingConfig) -> list[BaseProcess]:
    """Until the first process has made all validation clouds, and enough to train with."""
    whole = config.data.workers == 0 or config.optimiser.epochs is not None
    wait_until(lambda: shards_there(config.data, "val") >= shards_needed(config.data, "val"))
    least = shards_needed(config.data, "train") if whole else 1
    wait_until(lambda: shards_there(config.data, "train") >= least)
    return []


def _silent(_: str) -> None:
    pass


def _run(
    config: LandmarkTrainingConfig,
    out: Path,
    checkpoint: Path | None,
    budget_minutes: float | None,
    devices: Devices,
    draw: Draw | None,
    say: Callable[[str], None],
) -> tuple[LandmarkModule, float]:
    """The module with its best weights in it, and their mean IoU on the validation clouds."""
    clouds = CloudFolder(shard_folder(config.data, "train"), config.data.scans, config.data.views)
    processes = devices.devices * devices.num_nodes
    steps = total_steps(config, len(clouds), processes)
    module = LandmarkModule(config, steps, None if budget_minutes is None else 60.0 * budget_minutes)
    start = steps_done(checkpoint)
    if checkpoint is None and config.start_from is not None:
        module.began_with = _begin_with(config.start_from, module, say)
    module.history = read_history(out / "history.csv", start)
    held_back = CloudFolder(shard_folder(config.data, "val"), config.data.validation)
    val_loader = DataLoader(ValidationClouds(held_back, config.data, module.network), batch_size=None)
    best = ModelCheckpoint(
        out / "checkpoints", "best", monitor="val_iou", mode="max", enable_version_counter=False
    )
    trainer = make_trainer(
        out,
        [HistoryFile(out, draw), best],
        steps=steps,
        validate_every=config.validate_every,
        monitor="val_iou",
        mode="max",
        patience=config.patience,
        clip=config.optimiser.clip,
        average=config.optimiser.average,
        accumulate=config.optimiser.accumulate,
        devices=devices,
    )
    share = Share.of(trainer, start * config.optimiser.accumulate)
    batches = Batches(clouds, config, module.network, share.start, share.stride)
    train_loader = DataLoader(batches, batch_size=None, num_workers=1, prefetch_factor=4)
    say(f"training {sum(p.numel() for p in module.network.parameters()):,} parameters from step {start}")
    fit(trainer, module, (train_loader, val_loader), checkpoint)
    trainer.validate(module, val_loader, verbose=False)
    return module, _take_better(module, best)


def _begin_with(model: str, module: LandmarkModule, say: Callable[[str], None]) -> str | None:
    """Take over the weights of a model, whose checksum is returned; parts that it lacks begin anew.

    Raises:
        ConfigError: it has weights that the network has no place for.
    """
    first = LandmarkPredictor.from_pretrained(model)
    try:
        missing, unexpected = module.network.load_state_dict(first.network.state_dict(), strict=False)
    except RuntimeError as error:
        raise ConfigError(f"start_from {model!r}: the weights do not fit the network: {error}") from error
    if unexpected:
        raise ConfigError(f"start_from {model!r}: the network has no place for {', '.join(unexpected[:3])}")
    if missing:
        say(f"begins anew: {', '.join(sorted({name.split('.')[0] for name in missing}))}")
    return first.description.get("sha256")


def total_steps(config: LandmarkTrainingConfig, clouds: int, processes: int = 1) -> int:
    """Steps of the optimiser in a whole run, in each of which every process takes its batches."""
    o = config.optimiser
    if o.epochs is None:
        return o.steps
    return -(-o.epochs * steps_in_epoch(clouds, o.batch) // (o.accumulate * processes))


def _epochs(module: LandmarkModule, config: LandmarkTrainingConfig) -> float | None:
    """How often each cloud was seen; None where they were drawn at random."""
    planned = config.optimiser.epochs
    return None if planned is None else round(planned * module.trainer.global_step / module.steps, 2)


def _take_better(module: LandmarkModule, best: ModelCheckpoint) -> float:
    """Keep the last weights or put back the best validated ones, whichever have the higher IoU, which is returned."""
    last_iou = module.history[-1]["val_iou"]
    if best.best_model_score is None or float(best.best_model_score) <= last_iou:
        return last_iou
    module.network.load_state_dict(network_weights(best.best_model_path))
    return float(best.best_model_score)


def _write_model(
    folder: Path,
    module: LandmarkModule,
    config: LandmarkTrainingConfig,
    sources: tuple[str, ...],
    config_path: str,
    iou: float,
) -> None:
    validated = next((row for row in reversed(module.history) if row["val_iou"] == iou), module.history[-1])
    description: dict[str, Any] = {
        "architecture": config.architecture,
        "network": network_settings(module.network),
        "training": {
            "config_file": config_path,
            "config": config.model_dump(mode="json"),
            "sources": list(sources),
            "began_with": module.began_with,
            "commit": provenance()["commit"],
            "steps": int(module.trainer.global_step),
            "minutes": round(module.elapsed / 60, 1),
            "epochs": _epochs(module, config),
            "validation_iou": round(iou, 4),
            "validation_mm": round(validated["val_mm"], 2),
        },
    }
    description["sha256"] = save_weights(folder, module.network.state_dict(), description)
    write_card(folder, model_card(config.name, description))
