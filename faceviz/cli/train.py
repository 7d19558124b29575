"""``faceviz train``: networks that find landmarks, and networks that make a face from images."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer

from faceviz.errors import ConfigError, MissingDependencyError, counted

group = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

ConfigOption = Annotated[
    Path, typer.Option(metavar="FILE", help="YAML file with the settings.", show_default=False)
]
ResumeOption = Annotated[bool, typer.Option("--resume", help="Go on where a stopped run was.")]
BudgetOption = Annotated[
    float | None, typer.Option(help="Stop after so many minutes of wall clock, keeping the best.")
]
DevicesOption = Annotated[int, typer.Option(min=1, help="Devices of each machine to train on.")]
NodesOption = Annotated[int, typer.Option("--num-nodes", min=1, help="Machines; begin the command on each.")]
StrategyOption = Annotated[
    str, typer.Option(metavar="NAME", help="How they share the work, as Lightning names it: auto, ddp, fsdp.")
]
OutOption = Annotated[
    Path, typer.Option(metavar="DIR", help="Folder of the run: checkpoints, curves, weights.")
]


@group.callback()
def _group() -> None:
    pass


@group.command("landmarks")
def landmarks(
    config: ConfigOption,
    resume: ResumeOption = False,
    budget_minutes: BudgetOption = None,
    out: OutOption = Path("runs/landmarks"),
    devices: DevicesOption = 1,
    num_nodes: NodesOption = 1,
    strategy: StrategyOption = "auto",
) -> None:
    """Train the landmark network.

    \b
    Examples:
      faceviz train landmarks --config configs/landmarks.yaml --out runs/first
      faceviz train landmarks --config configs/landmarks.yaml --out runs/first --resume --budget-minutes 60
      faceviz train landmarks --config configs/landmarks.yaml --out runs/first --devices 4 --strategy ddp
    """
    train = _training("landmarks", config).train_landmarks
    result = train(
        config,
        out=out,
        resume=resume,
        budget_minutes=budget_minutes,
        devices=_devices(devices, num_nodes, strategy),
        draw=_draw_landmarks,
    )
    _tell(
        f"best IoU {result.best_iou:.4f} after {counted(result.steps, 'step')}, {result.minutes:.0f} min: "
        f"{result.model}"
    )


@group.command("reconstruction")
def reconstruction(
    config: ConfigOption,
    resume: ResumeOption = False,
    budget_minutes: BudgetOption = None,
    out: OutOption = Path("runs/reconstruction"),
    devices: DevicesOption = 1,
    num_nodes: NodesOption = 1,
    strategy: StrategyOption = "auto",
) -> None:
    """Train a network that makes a 3D face from images.

    The best weights by validation loss and those by training loss are both kept, in DIR/NAME and DIR/NAME-training.

    \b
    Examples:
      faceviz train reconstruction --config configs/reconstruction.yaml --out runs/first
      faceviz train reconstruction --config configs/thomassen2022.yaml --out runs/report
      faceviz train reconstruction --config configs/reconstruction.yaml --out runs/first --resume --budget-minutes 60
    """
    train = _training("reconstruction", config).train_reconstruction
    result = train(
        config,
        out=out,
        resume=resume,
        budget_minutes=budget_minutes,
        devices=_devices(devices, num_nodes, strategy),
        draw=_draw_reconstruction,
    )
    _tell(
        f"validation error {result.best_mm:.2f} mm after {counted(result.steps, 'step')}, {result.minutes:.0f} min: "
        f"{result.models['validation']}"
    )


def _devices(devices: int, num_nodes: int, strategy: str) -> Any:
    from faceviz.training.devices import Devices

    return Devices(devices, num_nodes, strategy)


def _tell(text: str) -> None:
    """Once, however many processes train."""
    from faceviz.training.devices import is_first

    if is_first():
        print(text)


def _training(name: str, config: Path) -> Any:
    """The module ``faceviz.training.NAME``, once the configuration is known to be there."""
    if not config.is_file():
        raise ConfigError(f"{config}: no such file; name a YAML file with the settings of the run")
    try:
        return import_module(f"faceviz.training.{name}")
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            f'training needs {error.name}; install it with: pip install "faceviz[train]"'
        ) from error


def _draw_landmarks(history: list[dict[str, float]], path: Path) -> None:
    from faceviz.view.charts import draw_training_curves

    draw_training_curves(history, path)


def _draw_reconstruction(history: list[dict[str, float]], path: Path) -> None:
    from faceviz.view.faces import draw_reconstruction_curves

    draw_reconstruction_curves(history, path)
