"""The command line: one module per verb. Heavy libraries load only inside a command, so that help is instantaneous."""

from __future__ import annotations

import sys

import typer

from faceviz import __version__
from faceviz.cli import (
    audit,
    calibrate,
    compare,
    doctor,
    evaluate,
    export,
    import_checkpoint,
    landmarks,
    preprocess,
    reconstruct,
    reconstruction_evaluate,
    report,
    reproduce,
    serve,
    synth,
    train,
    turntable,
)
from faceviz.errors import FacevizError

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    help="68 landmark heatmaps on 3D face scans, in any pose and any unit; 3D faces from images.",
)
app.command("landmarks")(landmarks.landmarks)
app.command("reconstruct")(reconstruct.reconstruct)
evaluate.group.command("reconstruction")(reconstruction_evaluate.reconstruction)
for name, group, text in (
    ("evaluate", evaluate.group, "Measure how good a model is."),
    ("calibrate", calibrate.group, "Fit how far off a model may be."),
    ("reproduce", reproduce.group, "Make the tables and figures of a report."),
    ("synth", synth.group, "Make synthetic scans with known landmarks."),
    ("train", train.group, "Train a model."),
):
    app.add_typer(group, name=name, help=text)
app.command("preprocess")(preprocess.preprocess)
app.command("export")(export.export)
app.command("import-checkpoint")(import_checkpoint.import_checkpoint)
app.command("audit")(audit.audit)
app.command("compare")(compare.compare)
app.command("report")(report.report)
app.command("turntable")(turntable.turntable)
app.command("app")(serve.app)
app.command("serve")(serve.serve)
app.command("doctor")(doctor.doctor)


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"faceviz {__version__}")
        raise typer.Exit()


@app.callback()
def _root(
    version: bool = typer.Option(
        False, "--version", callback=_show_version, is_eager=True, help="Print the version."
    ),
) -> None:
    pass


def main() -> None:
    """Run the command line. An error the user can mend is one line and exit code 2; Ctrl-C exits with 130."""
    try:
        app()
    except FacevizError as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
