"""Training of a reconstruction network, from a configuration to weights with a card."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
from lightning.pytorch.callbacks import ModelCheckpoint
from torch import Tensor, nn
from torch.utils.data import DataLoader

from faceviz.errors import ConfigError, nearest_name
from faceviz.evaluation.provenance import provenance
from faceviz.evaluation.reconstruction_card import reconstruction_card
from faceviz.io.weights import load_weights, save_weights, write_card
from faceviz.models.reconstruction.architectures import image_size
from faceviz.models.reconstruction.stream import StreamConfig
from faceviz.synth.shards import PEOPLE, write_sequences
from faceviz.training.devices import ONE, Devices, Share, is_first, wait_until
from faceviz.training.history import Draw, HistoryFile, Row, read_history
from faceviz.training.people import People
from faceviz.training.pictures import UNCHANGED, PictureChanges
from faceviz.training.reader import Unseen, find_all, fit_reader
from faceviz.training.reconstruction_config import ReconstructionTrainingConfig, read_reconstruction_config
from faceviz.training.reconstruction_module import ReconstructionModule, StreamModule, ThomassenModule
from faceviz.training.run import begin, end_average, fit, make_trainer, network_weights, steps_done
from faceviz.training.sequences import SequenceBatches, SequenceFolder, ValidationSequences
from faceviz.training.shape_space import ShapeSpace

_SPACE, _PEOPLE = "space.npz", "people.npz"
_PICTURES = 16  # of people without pictures: where their landmarks lie


@dataclass(frozen=True)
class ReconstructionTrainingResult:
    """What a run left behind.

    Attributes:
        models: folders of weights: ``validation``, best by validation loss; ``training``, best by training loss.
        best_loss: of validation; ``best_mm`` the error after all images at that time.
    """

    folder: Path
    models: dict[str, Path]
    history: list[Row]
    best_loss: float
    best_mm: float
    steps: int
    minutes: float
    sources: tuple[str, ...]


def train_reconstruction(
    config_path: str | Path,
    *,
    out: str | Path = "runs/reconstruction",
    resume: bool = False,
    budget_minutes: float | None = None,
    devices: Devices = ONE,
    draw: Draw | None = None,
    say: Callable[[str], None] = print,
) -> ReconstructionTrainingResult:
    """Train a reconstruction network as a configuration says.

    Args:
        config_path: YAML, see `ReconstructionTrainingConfig`.
        out: folder of checkpoints, curves and the best weights.
        resume: go on from the last checkpoint in ``out``; without one, begin.
        budget_minutes: stop after this much wall-clock time, a cosine falling towards it; a resumed run counts the
            minutes before.
        devices: what the run is spread over, as of ``train_landmarks``.
        draw: given the history and a path, draws the curves.
        say: where messages go.

    Raises:
        ConfigError: the configuration does not fit, or ``out`` holds another run and ``resume`` is not given.
        MissingDependencyError: no parametric head is installed.
    """
    config = read_reconstruction_config(config_path)
    out = Path(out)
    _picture_changes(config)
    devices.check()
    if not is_first():
        say, draw = _silent, None
    checkpoint, sources = begin(config, out, resume, say)
    if not is_first():  # the first process renders, then fits the space
        wait_until((out / _SPACE).is_file)
    elif config.data.render:
        _render(config, sources, say)
    return _Run(config, str(config_path), out, sources, say).go(checkpoint, budget_minutes, draw, devices)


def _silent(_: str) -> None:
    pass


def _render(
    config: ReconstructionTrainingConfig, sources: tuple[str, ...], say: Callable[[str], None]
) -> None:
    data = config.data
    for split, people in (("val", data.validation), ("train", data.people)):
        say(f"rendering {people} people ({', '.join(sources)}; {split}) into {data.folder}/{split}")
        folder = Path(data.folder) / split
        write_sequences(
            folder,
            people,
            data.frames,
            data.seed,
            split=split,
            source=sources,
            folder=data.ict_folder,
            layout="shards",
        )


class _Run:
    """One run: data, module, trainer, weights."""

    def __init__(
        self,
        config: ReconstructionTrainingConfig,
        config_file: str,
        out: Path,
        sources: tuple[str, ...],
        say: Callable[[str], None],
    ) -> None:
        self.config, self.config_file = config, config_file
        self.out, self.sources, self.say = out, sources, say
        self.space = self._space(out / _SPACE)
        self.train, self.validation = (self._folder(split) for split in ("train", "val"))
        self.others = self._others(out / _PEOPLE) if config.architecture == "faceviz-stream" else None

    def _space(self, path: Path) -> ShapeSpace:
        """That of the run: of the weights that it begins with, or fitted at its beginning."""
        if path.is_file():
            return ShapeSpace.read(path)
        components = int(self.config.network.get("components", StreamConfig.components))
        if self.config.architecture == "faceviz-stream" and self.config.start_from is not None:
            space = ShapeSpace.of(load_weights(self.config.start_from)[0])
            if space is not None and len(space.basis) == components:
                space.write(path)
                return space
        people, data = max(self.config.space_people, components + 1), self.config.data
        space = ShapeSpace.fit(self.sources, people, components, data.seed, data.ict_folder)
        space.write(path)
        return space

    def _others(self, path: Path) -> People:
        """The people without pictures, drawn at the beginning of the run."""
        if path.is_file():
            return People.read(path)
        data = self.config.data
        self.say(f"drawing {data.unseen:,} people without pictures")
        people = People.draw(self.space, self.sources, data.unseen, _PICTURES, data.seed, data.ict_folder)
        people.write(path)
        return people

    def _folder(self, split: str) -> SequenceFolder:
        people = self.config.data.people if split == "train" else self.config.data.validation
        limit = math.ceil(people / PEOPLE) + len(self.sources) - 1
        data = self.config.data
        return SequenceFolder(Path(data.folder) / split, self.space, data.ict_folder, limit)

    def go(
        self, checkpoint: Path | None, budget_minutes: float | None, draw: Draw | None, devices: Devices
    ) -> ReconstructionTrainingResult:
        config, budget = self.config, None if budget_minutes is None else 60.0 * budget_minutes
        epoch = max(1, len(self.train) // config.optimiser.batch)
        module = self._module(epoch, budget)
        start = steps_done(checkpoint)
        module.history = read_history(self.out / "history.csv", start)
        best = {name: self._keeper(name) for name in ("validation", "training")}
        trainer = make_trainer(
            self.out,
            [HistoryFile(self.out, draw), *best.values()],
            steps=config.optimiser.steps,
            validate_every=config.validate_every or epoch,
            monitor="val_loss",
            mode="min",
            patience=config.patience,
            clip=config.optimiser.clip,
            average=config.optimiser.average,
            devices=devices,
        )
        loaders = self._loaders(module, Share.of(trainer, start))
        count = sum(p.numel() for p in module.network.parameters())
        self.say(f"training {count:,} parameters on {len(self.train)} people from step {start}")
        fit(trainer, module, loaders, checkpoint)
        fitted = isinstance(module, StreamModule) and bool(config.optimiser.reader)
        if isinstance(module, StreamModule) and fitted:
            self._fit_reader(module, best["validation"])
            end_average(trainer)
        trainer.validate(module, loaders[1], verbose=False)
        return self._result(module, trainer, best, fitted)

    def _fit_reader(self, module: StreamModule, best: ModelCheckpoint) -> None:
        """To the best weights so far, in place; whatever the validation says, which sees fewer images than users."""
        config, network = self.config, module.network.eval()
        if best.best_model_path:
            network.load_state_dict(network_weights(best.best_model_path))
        self.say(f"looking for the landmarks of {len(self.train)} people")
        found = find_all(network, self.train, _picture_changes(config), config.seed)
        assert self.others is not None
        others, steps = Unseen.of(self.others, network), config.optimiser.reader
        fit_reader(network, found, others, module.energy, config.loss.view, steps, config.seed, self.say)

    def _module(self, epoch: int, budget: float | None) -> ReconstructionModule:
        if self.config.architecture == "faceviz-stream":
            assert self.others is not None
            module: ReconstructionModule = StreamModule(self.config, epoch, budget, self.space, self.others)
        else:
            module = ThomassenModule(self.config, epoch, budget)
        if self.config.start_from is not None:
            self._take_over(module.network, Path(self.config.start_from))
        return module

    def _take_over(self, network: nn.Module, folder: Path) -> None:
        """The weights of a model, as far as the network has parts of the same shape."""
        first, own = load_weights(folder)[0], network.state_dict()
        fits = {name for name, values in own.items() if name in first and first[name].shape == values.shape}
        if not fits:
            raise ConfigError(f"start_from {str(folder)!r}: none of its weights fit the network")
        network.load_state_dict({name: first[name] for name in fits}, strict=False)
        if anew := {name.split(".")[0] for name in own.keys() - fits}:
            self.say(f"begins anew, all or in part: {', '.join(sorted(anew))}")

    def _keeper(self, name: str) -> ModelCheckpoint:
        monitor = {"validation": "val_loss", "training": "train_loss"}[name]
        folder = self.out / "checkpoints"
        return ModelCheckpoint(
            folder,
            f"best_{name}",
            monitor=monitor,
            save_on_train_epoch_end=False,
            enable_version_counter=False,
        )

    def _loaders(self, module: ReconstructionModule, share: Share) -> tuple[DataLoader[Any], DataLoader[Any]]:
        config, size = self.config, image_size(module.network)
        streams = config.architecture == "faceviz-stream"
        settings: Any = module.network.config
        twice = streams and settings.focus
        batches = SequenceBatches(
            self.train,
            batch=config.optimiser.batch,
            frames=config.data.frames,
            size=size,
            changes=_picture_changes(config),
            seed=config.seed,
            start=share.start,
            stride=share.stride,
            with_shapes=not streams,
            others=self.others,
            more=config.optimiser.more if streams else 0,
            focus=config.data.focus if twice else 0.0,
        )
        validation = ValidationSequences(self.validation, 2 * size if twice else size, config.data.frames)
        return DataLoader(batches, batch_size=None, num_workers=1, prefetch_factor=4), DataLoader(
            validation, batch_size=None
        )

    def _result(
        self, module: ReconstructionModule, trainer: L.Trainer, best: dict[str, ModelCheckpoint], fitted: bool
    ) -> ReconstructionTrainingResult:
        final = module.history[-1]
        weights, figures = module.network.state_dict(), final
        kept = best["validation"]
        better = kept.best_model_score is not None and float(kept.best_model_score) < final["val_loss"]
        if better and not fitted:
            weights = network_weights(kept.best_model_path)
            figures = min(module.history, key=lambda row: row["val_loss"])
        models = {"validation": self.out / self.config.name}
        self._export(models["validation"], weights, module, figures, "validation")
        if best["training"].best_model_path:
            models["training"] = self.out / f"{self.config.name}-training"
            chosen = min(module.history, key=lambda row: _or_inf(row["train_loss"]))
            self._export(
                models["training"],
                network_weights(best["training"].best_model_path),
                module,
                chosen,
                "training",
            )
        self.say(f"validation error {figures['val_mm']:.2f} mm; weights in {models['validation']}")
        return ReconstructionTrainingResult(
            self.out,
            models,
            module.history,
            figures["val_loss"],
            figures["val_mm"],
            trainer.global_step,
            module.elapsed / 60,
            self.sources,
        )

    def _export(
        self, folder: Path, weights: dict[str, Tensor], module: ReconstructionModule, row: Row, best_by: str
    ) -> None:
        """Weights in half precision, which changes the points by less than a hundredth of a millimetre; what whitens
        landmarks takes differences of large numbers, and stays as it is."""
        if not is_first():
            return
        settings: Any = module.network.config
        description: dict[str, Any] = {
            "architecture": self.config.architecture,
            "network": asdict(settings),
            "training": {
                "config_file": self.config_file,
                "config": self.config.model_dump(mode="json"),
                "sources": list(self.sources),
                "people": len(self.train),
                "commit": provenance()["commit"],
                "steps": int(row["step"]),
                "minutes": round(row["minutes"], 1),
                "best_by": best_by,
                **{name: round(row[name], 4) for name in ("val_loss", "val_mm_1", "val_mm")},
                "mean_face_mm": round(self._mean_face_error(), 4),
            },
        }
        halves = {
            name: x.half() if x.is_floating_point() and name not in ("middle", "whitening") else x
            for name, x in weights.items()
        }
        description["sha256"] = save_weights(folder, halves, description)
        write_card(folder, reconstruction_card(folder.name, description))

    def _mean_face_error(self) -> float:
        """Of the validation people, mm: what a network that sees nothing would have."""
        shapes = [truth.shape for _, _, truth in self.validation.people]
        return float(np.mean([np.linalg.norm(shape - self.space.mean, axis=-1).mean() for shape in shapes]))


def _picture_changes(config: ReconstructionTrainingConfig) -> PictureChanges:
    if not config.data.augment:
        return UNCHANGED
    for name in config.data.changes:
        if name not in PictureChanges.__slots__:
            raise ConfigError(
                f"data.changes: unknown setting {name!r}{nearest_name(name, PictureChanges.__slots__)}"
            )
    return PictureChanges(**config.data.changes)


def _or_inf(value: float) -> float:
    return value if math.isfinite(value) else math.inf
