"""``faceviz report``: all there is to say about one scan, as a PDF or a page of HTML."""

from __future__ import annotations

import json
import shlex
from typing import Annotated

import typer

from faceviz.cli.landmarks import DeviceOption, ModelOption
from faceviz.cli.opening import GivenArgument, UnitOption, network_of, open_given
from faceviz.cli.output import STDOUT, Progress, atomic, check_outputs, console, write_text
from faceviz.errors import ConfigError


def report(
    scan: GivenArgument,
    out: Annotated[
        str, typer.Option("-o", "--out", metavar="FILE", help="A .pdf or an .html.", show_default=False)
    ],
    json_out: Annotated[
        str | None, typer.Option("--json", metavar="FILE", help="Write the numbers too; - for stdout.")
    ] = None,
    motions: Annotated[int, typer.Option(help="Random motions that test the invariance; 0 for none.")] = 8,
    model: ModelOption = "se3unet",
    device: DeviceOption = None,
    unit: UnitOption = None,
) -> None:
    """Write a report: pictures, IoU of all landmarks, protocol, invariance, model card, and how to repeat it.

    A scan that brings true landmarks is compared with them. The page of HTML holds the scene, to be turned by mouse,
    and loads nothing from anywhere.

    \b
    Examples:
      faceviz report face.ply -o report.pdf
      faceviz report session.zip -o report.html --json report.json
    """
    check_outputs(out, json_out)
    if not 0 <= motions <= 1000:
        raise ConfigError(f"{motions} motions cannot be tried; take 0 to 1000")
    from faceviz.view.report import check_ending, measure_motions, report_content, write_report

    check_ending(out)
    session = open_given(scan, model=model, device=device, unit=unit)
    predictor = network_of(session, device) if motions else None
    moved = None
    if predictor is not None:
        with Progress("Moving the scan", motions) as progress:
            moved = measure_motions(predictor, session, count=motions, progress=progress)
    options = [*(["--model", model] if model != "se3unet" else []), *(["--unit", unit] if unit else [])]
    options += ["--motions", str(motions)] if motions != 8 else []
    content = report_content(session, shlex.join(["faceviz", "report", scan, "-o", out, *options]), moved)
    with Progress("Drawing", len(content.scenes)) as progress, atomic(out) as scratch:
        write_report(scratch, content, progress=progress)
    if json_out:
        write_text(json_out, json.dumps(content.to_dict(), indent=1, allow_nan=False) + "\n")
    console(data_on_stdout=json_out == STDOUT).print(
        f"{out}: " + "; ".join(f"{name} {value}" for name, value, _ in content.headline()), markup=False
    )
