"""``faceviz evaluate landmarks``: the seven columns, the landmark error, the charts."""

from __future__ import annotations

import functools
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from faceviz.cli.batch import SchedulerOption, WorkersOption
from faceviz.cli.landmarks import DeviceOption, ModelOption
from faceviz.cli.output import STDOUT, Progress, check_folder, check_outputs, console, write_text

if TYPE_CHECKING:
    from faceviz.evaluation.report import EvaluationReport
    from faceviz.pipeline import LandmarkPredictor

group = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@group.callback()
def _group() -> None:
    pass


@group.command("landmarks")
def landmarks(
    data: Annotated[
        str,
        typer.Option(
            metavar="DATA", help="DIR, synthetic:test[:N], facescape:ROOT or bundle:FILE.", show_default=False
        ),
    ],
    protocol: Annotated[
        str,
        typer.Option(
            metavar="NAMES",
            help="all, or some of none, icp_r, icp_t, icp_rt, st_r, st_t, st_rt, joined by commas.",
        ),
    ] = "all",
    json_out: Annotated[
        str | None, typer.Option("--json", metavar="FILE", help="Write the report; - for stdout.")
    ] = None,
    png: Annotated[
        str | None, typer.Option(metavar="DIR", help="A folder for the charts, made if it does not exist.")
    ] = None,
    model: ModelOption = "se3unet",
    device: DeviceOption = None,
    seed: Annotated[int, typer.Option(help="Of the random moves.")] = 0,
    unit: Annotated[
        str | None, typer.Option(metavar="UNIT", help="Unit of the scans, where the guess is wrong.")
    ] = None,
    card: Annotated[bool, typer.Option("--card", help="Write the figures into the model's card.")] = False,
    landmark_list: Annotated[
        str, typer.Option(metavar="NAME", help="FaceScape's published list: v10 or v16.")
    ] = "v10",
    workers: WorkersOption = 1,
    scheduler: SchedulerOption = None,
) -> None:
    """Measure heatmap IoU under seven protocols, the landmark error and the invariance error.

    none: scans as they are. st_r, st_t, st_rt: turned, shifted up to 10 radii, both. icp_*: the same, then aligned
    to the first scan by its true landmarks and ICP. In a folder, an NPZ with an array `valid` (68) tells which of its
    landmarks count.

    \b
    Examples:
      faceviz evaluate landmarks --data synthetic:test
      faceviz evaluate landmarks --data scans/ --protocol none,st_rt --json report.json --png charts/
      faceviz evaluate landmarks --data facescape:/data/facescape --workers 8
    """
    check_outputs(json_out)
    check_folder(png)
    from faceviz.cluster import open_cluster
    from faceviz.evaluation import evaluate_landmarks, open_data
    from faceviz.evaluation.models import process_model
    from faceviz.evaluation.protocols import choose_protocols

    protocols = choose_protocols(protocol)
    source = open_data(data, unit=unit, landmark_list=landmark_list)
    predictor = process_model(model, device)
    out = console(data_on_stdout=json_out == STDOUT)
    with Progress("Evaluating", source.count) as progress, open_cluster(workers, scheduler) as each:
        report = evaluate_landmarks(
            source.scans,
            predictor,
            protocols,
            seed=seed,
            data=source.describe(),
            valid=source.valid,
            progress=progress,
            each=each,
            loader=functools.partial(process_model, model, device),
        )
    if json_out:
        write_text(json_out, report.to_json())
    if png:
        from faceviz.view.charts import write_evaluation_charts

        os.makedirs(png, exist_ok=True)
        write_evaluation_charts(report, Path(png))
    if card:
        _write_card(model, predictor, report)
    out.print(report.to_table())
    groups = report.to_group_table()
    if groups is not None:
        out.print(groups)
    for line in report.to_sentences():
        out.print(line, markup=False)


def _write_card(model: str, predictor: LandmarkPredictor, report: EvaluationReport) -> None:
    from faceviz.evaluation.card import model_card, with_uncertainty
    from faceviz.io.weights import write_card
    from faceviz.pipeline import model_folder

    card = model_card(predictor.name, predictor.description, report.to_dict())
    if predictor.calibration is not None:
        card = with_uncertainty(card, predictor.calibration.record)
    write_card(model_folder(model), card)
