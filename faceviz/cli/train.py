"""``faceviz train landmarks``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from faceviz.errors import ConfigError, MissingDependencyError

group = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@group.callback()
def _group() -> None:
    pass


@group.command("landmarks")
def landmarks(
    config: Annotated[
        Path, typer.Option(metavar="FILE", help="YAML file with the settings.", show_default=False)
    ],
    resume: Annotated[bool, typer.Option("--resume", help="Go on where a stopped run was.")] = False,
    budget_minutes: Annotated[
        float | None, typer.Option(help="Stop after so many minutes of wall clock, keeping the best.")
    ] = None,
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder of the run: checkpoints, curves, weights.")
    ] = Path("runs/landmarks"),
) -> None:
    """Train the landmark network.

    \b
    Examples:
      faceviz train landmarks --config configs/landmarks.yaml --out runs/first
      faceviz train landmarks --config configs/landmarks.yaml --out runs/first --resume --budget-minutes 60
    """
    if not config.is_file():
        raise ConfigError(f"{config}: no such file; name a YAML file with the settings of the run")
    try:
        from faceviz.training import train_landmarks
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            f'training needs {error.name}; install it with: pip install "faceviz[train]"'
        ) from error

    result = train_landmarks(config, out=out, resume=resume, budget_minutes=budget_minutes, draw=_draw)
    print(
        f"best IoU {result.best_iou:.4f} after {result.steps} steps, {result.minutes:.0f} minutes: {result.model}"
    )


def _draw(history: list[dict[str, float]], path: Path) -> None:
    from faceviz.view.charts import draw_training_curves

    draw_training_curves(history, path)
