"""All forms in which an app keeps what it shows: one name, one ending, one call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePath

from faceviz.display.session import Session, save_session
from faceviz.errors import ConfigError, nearest_name
from faceviz.view.report.content import Motions, report_content


@dataclass(frozen=True, slots=True)
class Form:
    """One of ``FORMS``.

    Args:
        title: for a chooser.
        ending: of the file, after the scan's name.
        says: what one does with it.
        sized: whether it is a picture of a chosen size.
        measures: whether random motions are to be measured before.
    """

    title: str
    ending: str
    says: str
    sized: bool = False
    measures: bool = False


FORMS: dict[str, Form] = {
    form.title: form
    for form in (
        Form(
            "Session",
            ".session.zip",
            "Opens here, in notebooks and on the command line with the same numbers.",
        ),
        Form(
            "Report, PDF",
            ".report.pdf",
            "Pictures, IoU of all landmarks, protocol, model card.",
            measures=True,
        ),
        Form(
            "Report, web page",
            ".report.html",
            "The report as one file, with the scene to be turned.",
            measures=True,
        ),
        Form("Picture, PNG", ".png", "The scene from the front, for print.", sized=True),
        Form("Turntable, MP4", ".mp4", "The camera goes once about the scan.", sized=True),
        Form("Turntable, GIF", ".gif", "A film without end for slides and web pages.", sized=True),
        Form("3D scene, web page", ".scene.html", "One file that turns in any browser, without a network."),
    )
}


def file_name(session: Session, form: Form) -> str:
    """What the file is called: the scan's name and the form's ending."""
    return (PurePath(session.scan.source).stem or "scan") + form.ending


def save_form(
    path: Path,
    session: Session,
    form: Form,
    *,
    size: tuple[int, int] = (1280, 720),
    transparent: bool = False,
    motions: Motions | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> None:
    """Writes a session in one of its forms. From one thread only: VTK asks for that.

    Args:
        path: left incomplete where an error ends the work.
        session: what an app shows.
        form: one of ``FORMS``.
        size: in pixels, of forms that are ``sized``.
        transparent: a picture without paper.
        motions: for a report, by ``faceviz.view.report.measure_motions``.
        progress: called with the steps done and their number; what it raises ends the work.

    Raises:
        ConfigError: there is no such form.
        ShapeError: a size that cannot be drawn.
    """
    if form.ending == ".session.zip":
        save_session(path, session)
    elif form.measures:
        from faceviz.view.report import write_report

        command = f"faceviz report {file_name(session, FORMS['Session'])} -o {file_name(session, form)}"
        write_report(path, report_content(session, command, motions), progress=progress)
    elif form.ending in (".mp4", ".gif"):
        from faceviz.view.turntable import Turntable, write_turntable

        write_turntable(path, session.scene(), Turntable(size), progress=progress)
    elif form.ending == ".png":
        from faceviz.view.render import scene_png

        path.write_bytes(scene_png(session.scene(), size, transparent=transparent))
    elif form.ending == ".scene.html":
        from faceviz.view.scene_html import scene_html

        path.write_text(scene_html(session.scene()), encoding="utf-8")
    else:
        raise ConfigError(f"nothing is saved as {form.ending!r}{nearest_name(form.title, FORMS)}")
