"""``faceviz evaluate reconstruction``: NME, corresponding points, number and order of the images."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from faceviz.cli.landmarks import DeviceOption
from faceviz.cli.output import STDOUT, Progress, check_folder, check_outputs, console, write_text
from faceviz.cli.reconstruct import ReconstructorOption

if TYPE_CHECKING:
    from faceviz.evaluation.reconstruction_report import ReconstructionReport
    from faceviz.reconstruct import FaceReconstructor


def reconstruction(
    data: Annotated[
        str,
        typer.Option(metavar="DATA", help="DIR, synthetic:test[:N] or bu4dfe:ROOT.", show_default=False),
    ],
    json_out: Annotated[
        str | None, typer.Option("--json", metavar="FILE", help="Write the report; - for stdout.")
    ] = None,
    png: Annotated[
        str | None, typer.Option(metavar="DIR", help="A folder for the figures, made if it does not exist.")
    ] = None,
    model: ReconstructorOption = "faceviz-stream",
    train_data: Annotated[
        str | None,
        typer.Option(
            metavar="DATA", help="People learnt from, for the report's Table 2: synthetic:train[:N]."
        ),
    ] = None,
    training_model: Annotated[
        str | None,
        typer.Option(metavar="DIR", help="The weights kept by training loss, for the report's Table 2."),
    ] = None,
    images: Annotated[int, typer.Option(min=1, help="Images that the figures are made with.")] = 8,
    orders: Annotated[int, typer.Option(min=1, help="Orders of the images, for the spread.")] = 10,
    examples: Annotated[int, typer.Option(min=0, help="People in the figure.")] = 3,
    device: DeviceOption = None,
    seed: Annotated[int, typer.Option(help="Of the orders.")] = 0,
    card: Annotated[bool, typer.Option("--card", help="Write the figures into the model's card.")] = False,
) -> None:
    """Measure reconstructions against their truth, the mean face beside every figure.

    NME: both faces centred and scaled to radius 1, ICP, mean distance to the nearest true point over the diagonal of
    the truth. Corresponding points: mean distance after the best turn, shift and scale.

    \b
    Examples:
      faceviz evaluate reconstruction --data synthetic:test --json report.json --png figures/
      faceviz evaluate reconstruction --data bu4dfe:/data/BU4DFE
      faceviz evaluate reconstruction --data synthetic:test:20 --train-data synthetic:train:20 \\
        --training-model runs/reconstruction/faceviz-stream-training
    """
    check_outputs(json_out)
    check_folder(png)
    from faceviz.evaluation.reconstruction_report import table2
    from faceviz.reconstruct import FaceReconstructor

    settings = {"images": images, "orders": orders, "examples": examples, "seed": seed}
    validation = FaceReconstructor.from_pretrained(model, device=device)
    sets = {"test": data, **({"train": train_data} if train_data else {})}
    reports = {"validation": {name: _evaluate(spec, validation, settings) for name, spec in sets.items()}}
    if training_model:
        training = FaceReconstructor.from_pretrained(training_model, device=device)
        reports = {
            "training": {name: _evaluate(spec, training, settings) for name, spec in sets.items()},
            **reports,
        }
    report = reports["validation"]["test"]
    if json_out:
        write_text(json_out, _to_json(report, reports))
    if png:
        from faceviz.view.faces import write_reconstruction_charts

        os.makedirs(png, exist_ok=True)
        write_reconstruction_charts(report, Path(png))
    if card:
        _write_card(model, validation, report)
    out = console(data_on_stdout=json_out == STDOUT)
    out.print(report.to_table())
    if len(sets) > 1 or training_model:
        out.print(table2(reports))
    for line in report.to_sentences():
        out.print(line, markup=False)


def _evaluate(spec: str, reconstructor: FaceReconstructor, settings: dict[str, int]) -> ReconstructionReport:
    from faceviz.evaluation.reconstruction import evaluate_reconstruction
    from faceviz.evaluation.subjects import open_subjects

    source = open_subjects(spec, most_images=2 * settings["images"])
    with Progress(f"Evaluating {reconstructor.name} on {spec}", source.count) as progress:
        return evaluate_reconstruction(
            source.subjects, reconstructor, data=source.describe(), progress=progress, **settings
        )


def _to_json(report: ReconstructionReport, reports: dict[str, dict[str, ReconstructionReport]]) -> str:
    content: dict[str, Any] = report.to_dict()
    content["table2"] = {
        model: {
            name: {"nme": one.nme, "point_error_mm": one.point_error_mm, "mean_face": one.mean_face}
            for name, one in row.items()
        }
        for model, row in reports.items()
    }
    return json.dumps(content, indent=1, allow_nan=False) + "\n"


def _write_card(model: str, reconstructor: FaceReconstructor, report: ReconstructionReport) -> None:
    from faceviz.evaluation.reconstruction_card import reconstruction_card
    from faceviz.io.weights import write_card
    from faceviz.pipeline import model_folder

    text = reconstruction_card(reconstructor.name, reconstructor.description, report.to_dict())
    write_card(model_folder(model), text)
