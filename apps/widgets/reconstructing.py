"""The reconstruction tab at work: what a person does, and what comes of it. No algorithm lives here."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import panel as pn

from faceviz import assets
from faceviz.display.face_scene import face_scene
from faceviz.display.reconstruction import FaceProgress
from faceviz.errors import counted
from faceviz.io import write_scan
from faceviz.io.frames import open_frames
from faceviz.io.uploads import is_video, open_uploads
from faceviz.scan import FaceScan
from widgets import face_readouts
from widgets.feeding import Feeding
from widgets.growing import Grown
from widgets.notices import notify
from widgets.reconstruct_page import ReconstructPage
from widgets.sources import CameraPictures, Sequence

SAMPLE = "sequences/sample"
#: Without a further file, after which what was dropped is complete: one file, or several, which come by twos.
_GATHER_MS = (1200, 3500)


class ReconstructApp:
    """One person's reconstruction tab, a section of the page's frame.

    Args:
        send: called with the face, for its landmarks.
    """

    def __init__(self, send: Callable[[FaceScan], None]) -> None:
        self._send = send
        self.page = ReconstructPage()
        self.feeding = Feeding(
            opened=self._on_open,
            grown=self._on_grown,
            ended=self._on_end,
            want=self._on_want,
            changed=lambda: self.page.show_busy(self.working),
        )
        self._dark, self._drawn = False, None
        self._dropped: dict[str, bytes | str] = {}
        self._fate = ""
        self._wire()
        self.header, self.sidebar = self.page.header, self.page.sidebar
        if pn.state.curdoc is not None:
            pn.state.on_session_destroyed(lambda _: self.feeding.stop())

    def _wire(self) -> None:
        page = self.page
        page.film.on_click(lambda _: self._on_film())
        page.sample.on_click(lambda _: self._on_sample())
        page.pause.on_click(lambda _: self._on_pause())
        page.cancel.on_click(lambda _: self._stop("cancelled"))
        page.reset.on_click(lambda _: self._on_reset())
        page.send.on_click(lambda _: self._on_send())
        page.new_drop(self._on_drop)
        page.camera.param.watch(lambda _: self._on_picture(), "number")
        page.camera.param.watch(lambda _: self._on_camera(), "problem")
        page.view.param.watch(lambda _: self._catch_up(), "drawn")
        for chooser in (page.wearing, page.body, page.colouring):
            chooser.param.watch(lambda _: self._draw(), "value")
        for kind, button in page.exports.items():
            button.callback = partial(self._file, kind)
        self._tell()

    def main(self) -> pn.viewable.Viewable:
        """Begins with the network: the mean face, or a word on what is missing."""
        self.feeding.open()
        return self.page.main()

    def darken(self, dark: bool) -> None:
        self._dark = dark
        self._draw()

    @property
    def working(self) -> bool:
        return self.feeding.working

    @property
    def progress(self) -> FaceProgress | None:
        """The face so far; None without a network."""
        return None if self.feeding.face is None else self.feeding.face.progress

    # ---- what comes of it

    def _on_open(self, error: Exception | None) -> None:
        if error is not None:
            self.page.view.message = f"No face can be made: {notify(error)}"
        self._draw()
        self._tell()

    def _on_grown(self, grown: Grown) -> None:
        self.page.shot.show(grown.jpeg, grown.marks)
        self._catch_up()
        self._tell()

    def _on_end(self, error: Exception | None) -> None:
        if error is not None:
            self._fate = notify(error)
        else:
            self._fate = f"{counted(self.feeding.answered, 'picture')} looked at"
        self._rest()

    def _rest(self) -> None:
        """No more pictures for now."""
        self.page.camera.running = False
        self.page.new_drop(self._on_drop)
        self._tell()

    # ---- what a person does

    def _start(self, source: Sequence | CameraPictures) -> None:
        if self.progress is None:
            return
        self._fate = ""
        self.page.camera.param.update(running=source.camera, paused=False, problem="")
        self.page.shot.clear()
        self.feeding.start(source)
        self._draw()
        self._tell()

    def _stop(self, fate: str) -> None:
        self.feeding.stop()
        self._fate = fate
        self._rest()

    def _on_film(self) -> None:
        if self.page.camera.running:
            self._stop("the camera is off")
        else:
            self._start(CameraPictures())

    def _on_want(self) -> None:
        self.page.camera.wanted += 1

    def _on_picture(self) -> None:
        self.feeding.take(self.page.camera.frame, self.page.camera.dropped)

    def _on_camera(self) -> None:
        """Lost, or found again."""
        camera = self.page.camera
        if camera.running:
            self._fate = camera.complaint if camera.problem else ""
            if camera.problem:
                pn.state.notifications.error(self._fate, duration=12_000)
            self._tell()

    def _on_sample(self) -> None:
        self._start(Sequence(lambda: open_frames(assets.path(SAMPLE)), "the sample", live=False))

    def _on_drop(self, event) -> None:
        """Files come one by one; when no more come, they are one sequence."""
        files = self._dropped = dict(event.new)
        document = pn.state.curdoc
        if files and document is not None:
            document.add_timeout_callback(lambda: self._on_files(files), _GATHER_MS[len(files) > 1])
        elif files:
            self._on_files(files)

    def _on_files(self, files: dict[str, bytes | str]) -> None:
        if files is not self._dropped:
            return  # more have come
        contents = {
            name: content.encode() if isinstance(content, str) else content for name, content in files.items()
        }
        name = next(iter(files)) if len(files) == 1 else f"{len(files)} files"
        self._start(Sequence(partial(open_uploads, contents), name, live=any(map(is_video, contents))))

    def _on_pause(self) -> None:
        self.feeding.pause(not self.feeding.paused)
        self.page.camera.paused = self.feeding.paused
        self._tell()

    def _on_reset(self) -> None:
        self.feeding.forget()
        if self.feeding.source is None:
            self.page.shot.clear()
            self._fate = ""
        self._draw()
        self._tell()

    def _on_send(self) -> None:
        if self._has_face:
            scan = self._scan()
            self._send(scan.with_(landmarks=None, source="Reconstructed face"))

    def _file(self, kind: str) -> io.BytesIO:
        """The face in a format that ``write_scan`` knows."""
        if not self._has_face:
            return io.BytesIO()
        with tempfile.TemporaryDirectory(prefix="faceviz-") as folder:
            path = Path(folder) / f"face.{kind}"
            write_scan(path, self._scan())
            return io.BytesIO(path.read_bytes())

    def _scan(self) -> FaceScan:
        """The face as it is shown."""
        return self.progress.seen.to_scan(self.page.wearing.value)

    # ---- from state to page

    @property
    def _has_face(self) -> bool:
        return self.progress is not None and self.progress.used > 0

    def _draw(self) -> None:
        progress, page = self.progress, self.page
        if progress is None:
            return
        page.view.message = ""
        look = {"by": page.colouring.value, "body": page.body.value, "wearing": page.wearing.value}
        page.view.show(face_scene(progress, **look, dark=self._dark))
        self._drawn = progress

    def _catch_up(self) -> None:
        """Draws the latest face, once the one before is on the screen."""
        if self._drawn is not self.progress and not self.page.view.behind:
            self._draw()

    def _tell(self) -> None:
        page, feeding, progress = self.page, self.feeding, self.progress
        page.counts.object = face_readouts.counts(progress, len(feeding.unread))
        page.change.object = face_readouts.change(progress)
        page.speed.object = face_readouts.speed(progress)
        page.missing.object = face_readouts.view(progress)
        if progress is not None:
            page.chart.object = face_readouts.chart(progress.series)
            page.log.object = face_readouts.listing(progress.steps, feeding.unread)
        page.fate.object = self._told_fate()
        page.enable(
            ready=progress is not None,
            source=feeding.source is not None,
            filming=page.camera.running,
            paused=feeding.paused,
            face=self._has_face,
            begun=progress is not None and progress.last is not None,
        )

    def _told_fate(self) -> str:
        feeding = self.feeding
        source = feeding.source
        if source is None or source.camera:
            filming = "" if source is None else "paused" if feeding.paused else "filming"
            return face_readouts.fate(0, None, self._fate or filming)
        of = f"{feeding.answered} of {source.count or '?'} of {source.name}"
        return face_readouts.fate(feeding.answered, source.count, f"{of}, paused" if feeding.paused else of)
