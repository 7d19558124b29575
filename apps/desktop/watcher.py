"""Watches a source of pictures in a thread of its own: says when it is lost, and takes it up again when it returns."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from faceviz.errors import FacevizError
from faceviz.io.frames import Frame, FrameSource, open_frames
from faceviz.io.recording import VideoRecorder

SILENCE = 1.0  # seconds without a picture after which a camera or an address is said to be lost
RETRY = 0.5  # seconds between two tries to open it again
IMAGE_SECONDS = 0.25  # that an image of a folder is shown at least

OPENING, PLAYING, PAUSED, LOST, ENDED, FAILED = "opening", "playing", "paused", "lost", "ended", "failed"


@dataclass(frozen=True, slots=True)
class Status:
    """How a source fares, and in words."""

    state: str
    text: str = ""


class SourceWatcher:
    """Delivers frames from its thread until it is closed.

    Images wait for ``ready``; a video does so once, after its first picture, and then plays at its own pace.

    Args:
        source: as for ``faceviz.io.frames.open_frames``.
        deliver: called with each frame.
        ready: whether the frame before is done with; asked between images, which must not be dropped, and after
            the first picture of a video, which may come before there is a network.
        open: opens a source.
    """

    def __init__(
        self,
        source: str,
        deliver: Callable[[Frame], None],
        ready: Callable[[], bool] = lambda: True,
        *,
        open: Callable[[str], FrameSource] = open_frames,
    ) -> None:
        self.source = source
        self.returns = source.startswith("camera:") or "://" in source  # may come back after a loss
        self.latest: Frame | None = None
        self.unread: tuple[str, ...] = ()  # why images were left out
        self._deliver, self._ready, self._open = deliver, ready, open
        self._status, self._news = Status(OPENING, f"opening {self.title}"), time.monotonic()
        self._live = False
        self._closing, self._running = threading.Event(), threading.Event()
        self._running.set()
        self._recording = threading.Lock()
        self._recorder: VideoRecorder | None = None
        self.recording_error: FacevizError | None = None
        self._thread = threading.Thread(target=self._run, name="faceviz-watcher", daemon=True)
        self._thread.start()

    @property
    def title(self) -> str:
        """The source for people: without a password, and not too long."""
        text = self.source
        if "://" in text:
            scheme, _, rest = text.partition("://")
            text = f"{scheme}://{rest.rpartition('@')[2]}"
        return text if len(text) <= 60 else f"...{text[-57:]}"

    @property
    def status(self) -> Status:
        """How it fares now; also where the source hangs and its thread cannot tell."""
        status = self._status
        paused = status.state == PLAYING and not self._running.is_set()
        if paused and not self._live:
            return Status(PAUSED, "paused")
        silent = time.monotonic() - self._news
        if self.returns and status.state in (OPENING, PLAYING) and silent > SILENCE:
            return Status(
                LOST,
                f"{self.title}: sends no new picture; check the connection, and that no other program uses it",
            )
        return Status(PAUSED, "paused") if paused else status

    @property
    def over(self) -> bool:
        return self._status.state in (ENDED, FAILED)

    def pause(self) -> None:
        """Deliver nothing until ``resume``; a camera is watched on."""
        self._running.clear()

    def resume(self) -> None:
        self._running.set()

    def close(self) -> None:
        """Asks the thread to end; one that hangs in a driver does not hold up the caller."""
        self._closing.set()
        self._running.set()
        self._thread.join(1.0)

    def record(self, recorder: VideoRecorder | None) -> VideoRecorder | None:
        """From now on to this recorder, or to none; the one before, which is to be closed, comes back."""
        with self._recording:
            before, self._recorder = self._recorder, recorder
            return before

    # ---- in the thread

    def _run(self) -> None:
        while not self._closing.is_set():
            try:
                frames = self._open(self.source)
                try:
                    self._play(frames)
                finally:
                    self.unread = tuple(frames.skipped)
                    frames.close()
                self._say(ENDED, f"{self.title}: all pictures were shown; Start shows them again")
                return
            except FacevizError as error:
                if not self.returns:
                    self._say(FAILED, str(error))
                    return
                self._say(LOST, str(error))
            except Exception as error:  # of a driver or a decoder
                self._say(FAILED, f"{self.title}: {type(error).__name__}: {error}; choose another source")
                return
            self._closing.wait(RETRY)

    def _play(self, frames: FrameSource) -> None:
        begun, self._live = time.monotonic(), frames.live
        for frame in frames:
            self._news = time.monotonic()
            self._status = Status(PLAYING, self.title)
            if not frames.live:
                begun += self._wait_for_running()
                self._wait_until(begun + frame.time if frame.time is not None else 0.0)
            if self._closing.is_set():
                return
            if self._running.is_set():
                self._show(frame)
            if frame.time is None:
                self._wait_until(time.monotonic() + IMAGE_SECONDS)
            if frame.time is None or (frame.index == 0 and not frames.live):
                begun += self._wait_for_ready()

    def _show(self, frame: Frame) -> None:
        self.latest = frame
        self._write(frame.image)
        self._deliver(frame)

    def _write(self, image: np.ndarray) -> None:
        with self._recording:
            if self._recorder is not None and self.recording_error is None:
                try:
                    self._recorder.write(image, time.monotonic())
                except FacevizError as error:
                    self.recording_error = error

    def _wait_for_running(self) -> float:
        """Seconds that it waited."""
        begun = time.monotonic()
        self._running.wait()
        self._news = time.monotonic()
        return self._news - begun

    def _wait_for_ready(self) -> float:
        """Seconds that it waited."""
        begun = time.monotonic()
        while not self._ready() and not self._closing.wait(0.005):
            pass
        return time.monotonic() - begun

    def _wait_until(self, moment: float) -> None:
        self._closing.wait(max(0.0, moment - time.monotonic()))

    def _say(self, state: str, text: str) -> None:
        self._status = Status(state, text)
