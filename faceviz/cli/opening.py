"""What a command is given: a session file as it is, or a scan that a network is then asked about."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

import typer

from faceviz.cli.output import atomic
from faceviz.errors import ConfigError, FacevizError

if TYPE_CHECKING:
    from faceviz.display.session import Session
    from faceviz.pipeline import LandmarkPredictor

GivenArgument = Annotated[
    str, typer.Argument(metavar="SCAN|SESSION", help="A scan, or a session file.", show_default=False)
]
UnitOption = Annotated[
    str | None, typer.Option(metavar="UNIT", help="Unit of the scan, where the guess is wrong.")
]
SizeOption = Annotated[str, typer.Option(metavar="WxH", help="Width and height of the picture in pixels.")]


def open_given(path: str, *, model: str, device: str | None, unit: str | None, raw: bool = False) -> Session:
    """The session of a file: as it was saved, or of a scan that the network is asked about now.

    Args:
        path: of a session or a scan.
        model, device, unit, raw: for a scan; a session has its own.

    Raises:
        FacevizError: the file cannot be read, or is a session and a scan's option was given.
    """
    from faceviz.display.session import Session, is_session, read_session

    if is_session(path):
        if unit is not None or raw:
            raise FacevizError(f"{path}: is a session and says its unit itself; leave out --unit and --raw")
        return read_session(path)
    from faceviz.io import read_scan
    from faceviz.pipeline import LandmarkPredictor

    face = read_scan(path, unit=unit)
    predictor = LandmarkPredictor.from_pretrained(model, device=device)
    return Session.of_prediction(predictor.predict(face, raw=raw), predictor)


def network_of(session: Session, device: str | None) -> LandmarkPredictor | None:
    """The network that made a session's numbers, where its weights are here."""
    from faceviz.pipeline import LandmarkPredictor

    if session.moved.loaded.predictor is not None:
        return session.moved.loaded.predictor
    try:
        name = session.settings.model or session.models[0].name
        predictor = LandmarkPredictor.from_pretrained(name, device=device)
    except FacevizError:
        return None
    return predictor if session.knows(predictor) else None


def parse_size(text: str) -> tuple[int, int]:
    """``"1600x1200"`` to (1600, 1200).

    Raises:
        ConfigError: not two numbers; sizes out of range are refused where they are drawn.
    """
    found = re.fullmatch(r"(\d{1,6})\s*[xX\u00d7]\s*(\d{1,6})", text.strip())
    if not found:
        raise ConfigError(f"size {text!r} is not WIDTHxHEIGHT; write it as 1280x720")
    return int(found[1]), int(found[2])


def write_pictures(
    session: Session,
    *,
    png: str | None,
    html: str | None,
    size: tuple[int, int],
    dpi: float | None,
    transparent: bool,
) -> None:
    """The session's scene as a PNG and as a page of HTML, each where it is named."""
    if not (png or html):
        return
    from faceviz.view.render import scene_png
    from faceviz.view.scene_html import scene_html

    spec = session.scene()
    if png:
        content = scene_png(spec, size, dpi=dpi, transparent=transparent)
        with atomic(png) as scratch:
            scratch.write_bytes(content)
    if html:
        page = scene_html(spec, picture=scene_png(spec, size))
        with atomic(html) as scratch:
            scratch.write_text(page, encoding="utf-8")
