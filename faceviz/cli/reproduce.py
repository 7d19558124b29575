"""``faceviz reproduce report-a``: tables and figures of a report, from what is on the machine."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from faceviz.cli.landmarks import DeviceOption
from faceviz.cli.output import STDOUT, Progress, check_folder, check_outputs, console, write_text
from faceviz.errors import counted

group = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@group.callback()
def _group() -> None:
    pass


@group.command("report-a")
def report_a(
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where everything goes.", show_default=False)],
    scans: Annotated[
        int, typer.Option(min=1, help="Synthetic test scans, where --data names no others.")
    ] = 50,
    models: Annotated[
        str,
        typer.Option(
            metavar="NAMES",
            help="all, or names, folders and .pth files of published weights, joined by commas.",
        ),
    ] = "all",
    data: Annotated[
        str | None,
        typer.Option(metavar="DATA", help="As for `faceviz evaluate`; synthetic test scans if not given."),
    ] = None,
    example: Annotated[
        Path | None,
        typer.Option(
            metavar="SCAN", help="The scan in the pictures, with its landmarks; a sample if not given."
        ),
    ] = None,
    json_out: Annotated[
        str | None, typer.Option("--json", metavar="FILE", help="Write the summary; - for stdout.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the random moves.")] = 0,
    device: DeviceOption = None,
) -> None:
    """Everything that "SE3-Unet" (Ferraretto, 2024) shows, for each model: Table 1 with 68 rows, IoU charts, heatmaps.

    A call that was interrupted goes on with the models that are missing. Beside each figure FILE, FILE.json holds the
    command, the checksums of weights and data, the protocols and the seed.

    \b
    Examples:
      faceviz reproduce report-a --out reproduced/
      faceviz reproduce report-a --out reproduced/ --scans 20 --models se3unet,ordinary
      faceviz reproduce report-a --out reproduced/ --data facescape:/data/facescape --json -
    """
    check_outputs(json_out)
    check_folder(str(out))
    from faceviz import assets
    from faceviz.evaluation import open_data
    from faceviz.evaluation.models import find_models, open_models
    from faceviz.io import read_scan
    from faceviz.view.reproduction import Request, reproduce

    spec = data or f"synthetic:test:{scans}"
    count = open_data(spec).count
    predictors = open_models(find_models(models), device)
    shown = read_scan(example or assets.path("scans/sample_neutral.ply"))
    out.mkdir(parents=True, exist_ok=True)
    request = Request(out, shlex.join(["faceviz", *sys.argv[1:]]), seed, shown)
    terminal = console(data_on_stdout=json_out == STDOUT)
    total = None if count is None else count * len(predictors)
    with Progress("Reproducing", total) as progress:
        summary = reproduce(
            request,
            predictors,
            lambda: open_data(spec),
            progress=progress,
            say=lambda line: progress.bar.console.print(line, markup=False),
        )
    if json_out:
        write_text(json_out, json.dumps(summary, indent=1) + "\n")
    terminal.print((out / "table1" / "means.md").read_text(encoding="utf-8"), markup=False)
    terminal.print(
        f"{counted(len(summary['files']), 'file')} in {out}; begin with {out / 'README.md'}", markup=False
    )
