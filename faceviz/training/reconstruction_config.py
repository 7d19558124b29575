"""What a training run of a reconstruction network is: one strict YAML file."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from faceviz.training.config import StrictConfig, read_strict


class SequenceDataConfig(StrictConfig):
    """Rendered sequences, kept on disk in shards.

    Attributes:
        folder: with ``train`` and ``val`` in it.
        people: how many to learn from; ``validation`` how many others to validate on.
        frames: pictures of each person.
        seed: of people and pictures.
        sources: parametric heads, ``ict`` and ``anny``; one that is missing is left out, and said so.
        ict_folder: where ICT-FaceKit lies; the variable FACEVIZ_ICT if not given.
        render: whether sequences that are missing are rendered before the training begins; if not, those that are
            there are used, and those that appear later too.
        unseen: people without pictures, whose landmarks ``faceviz-stream`` learns to read.
        changes: settings of ``faceviz.training.pictures.PictureChanges`` that differ from the default.
        augment: whether pictures are changed at random.
        focus: share of people whose pictures are cut to what a second look sees, if the network looks twice.
    """

    folder: str = "runs/sequences"
    people: int = Field(1000, ge=1)
    validation: int = Field(64, ge=1)
    frames: int = Field(8, ge=1)
    seed: int = Field(0, ge=0)
    sources: tuple[str, ...] = ("ict", "anny")
    ict_folder: str | None = None
    render: bool = True
    unseen: int = Field(16_000, ge=1)
    augment: bool = True
    changes: dict[str, float] = Field(default_factory=dict)
    focus: float = Field(0.75, ge=0, le=1)


class ReconstructionOptimiserConfig(StrictConfig):
    """How the loss is made small.

    Attributes:
        name: ``adamw`` with betas 0.9 and 0.98, or ``adam`` as it comes, without weight decay.
        schedule: ``cosine``: linear warm-up, then a cosine to 1 %, over the steps or the wall-clock budget. ``halve``:
            half of it after every ``halve_every`` epochs, an epoch being as many steps as show every person once.
        batch: people whose gradient is taken at once; ``more`` others who have no pictures.
        average: decay of the moving average of the weights; 0 keeps none.
        reader: steps in which, at the end, the reader of landmarks is fitted to the trained network; 0 for none.
    """

    name: Literal["adamw", "adam"] = "adamw"
    schedule: Literal["cosine", "halve"] = "cosine"
    learning_rate: float = Field(1e-3, gt=0)
    weight_decay: float = Field(0.02, ge=0)
    batch: int = Field(4, ge=1)
    more: int = Field(64, ge=0)
    steps: int = Field(20_000, ge=1)
    warmup: int = Field(300, ge=0)
    halve_every: int = Field(10, ge=1)
    clip: float | None = Field(1.0, gt=0)
    average: float = Field(0.998, ge=0, lt=1)
    reader: int = Field(250, ge=0)


class ReconstructionLossConfig(StrictConfig):
    """Weights of the terms of ``faceviz-stream``; the report's network has its mean square error alone.

    Attributes:
        shape: of the mean square distance of points, in units of 10 mm^2, after each image.
        size: of the same that an error of size makes.
        view: of both for each image's own view.
        landmarks: of the mean distance of image landmarks, in shares of the picture's side.
        geometry: of the shape that landmarks tell without a picture (``faceviz.training.landmark_finder``).
    """

    shape: float = Field(1.0, ge=0)
    size: float = Field(0.3, ge=0)
    view: float = Field(0.3, ge=0)
    landmarks: float = Field(80.0, ge=0)
    geometry: float = Field(5.0, ge=0)


class ReconstructionTrainingConfig(StrictConfig):
    """A training run of a reconstruction network.

    Attributes:
        name: of the model; the folder of its weights.
        architecture: ``faceviz-stream`` or ``thomassen2022``.
        start_from: a folder with weights that the run begins with, where they have the same shape; random ones if not
            given.
        network: settings of its configuration that differ from the default.
        space_people: random people whose faces span the linear space of ``faceviz-stream``.
        validate_every: steps between validations; an epoch if not given.
        patience: validations without a better loss before the run stops; 0 never stops early.
        threads: of the network; the loader has its own process.
        seed: of weights, order and changes.
    """

    name: str = "faceviz-stream"
    architecture: Literal["faceviz-stream", "thomassen2022"] = "faceviz-stream"
    start_from: str | None = None
    network: dict[str, Any] = Field(default_factory=dict)
    space_people: int = Field(3000, ge=2)
    data: SequenceDataConfig = SequenceDataConfig()
    optimiser: ReconstructionOptimiserConfig = ReconstructionOptimiserConfig()
    loss: ReconstructionLossConfig = ReconstructionLossConfig()
    validate_every: int | None = Field(500, ge=1)
    patience: int = Field(0, ge=0)
    threads: int = Field(2, ge=1)
    seed: int = 0


def read_reconstruction_config(path: str | Path) -> ReconstructionTrainingConfig:
    """A training configuration from a YAML file; errors as of ``faceviz.training.config.read_strict``."""
    return read_strict(path, ReconstructionTrainingConfig)
