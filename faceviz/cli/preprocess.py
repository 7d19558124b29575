"""``faceviz preprocess``: a data set to clouds of points, once, for trainings to come."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

from faceviz.cli.batch import SchedulerOption, WorkersOption
from faceviz.cli.output import STDOUT, Progress, check_folder, check_outputs, console, write_text
from faceviz.errors import counted

_SHOWN_FAILURES = 10


def preprocess(
    root: Annotated[
        str, typer.Argument(metavar="ROOT", help="FaceScape's folder of subjects.", show_default=False)
    ],
    out: Annotated[
        str, typer.Option(metavar="DIR", help="Folder to write to, made if needed.", show_default=False)
    ],
    points: Annotated[int, typer.Option(help="Of each cloud.", min=68)] = 1024,
    expressions: Annotated[
        str, typer.Option(metavar="NAMES", help="all, or names or numbers joined by commas.")
    ] = "all",
    landmark_list: Annotated[str, typer.Option(metavar="NAME", help="v10 or v16.")] = "v10",
    workers: WorkersOption = 1,
    scheduler: SchedulerOption = None,
    json_out: Annotated[
        str | None, typer.Option("--json", metavar="FILE", help="Write a summary; - for stdout.")
    ] = None,
) -> None:
    """Turn FaceScape's models into clouds by farthest points, centroid 0 and radius 1, with their 68 landmarks.

    A run that was cut off goes on where it stopped. Any number of workers gives the same files.

    \b
    Examples:
      faceviz preprocess /data/facescape --out clouds/
      faceviz preprocess /data/facescape --out clouds/ --expressions neutral,smile --workers 16
    """
    check_outputs(json_out)
    check_folder(out)
    from faceviz.batch.preprocessing import preprocess_facescape
    from faceviz.cluster import open_cluster

    chosen = None if expressions == "all" else [name.strip() for name in expressions.split(",")]
    with Progress("Preprocessing", None) as progress, open_cluster(workers, scheduler) as each:
        done = preprocess_facescape(
            root,
            out,
            points=points,
            expressions=chosen,
            landmark_list=landmark_list,
            each=each,
            progress=progress,
        )
    if json_out:
        write_text(json_out, json.dumps(asdict(done) | {"folder": str(done.folder)}) + "\n")
    said = console(data_on_stdout=json_out == STDOUT)
    said.print(
        f"{counted(done.clouds, 'cloud')} of {counted(done.models, 'model')} in {done.folder}", markup=False
    )
    for name, cause in done.failures[:_SHOWN_FAILURES]:
        said.print(f"  {name}: {cause}", markup=False)
