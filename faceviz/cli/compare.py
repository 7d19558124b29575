"""``faceviz compare``: two scans, or two expressions, landmark by landmark."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from faceviz.cli.landmarks import DeviceOption, ModelOption
from faceviz.cli.output import STDOUT, atomic, check_outputs, console, write_text
from faceviz.errors import FacevizError

if TYPE_CHECKING:
    from rich.console import Console

    from faceviz.evaluation.comparison import ScanComparison

_FORMATS = "PLY, OBJ, STL, OFF, GLB, NPY, NPZ or XYZ."


def compare(
    first: Annotated[str, typer.Argument(metavar="A", help=_FORMATS, show_default=False)],
    second: Annotated[str, typer.Argument(metavar="B", help="The same; in any pose.", show_default=False)],
    json_out: Annotated[
        str | None, typer.Option("--json", metavar="FILE", help="Write the displacements; - for stdout.")
    ] = None,
    png: Annotated[
        str | None, typer.Option(metavar="FILE", help="Write a picture of both, B brought onto A.")
    ] = None,
    align: Annotated[
        Literal["stable", "all", "none"],
        typer.Option(
            help="By which landmarks: those that expressions move least, the inner 51, or not at all."
        ),
    ] = "stable",
    colours: Annotated[
        Literal["distance", "heat", "difference"],
        typer.Option(help="Of the picture: distance to the other scan, heat, or how much the heat differs."),
    ] = "distance",
    model: ModelOption = "se3unet",
    device: DeviceOption = None,
    unit: Annotated[
        str | None, typer.Option(metavar="UNIT", help="Unit of both scans, where the guess is wrong.")
    ] = None,
) -> None:
    """Bring scan B onto scan A by their landmarks, and tell how far each of the 68 has moved.

    A displacement counts as moved where it is larger than 95 % of those that the uncertainty of both scans explains.

    \b
    Examples:
      faceviz compare neutral.ply smile.ply
      faceviz compare before.obj after.obj --align all --json change.json --png change.png
    """
    if png == STDOUT:
        raise FacevizError("only --json can go to standard output; name a file for the picture")
    check_outputs(json_out, png)
    import json

    from faceviz.display.comparison import Pair, pair_scene
    from faceviz.display.settings import Settings
    from faceviz.display.state import load
    from faceviz.io import read_scan
    from faceviz.pipeline import LandmarkPredictor

    before, after = (read_scan(path, unit=unit) for path in (first, second))
    predictor = LandmarkPredictor.from_pretrained(model, device=device)
    pair = Pair.of(load(predictor, before), load(predictor, after), align=align)
    comparison = pair.comparison
    if json_out:
        content = {"first": first, "second": second, "model": predictor.name, **comparison.to_dict()}
        write_text(json_out, json.dumps(content, allow_nan=False) + "\n")
    if png:
        from faceviz.view.render import scene_png

        with atomic(png) as scratch:
            scratch.write_bytes(scene_png(pair_scene(pair, Settings(), colours)))
    _show(console(data_on_stdout=json_out == STDOUT), comparison)


def _show(out: Console, comparison: ScanComparison) -> None:
    from rich.table import Table

    content = comparison.to_dict()
    unit = content["unit"]
    head = ("#", "landmark", f"distance, {unit}", "\u00b1", "x", "y", "z", "")
    table = Table(*head, box=None, pad_edge=False)
    for column in table.columns[2:7]:
        column.justify = "right"
    for row in sorted(content["landmarks"], key=lambda row: -row["distance"]):
        doubt = "" if row["uncertainty"] is None else f"{row['uncertainty']:.1f}"
        sign = "moved" if row["moved"] else ""
        numbers = (f"{value:+.1f}" for value in row["displacement"])
        table.add_row(str(row["landmark"]), row["name"], f"{row['distance']:.1f}", doubt, *numbers, sign)
    out.print(table)
    moved = "" if comparison.moved is None else f"; {int(comparison.moved.sum())} of 68 beyond uncertainty"
    out.print(
        f"Mean {content['mean_distance']:.2f} {unit}{moved}. Aligned by {comparison.align}: "
        f"{content['residual']:.2f} {unit} left (RMS)",
        markup=False,
    )
