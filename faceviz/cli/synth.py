"""``faceviz synth``: scans and pictures of parametric heads with a known truth."""

from __future__ import annotations

from typing import Annotated

import typer

from faceviz.cli.output import Progress, check_folder
from faceviz.errors import counted

group = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

OutOption = Annotated[
    str,
    typer.Option(metavar="DIR", help="Folder to write to, made if it does not exist.", show_default=False),
]
SplitOption = Annotated[
    str, typer.Option(metavar="NAME", help="train, val or test: no person is in two of them.")
]
SourceOption = Annotated[
    str,
    typer.Option(
        metavar="NAME", help="anny (in the extra synth), ict (a clone of ICT-FaceKit), or both if there."
    ),
]
IctOption = Annotated[
    str | None,
    typer.Option(metavar="DIR", help="Your clone of ICT-FaceKit; else the environment's FACEVIZ_ICT."),
]


@group.callback()
def _group() -> None:
    pass


@group.command("scans")
def scans(
    out: OutOption,
    n: Annotated[int, typer.Option("--n", "-n", help="How many.", min=1)] = 20,
    seed: Annotated[int, typer.Option(help="The same seed gives the same scans.", min=0)] = 0,
    split: SplitOption = "test",
    source: SourceOption = "both",
    ict_folder: IctOption = None,
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
        f"{counted(done.written, 'scan')} written to {done.folder}{kept}: "
        f"heads {', '.join(done.sources)}; crops {crops}"
    )


@group.command("sequences")
def sequences(
    out: OutOption,
    subjects: Annotated[int, typer.Option("--subjects", "-n", help="People.", min=1)] = 10,
    frames: Annotated[int, typer.Option(help="Pictures of each.", min=1)] = 8,
    seed: Annotated[int, typer.Option(help="The same seed gives the same pictures.", min=0)] = 0,
    split: SplitOption = "train",
    source: SourceOption = "both",
    ict_folder: IctOption = None,
    size: Annotated[int, typer.Option(help="Pixels a side.", min=32)] = 256,
    layout: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="folders: JPEGs and neutral.ply of each person; shards: for training."
        ),
    ] = "folders",
) -> None:
    """Render pictures of random people, each with the neutral shape of the face.

    Skin, hair, eyes, glasses, light, background, camera, expression and pose (yaw up to 45, pitch to 25, roll to 20
    degrees) are drawn at random; half the people move in one place, half are seen in many. A run that was cut off
    goes on where it stopped.

    \b
    Examples:
      faceviz synth sequences --subjects 20 --frames 8 --seed 0 --out faces/
      faceviz synth sequences --subjects 2000 --layout shards --out runs/sequences/train
    """
    check_folder(out)
    from faceviz.synth.shards import write_sequences

    with Progress("Rendering", subjects) as progress:
        done = write_sequences(
            out,
            subjects,
            frames,
            seed,
            split=split,
            source=source,
            folder=ict_folder,
            size=size,
            layout=layout,
            progress=progress,
        )
    for note in done.notes:
        print(note)
    kept = f", {done.kept} were there" if done.kept else ""
    print(
        f"{counted(done.written, 'person', 'people')} with {counted(frames, 'picture')} each "
        f"written to {done.folder}{kept}: "
        f"heads {', '.join(done.sources)}"
    )
