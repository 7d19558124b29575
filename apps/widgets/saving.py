"""The dialog "Save as": a session, a report, a picture, a film or a page of what is shown."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from pathlib import Path
from tempfile import TemporaryDirectory

import panel as pn
import panel_material_ui as pmui

from faceviz.display.session import Session
from faceviz.view.report import Motions, measure_motions
from faceviz.view.saving import FORMS, Form, file_name, save_form
from widgets.deliver import Deliver
from widgets.engine import PAINTER, WORKER, later
from widgets.look import FIELD, SMALL, WIDE

_WHOLE = {"whiteSpace": "nowrap", "flexShrink": 0}
SIZES = {
    f"{w} \u00d7 {h}": (w, h) for w, h in ((1280, 720), (960, 640), (1920, 1080), (2400, 1600), (3840, 2160))
}


class Cancelled(Exception):
    """Raised at work, where a person has lost patience."""


class Saving:
    """The button of the header, and the dialog that it opens.

    Args:
        session: gives what is shown now, or None while there is nothing.
        failed: called with an error.
    """

    def __init__(
        self, session: Callable[[], Session | None], failed: Callable[[object, Exception], None]
    ) -> None:
        self._session, self._failed, self._stop = session, failed, threading.Event()
        self.working = False
        self.open = pmui.Button(
            label="Save as\u2026",
            icon="save",
            size="small",
            variant="outlined",
            margin=(10, 8, 4, 0),
            sx=_WHOLE,
        )
        self.form = pmui.Select(label="What", options=list(FORMS), value="Session", **FIELD)
        self.says = pn.pane.HTML("", stylesheets=[SMALL], margin=(0, 10), **WIDE)
        self.size = pmui.Select(label="Size in pixels", options=SIZES, value=(1280, 720), **FIELD)
        self.transparent = pmui.Checkbox(label="Without paper (transparent)", margin=(4, 8))
        self.bar = pmui.LinearProgress(
            value=0, variant="determinate", visible=False, margin=(14, 10, 4, 10), **WIDE
        )
        self.state = pn.pane.HTML("", stylesheets=[SMALL], margin=(0, 10), **WIDE)
        self.save = pmui.Button(label="Save", icon="download", size="small")
        self.cancel = pmui.Button(label="Cancel", size="small", variant="outlined", visible=False)
        self.deliver = Deliver(width=0, height=0, margin=0)
        fields = (self.form, self.says, self.size, self.transparent, self.bar, self.state)
        self.dialog = pmui.Dialog(
            pmui.Column(*fields, pmui.Row(self.save, self.cancel, margin=(8, 0)), width=380, min_height=250),
            title="Save what is shown",
            show_close_button=True,
            close_on_click=True,
        )
        self.view = pmui.Row(self.open, self.dialog, self.deliver, margin=0)
        self._told, self._made = later(self._on_progress), later(self._on_made)
        self.open.on_click(lambda _: self.dialog.param.update(open=True))
        self.form.param.watch(lambda _: self._describe(), "value")
        self.save.on_click(lambda _: self.start())
        self.cancel.on_click(lambda _: self._give_up())
        self._describe()

    def start(self) -> None:
        """Makes the chosen form of what is shown; the file is handed over when it is done."""
        session = self._session()
        if self.working or session is None:
            return
        self._stop.clear()
        self._set(True)
        job = (session, FORMS[self.form.value], self.size.value, self.transparent.value)
        if not FORMS[self.form.value].measures:
            PAINTER.submit(self._make, *job, None)
            return
        asked = WORKER.submit(self._measure, session)  # then drawn; the painter waits for nobody
        asked.add_done_callback(lambda motions: PAINTER.submit(self._make, *job, motions))

    def _give_up(self) -> None:
        self._stop.set()
        self.state.object = "cancelling after this step\u2026"

    # ---- in the worker's thread, then in the painter's

    def _measure(self, session: Session) -> Motions | None:
        predictor = session.moved.loaded.predictor
        return None if predictor is None else measure_motions(predictor, session, progress=self._step)

    def _make(
        self,
        session: Session,
        form: Form,
        size: tuple[int, int],
        transparent: bool,
        motions: Future[Motions | None] | None,
    ) -> None:
        try:
            with TemporaryDirectory(prefix="faceviz") as folder:
                path = Path(folder) / f"file{form.ending}"
                save_form(
                    path,
                    session,
                    form,
                    size=size,
                    transparent=transparent,
                    motions=None if motions is None else motions.result(),
                    progress=self._step,
                )
                content = path.read_bytes()
        except (Exception, CancelledError) as error:
            self._made("", b"", error)
        else:
            self._made(file_name(session, form), content, None)

    def _step(self, done: int, total: int) -> None:
        if self._stop.is_set():
            raise Cancelled
        self._told(done, total)

    # ---- in the page's own thread

    def _on_progress(self, done: int, total: int) -> None:
        if self._stop.is_set():
            return
        self.bar.value = round(100 * done / total)
        self.state.object = f"{done} of {total}"

    def _on_made(self, name: str, content: bytes, error: Exception | None) -> None:
        self._set(False)
        if error is None:
            self.deliver.send(name, content)
            self.state.object = f"{name}: {len(content) / 1e6:.1f} MB"
        elif isinstance(error, Cancelled | CancelledError):
            self.state.object = "Cancelled; nothing was saved."
        else:
            self.state.object = ""
            self._failed(None, error)

    def _set(self, working: bool) -> None:
        self.working = working
        self.save.disabled, self.cancel.visible, self.bar.visible = working, working, working
        self.bar.value = 0
        if working:
            self.state.object = "working\u2026"

    def _describe(self) -> None:
        form = FORMS[self.form.value]
        self.says.object, self.state.object = form.says, ""
        self.size.visible = form.sized
        self.transparent.visible = form.ending == ".png"
