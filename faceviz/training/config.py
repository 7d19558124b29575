"""What a training run is: one strict YAML file."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from faceviz.errors import ConfigError, nearest_name


class StrictConfig(BaseModel):
    """Settings that refuse unknown keys and cannot be changed."""

    model_config = ConfigDict(extra="forbid", frozen=True)


Config = TypeVar("Config", bound=StrictConfig)


class DataConfig(StrictConfig):
    """Synthetic scans, scanned once and kept on disk.

    Attributes:
        sources: parametric heads, ``ict`` and ``anny``; one that is missing is left out, and said so.
        ict_folder: where ICT-FaceKit lies; the variable FACEVIZ_ICT if not given.
        scans: how many training scans; each gives a cloud as cropped and a cloud of its face region.
        views: how many of these two are shown; with 1, half of the scans show the one and half the other.
        validation: how many validation scans, of other identities.
        seed: of identities, expressions and scanner.
        workers: processes that scan while the network trains; 0 scans all first.
        folder: where the clouds are kept.
        faceless: share of clouds that hold no face, whose heatmaps are zero.
        points: of a cloud; one of these is drawn for each batch.
        augment: whether clouds are mirrored, cut, pierced, scaled and made noisy anew each time.
        rotate: whether each cloud comes in a random pose; an invariant network does not notice.
        tilt: standard deviation in degrees of the pose where ``rotate`` is false.
    """

    sources: tuple[str, ...] = ("ict", "anny")
    ict_folder: str | None = None
    scans: int = Field(12_000, ge=1)
    views: int = Field(2, ge=1, le=2)
    validation: int = Field(96, ge=1)
    seed: int = 0
    workers: int = Field(2, ge=0)
    folder: str = "runs/clouds"
    faceless: float = Field(0.0, ge=0, le=0.5)
    points: tuple[int, ...] = (1024, 1024, 1024, 1024, 1024, 1024, 768, 512)
    augment: bool = True
    rotate: bool = True
    tilt: float = Field(0.0, ge=0)


class OptimiserConfig(StrictConfig):
    """How the loss is made small.

    Attributes:
        name: ``adamw`` with betas 0.9 and 0.98, or ``adam`` as it comes, without weight decay.
        schedule: ``cosine``: linear warm-up, then a cosine to 1 %, over the steps or over the wall-clock budget.
            ``restarts``: cosines to 0, each ``restart`` steps long (Loshchilov and Hutter 2017, eq. 5).
        batch: clouds whose gradient is taken at once.
        accumulate: batches whose mean gradient makes one step. Batches are counted, so that every one has its effect.
        epochs: how often each cloud is seen; without it clouds are drawn at random for so many ``steps``.
        restart: of the schedule, in steps; the whole run if not given.
        clip: greatest norm of a gradient; 0 lets it be.
        average: decay of the running mean of the weights, which is what is validated and kept; 0 takes no mean.
    """

    name: Literal["adamw", "adam"] = "adamw"
    schedule: Literal["cosine", "restarts"] = "cosine"
    learning_rate: float = Field(1.5e-3, gt=0)
    weight_decay: float = Field(0.01, ge=0)
    batch: int = Field(4, ge=1)
    accumulate: int = Field(1, ge=1)
    steps: int = Field(20_000, ge=1)
    epochs: int | None = Field(None, ge=1)
    restart: int | None = Field(None, ge=1)
    warmup: int = Field(300, ge=0)
    clip: float = Field(1.0, ge=0)
    average: float = Field(0.998, ge=0, lt=1)


class LossConfig(StrictConfig):
    """Adaptive Wing loss, see ``faceviz.losses.adaptive_wing``, and ``overlap`` times the soft IoU loss.

    Where the network has a part that they belong to: ``first`` times the same loss before its refinement, ``position``
    times ``faceviz.losses.position_loss`` of its landmarks, ``orthogonal`` times the penalty of its spatial transformer
    (Qi et al. 2017: 0.001).
    """

    omega: float = 14.0
    theta: float = 0.5
    epsilon: float = 1.0
    alpha: float = 2.1
    foreground: float = 0.0
    overlap: float = Field(0.0, ge=0)
    first: float = Field(0.3, ge=0)
    position: float = Field(0.3, ge=0)
    orthogonal: float = Field(0.001, ge=0)


class LandmarkTrainingConfig(StrictConfig):
    """A training run of the landmark network.

    Attributes:
        name: of the model; the folder of its weights.
        architecture: of the network, see ``faceviz.models.architectures``.
        start_from: a model's name or folder whose weights the run begins with; random ones if not given.
        network: settings of the network that differ from its defaults.
        validate_every: steps between validations.
        patience: validations without a better IoU before the run stops; 0 never stops early.
        compile: whether the blocks of a ``se3unet`` are compiled (minutes at the start, then half the time a step).
        threads: of the network; the loader has its own process.
        seed: of weights, order and augmentation.
    """

    name: str = "se3unet"
    architecture: Literal["se3unet", "ordinary", "ferraretto2024"] = "se3unet"
    start_from: str | None = None
    network: dict[str, Any] = Field(default_factory=dict)
    data: DataConfig = DataConfig()
    optimiser: OptimiserConfig = OptimiserConfig()
    loss: LossConfig = LossConfig()
    validate_every: int = Field(500, ge=1)
    patience: int = Field(0, ge=0)
    compile: bool = False
    threads: int = Field(2, ge=1)
    seed: int = 0


def read_config(path: str | Path) -> LandmarkTrainingConfig:
    """The configuration of a landmark network's training; see `read_strict` for the errors."""
    return read_strict(path, LandmarkTrainingConfig)


def read_strict(path: str | Path, kind: type[Config]) -> Config:
    """A configuration of some kind from a YAML file.

    Raises:
        ConfigError: the file is missing or not YAML, a key is unknown (the nearest is named), a value does not fit.
    """
    path = Path(path)
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); name a YAML file") from error
    except (
        yaml.YAMLError,
        ValueError,
        RecursionError,
    ) as error:  # of a number too long, or nested too deeply
        raise ConfigError(f"{path}: is not YAML ({str(error).splitlines()[0]})") from error
    if not isinstance(values, dict) or not all(isinstance(key, str) for key in values):
        raise ConfigError(f"{path}: must hold settings as `key: value`, got {type(values).__name__}")
    try:
        return kind(**values)
    except ValidationError as error:
        raise ConfigError(f"{path}: {_explain(error, kind)}") from error


def _explain(error: ValidationError, kind: type[BaseModel]) -> str:
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    if first["type"] != "extra_forbidden":
        return f"{where}: {first['msg']}"
    model: Any = kind
    for part in first["loc"][:-1]:
        model = model.model_fields[part].annotation
    return f"unknown setting {where!r}{nearest_name(str(first['loc'][-1]), model.model_fields)}"
