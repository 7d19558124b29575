"""The batch tab at work: what a person does, and what comes of it. No algorithm lives here."""

from __future__ import annotations

import io
import shutil
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path, PurePosixPath
from threading import Lock
from typing import NamedTuple

import panel as pn

from faceviz.batch import BatchProgress, ScanResult, landmark_steps, read_results
from faceviz.display.latest import Stepwise
from faceviz.display.models import folders_from_environment, known_models
from faceviz.errors import FacevizError, counted
from widgets.batch_page import RESULTS, BatchPage
from widgets.engine import MODEL, WORKER, later
from widgets.notices import notify
from widgets.serving import SHARED, check_model


class _Step(NamedTuple):
    now: BatchProgress
    earlier: list[ScanResult]  # rows of former runs, with the first step


class BatchApp:
    """One person's batch tab, a section of the page's frame."""

    def __init__(self) -> None:
        models = known_models(folders_from_environment())
        if MODEL not in models.values():
            models = {"The server's model": MODEL, **models}
        self._models = list(models.values())
        self.page = BatchPage(models)
        self.page.model.value = MODEL
        self._steps = Stepwise(WORKER, self._take, later(self._on_end))
        self._pending: list[_Step] = []
        self._lock = Lock()
        self._flush = later(self._on_progress)
        self._kept: Path | None = None
        self._dropped: dict[str, bytes | str] = {}
        self._out: Path | None = None
        self._now: BatchProgress | None = None
        self._wire()
        self.header, self.sidebar, self.main = self.page.header, self.page.sidebar, self.page.main
        if pn.state.curdoc is not None:
            pn.state.on_session_destroyed(lambda _: self._leave())

    def _wire(self) -> None:
        page = self.page
        page.start.on_click(lambda _: self._on_start())
        page.cancel.on_click(lambda _: self._on_cancel())
        page.new_drop(self._on_drop)
        page.download.callback = self._file

    def darken(self, dark: bool) -> None:
        """Colours follow the theme by themselves."""

    @property
    def working(self) -> bool:
        return self._steps.working

    # ---- what a person does

    def _on_start(self) -> None:
        named = self.page.folder.value.strip()
        try:
            check_model(self.page.model.value, self._models)
            folder = self._folder(named)
        except FacevizError as error:
            notify(error)
            return
        self._out = (self._kept if folder == self._uploads else folder) / RESULTS
        self._now, self._dropped = None, {}
        self.page.new_drop(self._on_drop)
        self.page.show_progress(None)
        self.page.show_rows([])
        self.page.say("Looking for scans\u2026")
        self._steps.start(partial(_begin, folder, self._out, self.page.model.value))
        self.page.show_working(True)

    def _folder(self, named: str) -> Path:
        """Where the scans are: what was named, else what was dropped."""
        if named and not SHARED:
            return Path(named).expanduser()
        if self._uploads is None:
            raise FacevizError(
                "no scans yet: " + ("" if SHARED else "name a folder, or ") + "drop some files"
            )
        return self._uploads

    def _on_cancel(self) -> None:
        self._steps.cancel()
        self.page.show_working(False)
        done = 0 if self._now is None else self._now.done
        self.page.say(
            f"Cancelled; {done:,} scan{' is' if done == 1 else 's are'} done, and Start goes on where it stopped."
        )

    def _on_drop(self, event) -> None:  # noqa: ANN001
        """Files come one by one, into a private folder that goes with the page."""
        if self._kept is None:
            self._kept = Path(tempfile.mkdtemp(prefix="faceviz-"))
            self._uploads.mkdir()
        before, self._dropped = self._dropped, dict(event.new)  # the widget changes its dictionary in place
        for name, content in self._dropped.items():
            if before.get(name) is not content:
                self._upload(name).write_bytes(content.encode() if isinstance(content, str) else content)
        for name in before.keys() - self._dropped.keys():
            self._upload(name).unlink(missing_ok=True)
        self.page.folder.value = ""
        if not self.working:
            count = len(list(self._uploads.iterdir()))
            self.page.say(f"{count:,} file{' is' if count == 1 else 's are'} here; press Start.")

    def _upload(self, name: str) -> Path:
        return self._uploads / (PurePosixPath(name.replace("\\", "/")).name.lstrip(".") or "scan")

    @property
    def _uploads(self) -> Path | None:
        return None if self._kept is None else self._kept / "scans"

    def _leave(self) -> None:
        self._steps.cancel()
        if self._kept is not None:
            shutil.rmtree(self._kept, ignore_errors=True)

    def _file(self) -> io.BytesIO:
        if self._out is None or not self._out.is_file():
            return io.BytesIO()
        return io.BytesIO(self._out.read_bytes())

    # ---- what comes of it

    def _take(self, now: _Step) -> None:
        """In the worker's thread; many rows may be on their way to the page at once."""
        with self._lock:
            self._pending.append(now)
        self._flush()

    def _on_progress(self) -> None:
        with self._lock:
            steps, self._pending = self._pending, []
        if not steps:
            return
        self._now = steps[-1].now
        for step in steps:
            if step.earlier:
                self.page.show_rows(step.earlier)
        new = [step.now.result for step in steps if step.now.result is not None]
        if new:
            self.page.add_rows(new)
        self.page.download.disabled = False
        self.page.show_progress(self._now)
        if self.working:
            self.page.say(f"{self._out}")

    def _on_end(self, error: Exception | None) -> None:
        self._on_progress()
        self.page.show_working(False)
        if error is not None:
            self.page.say(notify(error))
        elif self._now is not None:
            done, failed = self._now.done, self._now.failed
            self.page.say(f"Complete: {counted(done, 'scan')}, {failed:,} without landmarks.")


def _begin(folder: Path, out: Path, model: str) -> Iterator[_Step]:
    """In the worker: one scan a step."""
    steps = landmark_steps(folder, out, model=model)
    first = next(steps)
    yield _Step(first, read_results(out) if first.done else [])
    for now in steps:
        yield _Step(now, [])
