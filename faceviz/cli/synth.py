"""``faceviz synth scans``: scans of parametric heads with known landmarks."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from faceviz.cli.output import check_folder
from faceviz.errors import ConfigError, nearest_name

group = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

FORMATS = ("npz", "ply", "obj")


@group.callback()
def _group() -> None:
    pass


@group.command("scans")
def scans(
    out: Annotated[
        str, typer.Option(help="Folder to write to, made if it does not exist.", show_default=False)
    ],
    n: Annotated[int, typer.Option("--n", help="How many.", min=1)] = 20,
    seed: Annotated[int, typer.Option(help="The same seed gives the same scans.")] = 0,
    split: Annotated[str, typer.Option(help="train, val or test: no head is in two of them.")] = "train",
    source: Annotated[
        str, typer.Option(help="anny (comes with the synth extra) or ict (needs --ict-folder).")
    ] = "anny",
    ict_folder: Annotated[str | None, typer.Option(help="Your clone of ICT-FaceKit.")] = None,
    file_format: Annotated[
        str,
        typer.Option(
            "--format", help="npz holds points and landmarks; ply and obj get landmarks beside them."
        ),
    ] = "npz",
) -> None:
    """Make scans of random heads: random expression, crop, noise, holes, clutter; 8,192 points in mm, 68 landmarks.

    \b
    Examples:
      faceviz synth scans --n 200 --seed 0 --out scans/
      faceviz synth scans --n 10 --split test --format ply --out test-scans/
    """
    if file_format not in FORMATS:
        raise ConfigError(f"--format {file_format!r} is not known{nearest_name(file_format, FORMATS)}")
    check_folder(out)
    from rich.console import Console
    from rich.progress import track

    from faceviz.io import write_scan
    from faceviz.synth import synthetic_scans

    made = synthetic_scans(split, n, seed=seed, source=source, folder=ict_folder)
    os.makedirs(out, exist_ok=True)
    digits = len(str(n - 1))
    errors = Console(stderr=True)
    for i, scan in enumerate(track(made, "Scanning", total=n, console=errors, transient=True)):
        write_scan(Path(out) / f"{split}_{i:0{digits}d}.{file_format}", scan)
    print(f"{n} scans in {out}: {source} heads, split {split}, seed {seed}")
