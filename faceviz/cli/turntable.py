"""``faceviz turntable``: a camera goes about the scan."""

from __future__ import annotations

from typing import Annotated

import typer

from faceviz.cli.landmarks import DeviceOption, ModelOption
from faceviz.cli.opening import GivenArgument, SizeOption, UnitOption, open_given, parse_size
from faceviz.cli.output import Progress, atomic, check_outputs, console
from faceviz.errors import counted


def turntable(
    scan: GivenArgument,
    out: Annotated[
        str, typer.Option("-o", "--out", metavar="FILE", help="An .mp4 (VP9) or a .gif.", show_default=False)
    ],
    size: SizeOption = "960x640",
    seconds: Annotated[float, typer.Option(help="Length of one turn.")] = 6.0,
    fps: Annotated[int, typer.Option(help="Frames a second.")] = 20,
    model: ModelOption = "se3unet",
    device: DeviceOption = None,
    unit: UnitOption = None,
) -> None:
    """Film a scan with its heat and landmarks from all sides.

    \b
    Examples:
      faceviz turntable face.ply -o face.mp4
      faceviz turntable session.zip -o face.gif --size 480x360 --seconds 4 --fps 12
    """
    check_outputs(out)
    from faceviz.view.turntable import Turntable, check_ending, write_turntable

    check_ending(out)
    film = Turntable(parse_size(size), seconds, fps)
    session = open_given(scan, model=model, device=device, unit=unit)
    with Progress("Drawing", film.frames) as progress, atomic(out) as scratch:
        write_turntable(scratch, session.scene(), film, progress=progress)
    console().print(f"{out}: {counted(film.frames, 'picture')} of {size}, {seconds:g} s", markup=False)
