"""``faceviz calibrate landmarks``: how far off each landmark may be, told by its heat."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from faceviz.cli.landmarks import DeviceOption, ModelOption
from faceviz.cli.output import STDOUT, Progress, check_outputs, console, write_text

if TYPE_CHECKING:
    from faceviz.uncertainty import Calibration

group = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@group.callback()
def _group() -> None:
    pass


@group.command("landmarks")
def landmarks(
    data: Annotated[
        str, typer.Option(metavar="DATA", help="Scans with known landmarks to fit on.")
    ] = "synthetic:val:200:both:1",
    check: Annotated[
        str, typer.Option(metavar="DATA", help="Other scans, to check on.")
    ] = "synthetic:test:200:both:1",
    model: ModelOption = "se3unet",
    device: DeviceOption = None,
    png: Annotated[str | None, typer.Option(metavar="FILE", help="Write the calibration curve.")] = None,
    json_out: Annotated[
        str | None, typer.Option("--json", metavar="FILE", help="Write the calibration; - for stdout.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Leave the model's own calibration as it is.")
    ] = False,
) -> None:
    """Fit the uncertainty of each landmark, check it on other people, and keep it beside the weights.

    A landmark's heat tells how far off it may be: by how sharp it is, and by how well it agrees with a single place.
    What that means in radii of the face is fitted on scans with known landmarks, and written to calibration.json in
    the model's folder, from where every prediction takes it.

    \b
    Examples:
      faceviz calibrate landmarks --png curve.png
      faceviz calibrate landmarks --model runs/mine --data synthetic:val:100:anny:1
    """
    check_outputs(json_out, png)
    import json

    from faceviz.evaluation.calibration import calibration_record, fit_calibration, observe
    from faceviz.evaluation.card import with_uncertainty
    from faceviz.evaluation.sources import open_data
    from faceviz.io.weights import CARD, write_calibration, write_card
    from faceviz.pipeline import LandmarkPredictor, model_folder

    fit_on, check_on = open_data(data), open_data(check)
    predictor = LandmarkPredictor.from_pretrained(model, device=device)
    with Progress("Fitting", fit_on.count) as progress:
        fitted = observe(fit_on.scans, predictor, progress)
    calibration = fit_calibration(fitted, weights=predictor.description.get("sha256"))
    with Progress("Checking", check_on.count) as progress:
        checked = observe(check_on.scans, predictor, progress)
    calibration = calibration.with_record(calibration_record(calibration, fitted, checked, fit_on, check_on))
    out = console(data_on_stdout=json_out == STDOUT)
    if not dry_run:
        folder = model_folder(model)
        out.print(f"written: {write_calibration(folder, calibration)}", markup=False)
        card = folder / CARD
        if card.is_file():
            write_card(folder, with_uncertainty(card.read_text(encoding="utf-8"), calibration.record))
    if json_out:
        write_text(json_out, json.dumps(calibration.to_dict(), allow_nan=False) + "\n")
    if png:
        from faceviz.view.calibration import calibration_chart
        from faceviz.view.charts import save_figure

        save_figure(calibration_chart(predictor.name, calibration.record), Path(png))
    for line in sentences(calibration):
        out.print(line, markup=False)


def sentences(calibration: Calibration) -> list[str]:
    """What was found, one line each."""
    record = calibration.record
    curve = ", ".join(
        f"{expected:.0%} {observed:.1%}"
        for expected, observed in zip(*record["curve"].values(), strict=True)
        if expected in (0.5, 0.9, 0.95, 0.99)
    )
    ratio, doubt = record["error_over_deviation"], record["most_uncertain"]
    worst = ratio["worst_landmark"]
    return [
        f"Fitted on {record['fitted_on']['description']}; checked on {record['checked_on']['description']}",
        f"Expected and observed coverage: {curve}; largest gap {record['largest_gap']:.3f}",
        f"Error over uncertainty, RMS: {ratio['rms']:.2f} (1 is perfect); worst {worst['landmark']} {worst['name']} "
        f"{worst['rms']:.2f}",
        f"The five most uncertain landmarks of a scan are off {doubt['ratio']:.1f} times as far as the others, against "
        "what is usual for each",
    ]
