"""``faceviz audit``: which of the true landmarks that came with scans are not to be believed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from faceviz.cli.landmarks import DeviceOption, ModelOption
from faceviz.cli.output import STDOUT, Progress, check_outputs, console, write_text
from faceviz.errors import ConfigError, counted

if TYPE_CHECKING:
    from rich.console import Console

    from faceviz.evaluation.auditing import DataAudit


def audit(
    data: Annotated[
        str,
        typer.Argument(
            metavar="DATA",
            help="SCAN, DIR, facescape:ROOT, bundle:FILE or synthetic:test[:N].",
            show_default=False,
        ),
    ],
    json_out: Annotated[
        str | None, typer.Option("--json", metavar="FILE", help="Write what was found; - for stdout.")
    ] = None,
    limit: Annotated[
        float, typer.Option(min=0.5, max=20.0, help="Standard deviations beyond which a truth is suspect.")
    ] = 4.0,
    trial: Annotated[
        int | None,
        typer.Option(metavar="SEED", help="Also spoil the truths on purpose and count what is found."),
    ] = None,
    model: ModelOption = "se3unet",
    device: DeviceOption = None,
    unit: Annotated[
        str | None, typer.Option(metavar="UNIT", help="Unit of the scans, where the guess is wrong.")
    ] = None,
    landmark_list: Annotated[
        str, typer.Option(metavar="NAME", help="FaceScape's published list: v10 or v16.")
    ] = "v10",
) -> None:
    """Hold the true landmarks of scans against calibrated predictions, and name the suspect ones.

    Found are landmarks too far from their prediction, left and right swapped, numbers permuted, landmarks off the
    surface, truths in another frame or unit, and, over several scans, landmarks placed by another convention. Look at
    each before you change it: the network may be the one that errs.

    \b
    Examples:
      faceviz audit face.ply
      faceviz audit scans/ --json suspects.json
      faceviz audit synthetic:test:200:both:1 --trial 0
    """
    check_outputs(json_out)
    import json

    from faceviz.evaluation.auditing import audit_data
    from faceviz.evaluation.sources import open_data, open_scan
    from faceviz.pipeline import LandmarkPredictor

    source = open_scan(data, unit=unit) or open_data(data, unit=unit, landmark_list=landmark_list)
    predictor = LandmarkPredictor.from_pretrained(model, device=device)
    if predictor.calibration is None:
        raise ConfigError(
            f"the model {predictor.name} has no calibration for its weights; run `faceviz calibrate landmarks --model "
            f"{model}`"
        )
    with Progress("Auditing", source.count) as progress:
        found = audit_data(
            source.scans, predictor, limit=limit, valid=source.valid, trial_seed=trial, progress=progress
        )
    if json_out:
        write_text(json_out, json.dumps(found.to_dict(), allow_nan=False) + "\n")
    _show(console(data_on_stdout=json_out == STDOUT), found, data)


def _show(out: Console, found: DataAudit, data: str) -> None:
    from rich.table import Table

    table = Table("scan", "#", "landmark", "what", box=None, pad_edge=False)
    for source, audit in found.scans:
        if audit.whole:
            table.add_row(source, "all", "", audit.whole)
        for suspect in audit.suspects:
            table.add_row(source, str(suspect.landmark), suspect.name, suspect.sentence)
    if table.row_count:
        out.print(table)
    for convention in found.conventions:
        left, up, forward = (f"{100 * x:+.1f}" for x in convention.offset)
        out.print(
            f"{convention.landmark} {convention.name}: placed by another convention? In the mean of all scans {left} % "
            f"of the face's radius to the left, {up} % up, {forward} % forward",
            markup=False,
        )
    landmarks = 68 * len(found.scans)
    share = found.flagged_landmarks / max(landmarks, 1)
    word = "False alarms" if data.startswith("synthetic") else "Suspect"
    out.print(
        f"{word}: {found.flagged_landmarks} of {landmarks} landmarks ({share:.2%}), in {found.flagged_scans} of "
        f"{counted(len(found.scans), 'scan')}, at {found.limit:g} deviations",
        markup=False,
    )
    for kind, trial in found.trials.items():
        out.print(
            f"Trial, {kind}: {trial.found} of {trial.spoilt} spoilt landmarks found "
            f"({trial.found / max(trial.spoilt, 1):.0%}); {trial.false} of {trial.others} others flagged",
            markup=False,
        )
    if found.missed:
        out.print(f"No face found in {len(found.missed)}: {', '.join(found.missed[:5])}", markup=False)
