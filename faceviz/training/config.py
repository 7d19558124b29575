"""What a training run is: one strict YAML file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from faceviz.errors import ConfigError, nearest_name


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DataConfig(_Strict):
    """Synthetic scans, scanned once and kept on disk.

    Attributes:
        sources: parametric heads, ``ict`` and ``anny``; one that is missing is left out, and said so.
        ict_folder: where ICT-FaceKit lies; the variable FACEVIZ_ICT if not given.
        scans: how many training scans; each gives a cloud as cropped and a cloud of its face region.
        validation: how many validation scans, of other identities.
        seed: of identities, expressions and scanner.
        workers: processes that scan while the network trains; 0 scans all first.
        folder: where the clouds are kept.
    """

    sources: tuple[str, ...] = ("ict", "anny")
    ict_folder: str | None = None
    scans: int = Field(12_000, ge=1)
    validation: int = Field(96, ge=1)
    seed: int = 0
    workers: int = Field(2, ge=0)
    folder: str = "runs/clouds"


class OptimiserConfig(_Strict):
    """AdamW with linear warm-up and a cosine to nearly zero, over steps or over the wall-clock budget."""

    learning_rate: float = Field(1.5e-3, gt=0)
    weight_decay: float = Field(0.01, ge=0)
    batch: int = Field(4, ge=1)
    steps: int = Field(20_000, ge=1)
    warmup: int = Field(300, ge=0)
    clip: float = Field(1.0, gt=0)
    average: float = Field(0.998, ge=0, lt=1)


class LossConfig(_Strict):
    """Adaptive Wing loss, see ``faceviz.losses.adaptive_wing``, and ``overlap`` times the soft IoU loss."""

    omega: float = 14.0
    theta: float = 0.5
    epsilon: float = 1.0
    alpha: float = 2.1
    foreground: float = 0.0
    overlap: float = Field(0.0, ge=0)


class LandmarkTrainingConfig(_Strict):
    """A training run of the landmark network.

    Attributes:
        name: of the model; the folder of its weights.
        start_from: a model's name or folder whose weights the run begins with; random ones if not given.
        network: settings of ``faceviz.models.se3_unet.Se3UnetConfig`` that differ from the default.
        validate_every: steps between validations.
        patience: validations without a better IoU before the run stops; 0 never stops early.
        compile: whether the blocks are compiled (minutes at the start, then about half the time a step).
        threads: of the network; the loader has its own process.
        seed: of weights, order and augmentation.
    """

    name: str = "se3unet"
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
    """A training configuration from a YAML file.

    Raises:
        ConfigError: the file is missing or not YAML, a key is unknown (the nearest is named), a value does not fit.
    """
    path = Path(path)
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); name a YAML file") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: is not YAML ({str(error).splitlines()[0]})") from error
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: must hold settings as `key: value`, got {type(values).__name__}")
    try:
        return LandmarkTrainingConfig(**values)
    except ValidationError as error:
        raise ConfigError(f"{path}: {_explain(error)}") from error


def _explain(error: ValidationError) -> str:
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    if first["type"] != "extra_forbidden":
        return f"{where}: {first['msg']}"
    model: Any = LandmarkTrainingConfig
    for part in first["loc"][:-1]:
        model = model.model_fields[part].annotation
    return f"unknown setting {where!r}{nearest_name(str(first['loc'][-1]), model.model_fields)}"
