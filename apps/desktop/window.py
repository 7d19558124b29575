"""The window: panes and controls, and what joins them to the threads behind. Everything is drawn in this thread."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path

from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QApplication, QLabel, QMainWindow

from desktop import outputs, watcher
from desktop.chart import ChangeChart
from desktop.controls import Controls, bind_keys, keys_box
from desktop.face_pane import FacePane
from desktop.layout import CHART_TITLES, Facts, lay_out
from desktop.reconstructing import Reconstructing, Seen
from desktop.setup import Setup
from desktop.sources import SourceMenu, dropped_path
from desktop.theme import DARK, LIGHT, palette, style_sheet
from desktop.video_pane import VideoPane
from desktop.watcher import SourceWatcher
from faceviz.errors import FacevizError
from faceviz.io.recording import VideoRecorder

TICK_MS = 30
_REST = 2.0  # times as long as the last drawing took, the window rests before the next face is drawn


class ReconstructWindow(QMainWindow):
    """Video, face and chart of one person."""

    def __init__(self, setup: Setup, *, dark: bool = False) -> None:
        super().__init__()
        self.setup, self.source, self.running = setup, setup.source, True
        self.setWindowTitle("faceviz: a face from images")
        self.setAcceptDrops(True)
        self.video, self.face, self.chart = VideoPane(), FacePane(), ChangeChart()
        self.controls, self.facts, self.notice = Controls(), Facts(), QLabel(objectName="notice")
        self.chart_title = QLabel(CHART_TITLES[False], objectName="title")
        self.setCentralWidget(
            lay_out(
                self.controls, self.notice, self.video, self.face, self.chart_title, self.chart, self.facts
            )
        )
        self.resize(1280, 720)
        self.files, self.recorder = outputs.Files(), None
        self._said, self._keys = "", None
        self._frame_shown, self._seen = None, None
        self._next_draw = 0.0
        self.menu = SourceMenu(self, self.controls.source.menu(), self.choose_source)
        self._wire()
        self.set_dark(dark)
        self.network = self._new_network()
        self.watcher = self._watch()
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._tick)
        self._timer.start(TICK_MS)

    def _wire(self) -> None:
        c = self.controls
        deeds = {
            "start": self.start_or_pause,
            "reset": self.reset,
            "snapshot": self.save_snapshot,
            "export": self.export_face,
            "front": self.face.look_from_front,
            "help": self.show_keys,
        }
        for name, deed in deeds.items():
            getattr(c, name).clicked.connect(lambda _=False, deed=deed: deed())
        c.record.clicked.connect(lambda _=False: self.start_or_end_recording())
        c.dark.toggled.connect(self.set_dark)
        c.colour.currentIndexChanged.connect(lambda _: self._draw_face())
        c.wearing.currentIndexChanged.connect(lambda _: self._draw_face())
        c.body.currentIndexChanged.connect(lambda _: self.face.show_as(c.body.currentData()))
        c.allow_error(False)
        keys = {
            "record": self.start_or_end_recording,
            "open_file": self.menu.ask_file,
            "body": lambda: c.body.setCurrentIndex(1 - c.body.currentIndex()),
            "wearing": lambda: c.wearing.setCurrentIndex(1 - c.wearing.currentIndex()),
            "dark": c.dark.toggle,
            "quit": self.close,
        }
        for colouring in ("height", "change", "error"):
            keys[colouring] = partial(self.colour_by, colouring)
        bind_keys(self, deeds | keys)

    # ---- what a person does

    def choose_source(self, source: str) -> None:
        """Another source; the face begins anew."""
        self.watcher.close()
        self.network.close()
        self.source, self.running, self._seen = source, True, None
        for pane in (self.video, self.chart, self.facts):
            pane.clear()
        self.network = self._new_network()
        self.watcher = self._watch()
        self.controls.show_running(True)

    def start_or_pause(self) -> None:
        if self.watcher.over:
            self.watcher.close()
            self.watcher, self.running = self._watch(), True
        else:
            self.running = not self.running
            (self.watcher.resume if self.running else self.watcher.pause)()
        self.controls.show_running(self.running)

    def reset(self) -> None:
        """Forget the face; a file begins anew."""
        self.network.reset()
        self.video.show_face(None, None)
        if not self.watcher.returns:
            self.watcher.close()
            self.watcher = self._watch()
            if not self.running:
                self.watcher.pause()

    def colour_by(self, colouring: str) -> None:
        """``height``, ``change``, or ``error`` where there is a truth."""
        index = self.controls.colour.findData(colouring)
        if self.controls.colour.model().item(index).isEnabled():
            self.controls.colour.setCurrentIndex(index)
        else:
            self.say("there is no truth to show the error against; start with --truth FILE")

    def set_dark(self, dark: bool) -> None:
        theme = DARK if dark else LIGHT
        application = QApplication.instance()
        application.setPalette(palette(theme))
        application.setStyleSheet(style_sheet(theme))
        for pane in (self.video, self.face, self.chart):
            pane.set_theme(theme)
        self.controls.dark.setChecked(dark)

    def show_keys(self) -> None:
        if self._keys is None:
            self._keys = keys_box(self)
        self._keys.show()

    def export_face(self) -> None:
        seen = self._seen
        if seen is None or not seen.progress.used:
            self.say("there is no face to export yet; show one")
            return
        path = outputs.ask_path(self, "Export the face", "face.ply", outputs.FACES)
        if path is not None:
            colours = seen.progress.colours(self.controls.colour.currentData())
            self.files.write(
                f"wrote {path.name}: 16384 points, mm",
                partial(
                    outputs.write_face, path, seen.progress, colours, self.controls.wearing.currentData()
                ),
            )

    def save_snapshot(self) -> None:
        image = outputs.composed(self, self.face.view, self.face.picture())
        path = outputs.ask_path(self, "Save a picture", "face.png", outputs.PICTURES)
        if path is not None:
            self.files.write(f"wrote {path.name}", partial(outputs.write_picture, path, image))

    def start_or_end_recording(self) -> None:
        if self.recorder is not None:
            self._end_recording()
            return
        path = outputs.ask_path(self, "Record the video", "recording.avi", outputs.VIDEOS)
        try:
            self.recorder = None if path is None else VideoRecorder(path)
        except FacevizError as error:
            self.say(str(error))
        self.watcher.record(self.recorder)
        self._show_recording()

    def _end_recording(self) -> None:
        recorder, self.recorder = self.recorder, None
        self.watcher.record(None)
        self._show_recording()

        def finish() -> None:
            if not recorder.close():
                raise FacevizError(f"{recorder.path.name}: no picture came, so nothing was recorded")

        self.files.write(f"wrote {recorder.path.name}", finish)

    def _show_recording(self) -> None:
        self.controls.record.setChecked(self.recorder is not None)
        self.controls.record.setText("Record" if self.recorder is None else "End recording")

    # ---- what comes from the threads

    def _new_network(self) -> Reconstructing:
        quick = not Path(self.source).is_dir() if "://" not in self.source else True
        return Reconstructing(partial(self.setup.load, quick), self.setup.load_truth)

    def _watch(self) -> SourceWatcher:
        network = self.network
        new = SourceWatcher(self.source, network.submit, lambda: network.idle, open=self.setup.open)
        new.record(self.recorder)
        return new

    def _tick(self) -> None:
        """Fetches what is new. Nothing queues up: what was not fetched in time is never shown."""
        frame = self.watcher.latest
        if frame is not None and frame is not self._frame_shown:
            self._frame_shown = frame
            self.video.show_picture(frame.image)
        status = self.watcher.status
        self.video.dim(status.state == watcher.LOST)
        if status.state in (watcher.ENDED, watcher.FAILED) and self.running:
            self.running = False
            self.controls.show_running(False)
        seen = self.network.seen
        if seen is not None and seen is not self._seen and time.monotonic() >= self._next_draw:
            self._take(seen)
        self._tell(status)
        for _, text in self.files.news():
            self.say(text)
        if self.watcher.recording_error is not None and self.recorder is not None:
            self._end_recording()

    def _take(self, seen: Seen) -> None:
        fresh = self._seen is None
        self._seen = seen
        progress = seen.progress
        if fresh:
            self.controls.allow_error(progress.truth is not None)
            if progress.truth is not None:
                self.colour_by("error")
        last = progress.last
        if last is None:
            self.video.show_face(None, None)
        else:
            self.video.show_face(last.box, last.image_landmarks, last.reason or last.note or "")
        self._draw_face()
        self.chart.show_series(progress.series)
        self.chart_title.setText(CHART_TITLES[progress.truth is not None])
        self.facts.show_progress(progress)

    def _draw_face(self) -> None:
        if self._seen is None:
            return
        begun, progress = time.monotonic(), self._seen.progress
        colouring = self.controls.colour.currentData()
        if colouring == "error" and progress.truth is None:
            colouring = "height"
        points = progress.face(self.controls.wearing.currentData())
        self.face.show_face(points, progress.colours(colouring))
        self.face.view.repaint()
        now = time.monotonic()
        self._next_draw = now + _REST * (now - begun)

    def _tell(self, status: watcher.Status) -> None:
        """What is wrong stands above the panes, everything else below them."""
        wrong = [self.network.error, self.network.truth_error]
        if status.state == watcher.LOST:
            wrong.append(f"{status.text}. It is taken up again as soon as it returns.")
        elif status.state == watcher.FAILED:
            wrong.append(status.text)
        unread = self.watcher.unread
        if unread:
            more = f", and {len(unread) - 1} more" if len(unread) > 1 else ""
            wrong.append(f"left out: {unread[0]}{more}")
        text = "\n".join(part for part in wrong if part)
        if text != self.notice.text():
            self.notice.setText(text)
            self.notice.setVisible(bool(text))
        self.facts.show_status(self._now(status), self._said)

    def _now(self, status: watcher.Status) -> str:
        if not self.network.loaded and not self.network.error:
            return "loading the network"
        if self.recorder is not None:
            return f"recording, {self.recorder.seconds:.0f} s"
        return f"waiting for {self.watcher.title}" if status.state == watcher.LOST else status.text

    def say(self, text: str) -> None:
        """A word that stays until the next one."""
        self._said = text

    # ---- what Qt asks

    def dragEnterEvent(self, event) -> None:  # noqa: N802, ANN001
        if dropped_path(event.mimeData()) is not None:
            event.acceptProposedAction()

    def dropEvent(self, event) -> None:  # noqa: N802, ANN001
        path = dropped_path(event.mimeData())
        if path is not None:
            self.choose_source(path)

    def closeEvent(self, event) -> None:  # noqa: N802, ANN001
        """A recording is finished, threads are let go."""
        self._timer.stop()
        if self.recorder is not None:
            self._end_recording()
        self.watcher.close()
        self.network.close()
        self.files.close()
        self.face.close_view()
        super().closeEvent(event)
