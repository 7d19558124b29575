"""``faceviz synth scans``: scans of parametric heads with known landmarks."""

from __future__ import annotations

from typing import Annotated

import typer

from faceviz.cli.output import Progress, check_folder

group = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@group.callback()
def _group() -> None:
    pass


@group.command("scans")
def scans(
    out: Annotated[
        str,
        typer.Option(
            metavar="DIR", help="Folder to write to, made if it does not exist.", show_default=False
        ),
    ],
    n: Annotated[int, typer.Option("--n", "-n", help="How many.", min=1)] = 20,
    seed: Annotated[int, typer.Option(help="The same seed gives the same scans.", min=0)] = 0,
    split: Annotated[
        str, typer.Option(metavar="NAME", help="train, val or test: no person is in two of them.")
    ] = "test",
    source: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="anny (in the extra synth), ict (a clone of ICT-FaceKit), or both if there."
        ),
    ] = "both",
    ict_folder: Annotated[
        str | None,
        typer.Option(metavar="DIR", help="Your clone of ICT-FaceKit; else the environment's FACEVIZ_ICT."),
    ] = None,
    per_person: Annotated[int, typer.Option(help="Scans of each person.", min=1)] = 1,
    file_format: Annotated[
        str,
        typer.Option(
            "--format", metavar="NAME", help="npz, or ply or obj with the landmarks in a file beside."
        ),
    ] = "npz",
    workers: Annotated[int, typer.Option(help="Processes.", min=1)] = 1,
) -> None:
    """Make scans of random heads with their 68 landmarks.

    Each has 8,192 points in mm and a random expression, crop, noise, holes and clutter. A run that was cut off goes
    on where it stopped.

    \b
    Examples:
      faceviz synth scans --n 200 --seed 0 --out scans/
      faceviz synth scans --n 10 --split train --format ply --out train-scans/
    """
    check_folder(out)
    from faceviz.synth import write_scans

    with Progress("Scanning", n) as progress:
        done = write_scans(
            out,
            n,
            seed,
            source=source,
            folder=ict_folder,
            split=split,
            scans_per_person=per_person,
            format=file_format,
            workers=workers,
            progress=progress,
        )
    for note in done.notes:
        print(note)
    kept = f", {done.kept} were there" if done.kept else ""
    crops = ", ".join(f"{count} {name}" for name, count in done.crops.items())
    print(
        f"{done.written} scans written to {done.folder}{kept}: heads {', '.join(done.sources)}; crops {crops}"
    )
