"""``faceviz landmarks``: 68 landmarks of one scan, or of every scan in a folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from faceviz.cli.batch import SchedulerOption, WorkersOption, landmark_batch
from faceviz.cli.opening import SizeOption, open_given, parse_size, write_pictures
from faceviz.cli.output import STDOUT, atomic, check_outputs, console, write_text
from faceviz.errors import FacevizError

if TYPE_CHECKING:
    from rich.console import Console

    from faceviz.pipeline import LandmarkPrediction
    from faceviz.scan import FaceScan

ModelOption = Annotated[
    str, typer.Option(metavar="NAME|DIR", help="A model that comes with faceviz, or a folder with one.")
]
DeviceOption = Annotated[
    str | None, typer.Option(metavar="NAME", help="cpu, cuda or mps; chosen by itself if not given.")
]


def landmarks(
    scan: Annotated[
        str,
        typer.Argument(
            metavar="SCAN|FOLDER|SESSION",
            help="PLY, OBJ, STL, OFF, GLB, NPY, NPZ or XYZ; a folder with such; or a session that was saved.",
            show_default=False,
        ),
    ],
    json_out: Annotated[
        str | None,
        typer.Option(
            "--json",
            metavar="FILE",
            help="Write positions and confidences (a folder's summary); - for stdout.",
        ),
    ] = None,
    png: Annotated[
        str | None, typer.Option(metavar="FILE", help="Write a picture of the scan with its landmarks.")
    ] = None,
    heatmaps: Annotated[
        str | None, typer.Option(metavar="FILE", help="Write points (N, 3) and heatmaps (N, 68) as .npz.")
    ] = None,
    model: ModelOption = "se3unet",
    raw: Annotated[
        bool, typer.Option("--raw", help="Feed the points as they are: no scaling, sampling or reordering.")
    ] = False,
    device: DeviceOption = None,
    unit: Annotated[
        str | None,
        typer.Option(metavar="UNIT", help="mm, cm, m or in, where the guess from the extent is wrong."),
    ] = None,
    out: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="CSV with a row for each scan of a folder; continued if it is there."
        ),
    ] = None,
    workers: WorkersOption = 1,
    scheduler: SchedulerOption = None,
    session: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="Write a session (.zip) that the apps and notebooks open as it is."
        ),
    ] = None,
    html: Annotated[
        str | None, typer.Option(metavar="FILE", help="Write the scene as one page, to be turned by mouse.")
    ] = None,
    size: SizeOption = "1280x720",
    dpi: Annotated[float | None, typer.Option(min=1, help="Pixels per inch, written into the PNG.")] = None,
    transparent: Annotated[bool, typer.Option("--transparent", help="No paper behind the scan.")] = False,
) -> None:
    """Find 68 landmarks on a scan, in the scan's own coordinates and unit; or on every scan in a folder.

    The scan may lie anywhere, turned any way, in any unit. A folder is searched with the folders in it, and a scan that
    fails has a row that says why. A run that was cut off goes on where it stopped.

    \b
    Examples:
      faceviz landmarks face.ply
      faceviz landmarks face.obj --json landmarks.json --png face.png
      faceviz landmarks cloud.npy --raw --heatmaps heat.npz
      faceviz landmarks face.stl --json - | jq .confidence
      faceviz landmarks face.ply --png print.png --size 2400x1600 --dpi 300 --transparent
      faceviz landmarks face.ply --session face.zip --html face.html
      faceviz landmarks face.zip --json -
      faceviz landmarks scans/ --out results.csv --workers 4
    """
    if Path(scan).is_dir():
        if png or heatmaps or session or html:
            raise FacevizError(
                f"{scan}: is a folder; --png, --heatmaps, --session and --html are for a single scan"
            )
        landmark_batch(
            scan,
            out,
            json_out=json_out,
            model=model,
            device=device,
            unit=unit,
            raw=raw,
            workers=workers,
            scheduler=scheduler,
        )
        return
    if out or workers > 1 or scheduler:
        raise FacevizError(
            f"{scan}: is no folder; --out, --workers and --scheduler are for a folder of scans"
        )
    if STDOUT in (png, heatmaps, session, html):
        raise FacevizError("only --json can go to standard output; name a file for the other")
    check_outputs(json_out, png, heatmaps, session, html)
    pixels = parse_size(size)
    opened = open_given(scan, model=model, device=device, unit=unit, raw=raw)
    face, prediction, name = opened.scan, opened.prediction, opened.models[0].name
    if json_out:
        write_text(json_out, prediction_json(prediction, name))
    if heatmaps:
        _write_heatmaps(heatmaps, face, prediction)
    if session:
        from faceviz.display.session import save_session

        save_session(session, opened)
    write_pictures(opened, png=png, html=html, size=pixels, dpi=dpi, transparent=transparent)
    _show(console(data_on_stdout=json_out == STDOUT), face, prediction, name, unit)


def prediction_json(prediction: LandmarkPrediction, model: str) -> str:
    """The prediction as strict JSON, positions at full precision; ``uncertainty_mm`` where it is known, else null."""
    doubt = prediction.uncertainty_mm
    content = {
        "landmarks": prediction.landmarks.tolist(),
        "confidence": [float(value) for value in prediction.confidence],
        "uncertainty_mm": None if doubt is None else [round(float(value), 4) for value in doubt],
        "unit": prediction.unit,
        "model": model,
        "seconds": {step: float(value) for step, value in prediction.seconds.items()},
    }
    return json.dumps(content, allow_nan=False) + "\n"


def _write_heatmaps(path: str, face: FaceScan, prediction: LandmarkPrediction) -> None:
    import numpy as np

    with atomic(path) as scratch, open(scratch, "wb") as file:
        np.savez_compressed(
            file, points=face.points, heatmaps=np.asarray(prediction.heatmaps, dtype=np.float32)
        )


def _show(out: Console, face: FaceScan, prediction: LandmarkPrediction, model: str, unit: str | None) -> None:
    from rich.table import Table

    from faceviz.io import guess_unit
    from faceviz.landmarks import NAMES

    shape = f"{len(face)} points" + ("" if face.triangles is None else f", {len(face.triangles)} triangles")
    out.print(f"{face.source}: {shape}, unit {prediction.unit}; model {model}", markup=False)
    if unit is None and (guess := guess_unit(face.points)).unit == face.unit:
        out.print(f"{guess.sentence} (--unit says otherwise)", markup=False)
    doubt = prediction.deviation
    columns = ["#", "landmark", "x", "y", "z", "confidence", *([] if doubt is None else ["\u00b1"])]
    table = Table(*columns, box=None, pad_edge=False)
    for column in table.columns[2:]:
        column.justify = "right"
    digits = _digits(face.radius)
    for i, (name, position) in enumerate(zip(NAMES, prediction.landmarks, strict=True)):
        numbers = [*(f"{x:.{digits}f}" for x in position), f"{prediction.confidence[i]:.2f}"]
        table.add_row(str(i), name, *numbers, *([] if doubt is None else [f"{doubt[i]:.{digits}f}"]))
    out.print(table)
    took = ", ".join(f"{step} {1000 * value:.0f} ms" for step, value in prediction.seconds.items())
    out.print(f"time: {took}", markup=False)


def _digits(radius: float) -> int:
    """Enough decimals to show a ten-thousandth of the radius."""
    digits = 0
    while digits < 12 and 10.0**-digits > radius * 1e-4:
        digits += 1
    return digits
