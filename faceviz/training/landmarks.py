"""Training of the landmark network on Lightning."""

from __future__ import annotations

import csv
import itertools
import math
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import torch
from lightning.pytorch.callbacks import EarlyStopping, EMAWeightAveraging, ModelCheckpoint, RichProgressBar
from lightning.pytorch.loggers import TensorBoardLogger
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, IterableDataset

from faceviz.errors import ConfigError
from faceviz.evaluation.card import model_card
from faceviz.evaluation.provenance import provenance
from faceviz.graph import SurfaceGraph, collate
from faceviz.heatmaps import heatmaps_to_landmarks
from faceviz.io.weights import save_weights, write_card
from faceviz.landmarks import INNER
from faceviz.losses import adaptive_wing, soft_iou_loss
from faceviz.models.equivariant import EquivariantBlock
from faceviz.models.se3_unet import Se3Unet, Se3UnetConfig
from faceviz.pipeline import LandmarkPredictor
from faceviz.synth.dataset import available_sources
from faceviz.training.clouds import CloudFolder, TrainingCloud, augment, targets
from faceviz.training.config import LandmarkTrainingConfig, read_config
from faceviz.training.machine import keep_freed_memory
from faceviz.training.scanning import fill, shard_folder, start_filling

_IOU_THRESHOLD = 0.2
_SAVE_EVERY = 100
_COUNTS = (1024, 1024, 1024, 1024, 1024, 1024, 768, 512)
_COLUMNS = ("step", "minutes", "train_loss", "val_loss", "val_iou", "val_mm", "learning_rate")


@dataclass(frozen=True)
class TrainingResult:
    """What a run left behind."""

    folder: Path
    model: Path
    history: list[dict[str, float]]
    best_iou: float
    steps: int
    minutes: float
    sources: tuple[str, ...]


class Batches(IterableDataset):
    """Batches without end from step ``start`` on.

    Batch ``i`` is drawn by ``i`` alone, so that a resumed run goes on with the batches it would have had (once all
    scans are on disk).
    """

    def __init__(
        self, clouds: CloudFolder, config: LandmarkTrainingConfig, network: Se3UnetConfig, start: int
    ) -> None:
        self.clouds, self.config, self.network, self.start = clouds, config, network, start

    def __iter__(self) -> Iterator[tuple[SurfaceGraph, Tensor]]:
        torch.set_num_threads(1)
        for step in itertools.count(self.start):
            if step % 20 == 0:
                self.clouds.refresh()
            yield self._batch(np.random.default_rng(np.random.SeedSequence([self.config.seed, step])))

    def _batch(self, rng: np.random.Generator) -> tuple[SurfaceGraph, Tensor]:
        count = _COUNTS[rng.integers(len(_COUNTS))]
        batch = [self._sample(rng, count) for _ in range(self.config.optimiser.batch)]
        return collate([graph for graph, _ in batch]), torch.stack([heat for _, heat in batch])

    def _sample(self, rng: np.random.Generator, count: int) -> tuple[SurfaceGraph, Tensor]:
        cloud = self.clouds[int(rng.integers(len(self.clouds)))]
        return example(*augment(cloud, rng, count), self.network)


def example(points: np.ndarray, landmarks: np.ndarray, network: Se3UnetConfig) -> tuple[SurfaceGraph, Tensor]:
    """A graph and its heatmaps (N, 68) in the graph's order."""
    graph = SurfaceGraph.from_points(points, network.graph).to(dtype=torch.float32)
    heat = targets(points, landmarks)[graph.order[0].numpy()]
    return graph, torch.from_numpy(heat)


class ValidationClouds(Dataset):
    """The validation clouds as they are: graph, heatmaps, landmarks (68, 3) from the centroid, millimetres a unit."""

    def __init__(self, clouds: CloudFolder, network: Se3UnetConfig) -> None:
        self.examples = [self._example(cloud, network) for cloud in clouds]

    @staticmethod
    def _example(cloud: TrainingCloud, network: Se3UnetConfig) -> tuple[SurfaceGraph, Tensor, Tensor, float]:
        points = cloud.points[:1024].astype(np.float64)
        graph, heat = example(points, cloud.landmarks, network)
        return graph, heat, torch.from_numpy(cloud.landmarks - points.mean(axis=0)), cloud.mm

    def __len__(self) -> int:
        return len(self.examples)

    def __getitem__(self, index: int) -> tuple[SurfaceGraph, Tensor, Tensor, float]:
        return self.examples[index]


class LandmarkModule(L.LightningModule):
    """The network with its loss, its schedule and its two figures: mean IoU at 0.2, landmark error in mm."""

    def __init__(self, config: LandmarkTrainingConfig, budget_seconds: float | None) -> None:
        super().__init__()
        self.config, self.budget = config, budget_seconds
        self.network = Se3Unet(Se3UnetConfig.from_dict(config.network))
        self.elapsed_before = 0.0
        self.began_with: str | None = None  # checksum of the weights that the run began with
        self.history: list[dict[str, float]] = []
        self._started = time.monotonic()
        self._losses: list[float] = []
        self._validation: list[tuple[float, np.ndarray, np.ndarray]] = []

    @property
    def elapsed(self) -> float:
        """Seconds of training, those before a resume included."""
        return self.elapsed_before + time.monotonic() - self._started

    def loss(self, logits: Tensor, heat: Tensor) -> Tensor:
        """Adaptive Wing plus soft IoU, of (B, N, 68)."""
        settings = self.config.loss.model_dump()
        overlap, heat_predicted = settings.pop("overlap"), logits.sigmoid()
        loss = adaptive_wing(heat_predicted, heat, **settings)
        return loss + overlap * soft_iou_loss(heat_predicted, heat) if overlap else loss

    def training_step(self, batch: tuple[SurfaceGraph, Tensor], _: int) -> Tensor:
        graph, heat = batch
        if self.config.compile:  # for the most common size alone; every other would be compiled anew
            torch.compiler.set_stance("default" if graph.points.shape[1] == max(_COUNTS) else "force_eager")
        loss = self.loss(self.network(graph), heat)
        self._losses.append(float(loss.detach()))
        self.log("loss", loss, prog_bar=True)
        return loss

    def on_train_batch_end(self, *_: Any) -> None:
        if self.budget is not None and self.elapsed >= self.budget:
            self.trainer.should_stop = True

    def validation_step(self, batch: tuple[SurfaceGraph, Tensor, Tensor, float], _: int) -> None:
        graph, heat, landmarks, mm = batch
        logits = self.network(graph)
        predicted, true = logits.sigmoid()[0].cpu().numpy(), heat.cpu().numpy()
        hot, truly = predicted >= _IOU_THRESHOLD, true >= _IOU_THRESHOLD
        union = (hot | truly).sum(axis=0)
        iou = np.where(union > 0, (hot & truly).sum(axis=0) / np.maximum(union, 1), np.nan)
        found, _ = heatmaps_to_landmarks(predicted, graph.points[0].cpu().numpy().astype(np.float64))
        error = np.linalg.norm(found - landmarks.cpu().numpy(), axis=1) * float(mm)
        self._validation.append((float(self.loss(logits, heat[None])), iou, error))

    def on_fit_start(self) -> None:
        if self.config.compile:
            for module in self.network.modules():
                if isinstance(module, EquivariantBlock):
                    module.compile(dynamic=False)

    def on_validation_start(self) -> None:
        torch.compiler.set_stance("force_eager")

    def on_validation_end(self) -> None:
        torch.compiler.set_stance("default")

    def on_validation_epoch_end(self) -> None:
        losses, ious, errors = zip(*self._validation, strict=True)
        figures = {
            "val_loss": float(np.mean(losses)),
            "val_iou": float(np.nanmean(ious)),
            "val_mm": float(np.median(np.array(errors)[:, list(INNER)])),
        }
        self._validation.clear()
        if not self.trainer.sanity_checking:
            rate = self.optimizers().param_groups[0]["lr"]
            entry = {
                "step": self.trainer.global_step,
                "minutes": self.elapsed / 60,
                "train_loss": float(np.mean(self._losses)) if self._losses else float("nan"),
                "learning_rate": rate,
                **figures,
            }
            if (
                self.history and self.history[-1]["step"] == entry["step"]
            ):  # the last weights, validated once more
                entry["train_loss"] = self.history.pop()["train_loss"]
            self.history.append(entry)
            self._losses.clear()
        self.log_dict(figures, prog_bar=True)

    def configure_optimizers(self) -> dict[str, Any]:
        o = self.config.optimiser
        plain = [p for p in self.parameters() if p.ndim < 2]
        decayed = [p for p in self.parameters() if p.ndim >= 2]
        groups = [{"params": decayed, "weight_decay": o.weight_decay}, {"params": plain, "weight_decay": 0.0}]
        optimiser = torch.optim.AdamW(groups, lr=o.learning_rate, betas=(0.9, 0.98))
        schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, self._rate)
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def _rate(self, step: int) -> float:
        """Linear warm-up, then a cosine to 1 % over the steps, or over the time budget if that ends sooner."""
        o = self.config.optimiser
        if step < o.warmup:
            return (step + 1) / o.warmup
        progress = step / o.steps
        if self.budget is not None:
            progress = max(progress, self.elapsed / self.budget)
        return 0.01 + 0.99 * 0.5 * (1.0 + math.cos(math.pi * min(progress, 1.0)))

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["elapsed"] = self.elapsed
        checkpoint["began_with"] = self.began_with

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self.elapsed_before = checkpoint["elapsed"]
        self.began_with = checkpoint.get("began_with")
        self._started = time.monotonic()


class HistoryFile(L.Callback):
    """Writes ``history.csv`` after every validation, and calls ``draw`` with the history so far."""

    def __init__(self, folder: Path, draw: Callable[[list[dict[str, float]], Path], None] | None) -> None:
        self.folder, self.draw = folder, draw

    def on_validation_end(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        if trainer.sanity_checking or not module.history:
            return
        write_history(self.folder / "history.csv", module.history)
        if self.draw:
            self.draw(module.history, self.folder / "curves.png")


def write_history(path: Path, history: list[dict[str, float]]) -> None:
    """The figures of every validation as CSV, appearing at once or not at all."""
    partial = path.with_suffix(".partial")
    with partial.open("w", newline="") as file:
        writer = csv.DictWriter(file, _COLUMNS)
        writer.writeheader()
        writer.writerows(history)
    partial.replace(path)


def read_history(path: Path, last_step: int) -> list[dict[str, float]]:
    """The validations up to a step; none where there is no file."""
    if not path.exists():
        return []
    with path.open(newline="") as file:
        rows = [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]
    return [{**row, "step": int(row["step"])} for row in rows if row["step"] <= last_step]


def train_landmarks(
    config_path: str | Path,
    *,
    out: str | Path = "runs/landmarks",
    resume: bool = False,
    budget_minutes: float | None = None,
    draw: Callable[[list[dict[str, float]], Path], None] | None = None,
    say: Callable[[str], None] = print,
) -> TrainingResult:
    """Train the landmark network as a configuration says.

    Args:
        config_path: YAML, see `LandmarkTrainingConfig`.
        out: folder of checkpoints, curves and the best weights.
        resume: go on from the last checkpoint in ``out``; without one, begin.
        budget_minutes: stop after this much wall-clock time, the learning rate falling towards it; a resumed run
            counts the minutes before.
        draw: given the history and a path, draws the curves.
        say: where messages go.

    Raises:
        ConfigError: the configuration does not fit, or ``out`` holds another run and ``resume`` is not given.
        MissingDependencyError: no parametric head is installed.
    """
    config = read_config(config_path)
    out = Path(out)
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
    processes = _provide_data(config, sources, say)
    try:
        return _run(config, out, last if last.exists() else None, budget_minutes, draw, sources, say)
    finally:
        for process in processes:
            process.terminate()


def _provide_data(
    config: LandmarkTrainingConfig, sources: tuple[str, ...], say: Callable[[str], None]
) -> list:
    say(f"scanning {config.data.scans} heads ({', '.join(sources)}) into {config.data.folder}")
    fill(config.data, sources, "val")
    if config.data.workers == 0:
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


def _run(
    config: LandmarkTrainingConfig,
    out: Path,
    checkpoint: Path | None,
    budget_minutes: float | None,
    draw: Callable | None,
    sources: tuple[str, ...],
    say: Callable[[str], None],
) -> TrainingResult:
    budget = None if budget_minutes is None else 60.0 * budget_minutes
    module = LandmarkModule(config, budget)
    network = module.network.config
    start = 0 if checkpoint is None else int(torch.load(checkpoint, weights_only=True)["global_step"])
    if checkpoint is None and config.start_from is not None:
        first = LandmarkPredictor.from_pretrained(config.start_from)
        module.network.load_state_dict(first.network.state_dict())
        module.began_with = first.description.get("sha256")
    module.history = read_history(out / "history.csv", start)
    batches = Batches(CloudFolder(shard_folder(config.data, "train")), config, network, start)
    validation = ValidationClouds(CloudFolder(shard_folder(config.data, "val")), network)
    best = ModelCheckpoint(
        out / "checkpoints", "best", monitor="val_iou", mode="max", enable_version_counter=False
    )
    latest = ModelCheckpoint(
        out / "checkpoints",
        "last",
        every_n_train_steps=min(_SAVE_EVERY, config.validate_every),
        enable_version_counter=False,
    )
    trainer = L.Trainer(
        accelerator="auto",
        devices=1,
        max_steps=config.optimiser.steps,
        max_epochs=1_000_000,
        val_check_interval=config.validate_every,
        check_val_every_n_epoch=None,
        num_sanity_val_steps=0,
        gradient_clip_val=config.optimiser.clip,
        logger=TensorBoardLogger(out, name="", version="tensorboard"),
        callbacks=[
            EMAWeightAveraging(decay=config.optimiser.average),
            HistoryFile(out, draw),
            best,
            latest,
            *_early_stop(config),
            *([RichProgressBar()] if os.isatty(1) else []),
        ],
        enable_progress_bar=os.isatty(1),
        enable_model_summary=False,
        log_every_n_steps=20,
    )
    train_loader = DataLoader(batches, batch_size=None, num_workers=1, prefetch_factor=4)
    val_loader = DataLoader(validation, batch_size=None)
    say(f"training {sum(p.numel() for p in module.network.parameters()):,} parameters from step {start}")
    trainer.fit(module, train_loader, val_loader, ckpt_path=checkpoint, weights_only=True)
    trainer.validate(module, val_loader, verbose=False)
    weights, iou = _better(module, best)
    model = out / config.name
    _export(model, weights, network, module, config, sources, iou)
    say(f"best mean IoU at {_IOU_THRESHOLD}: {iou:.3f}; weights in {model}")
    return TrainingResult(out, model, module.history, iou, trainer.global_step, module.elapsed / 60, sources)


def _early_stop(config: LandmarkTrainingConfig) -> list[L.Callback]:
    if not config.patience:
        return []
    return [EarlyStopping("val_iou", mode="max", patience=config.patience)]


def _better(module: LandmarkModule, best: ModelCheckpoint) -> tuple[dict[str, Tensor], float]:
    """The last averaged weights or the best validated ones, whichever has the higher IoU."""
    last_iou = module.history[-1]["val_iou"]
    if best.best_model_score is None or float(best.best_model_score) <= last_iou:
        return module.network.state_dict(), last_iou
    state = torch.load(best.best_model_path, weights_only=True, map_location="cpu")["state_dict"]
    prefix = "network."
    kept = {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}
    return kept, float(best.best_model_score)


def _export(
    folder: Path,
    weights: dict[str, Tensor],
    network: Se3UnetConfig,
    module: LandmarkModule,
    config: LandmarkTrainingConfig,
    sources: tuple[str, ...],
    iou: float,
) -> None:
    description = {
        "architecture": "se3unet",
        "network": asdict(network),
        "training": {
            "config": config.model_dump(mode="json"),
            "sources": list(sources),
            "began_with": module.began_with,
            "commit": provenance()["commit"],
            "steps": int(module.trainer.global_step),
            "minutes": round(module.elapsed / 60, 1),
            "validation_iou": round(iou, 4),
            "validation_mm": round(module.history[-1]["val_mm"], 2),
        },
    }
    description["sha256"] = save_weights(folder, weights, description)
    write_card(folder, model_card(config.name, description))
