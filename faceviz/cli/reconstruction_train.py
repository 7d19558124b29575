"""``faceviz train reconstruction``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from faceviz.errors import ConfigError, MissingDependencyError


def reconstruction(
    config: Annotated[
        Path, typer.Option(metavar="FILE", help="YAML file with the settings.", show_default=False)
    ],
    resume: Annotated[bool, typer.Option("--resume", help="Go on where a stopped run was.")] = False,
    budget_minutes: Annotated[
        float | None, typer.Option(help="Stop after so many minutes of wall clock, keeping the best.")
    ] = None,
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder of the run: checkpoints, curves, weights.")
    ] = Path("runs/reconstruction"),
) -> None:
    """Train a network that makes a 3D face from images.

    The best weights by validation loss and those by training loss are both kept, in DIR/NAME and DIR/NAME-training.

    \b
    Examples:
      faceviz train reconstruction --config configs/reconstruction.yaml --out runs/first
      faceviz train reconstruction --config configs/thomassen2022.yaml --out runs/report
      faceviz train reconstruction --config configs/reconstruction.yaml --out runs/first --resume --budget-minutes 60
    """
    if not config.is_file():
        raise ConfigError(f"{config}: no such file; name a YAML file with the settings of the run")
    try:
        from faceviz.training.reconstruction import train_reconstruction
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            f'training needs {error.name}; install it with: pip install "faceviz[train]"'
        ) from error

    result = train_reconstruction(config, out=out, resume=resume, budget_minutes=budget_minutes, draw=_draw)
    print(
        f"validation error {result.best_mm:.2f} mm after {result.steps} steps, {result.minutes:.0f} minutes: "
        f"{result.models['validation']}"
    )


def _draw(history: list[dict[str, float]], path: Path) -> None:
    from faceviz.view.faces import draw_reconstruction_curves

    draw_reconstruction_curves(history, path)
