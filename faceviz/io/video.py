"""Moving pictures in: video files and addresses (decoded in a process of their own), and cameras, through OpenCV.

A camera that stops sending, or sends the same picture again and again, is reported within two seconds.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from faceviz.errors import CameraError, FileFormatError
from faceviz.io.decoding import NETWORK, DecodedVideo, is_container
from faceviz.io.frames import Frame

LOST_AFTER = 2.0  # seconds without a new picture
_MAX_SIDE = 16384


class Capture(Protocol):
    """What is used of ``cv2.VideoCapture``."""

    def isOpened(self) -> bool: ...  # noqa: N802

    def read(self) -> tuple[bool, Any]: ...

    def release(self) -> None: ...


class VideoFeed:
    """The frames of a video file, turned upright as its metadata ask.

    Raises:
        FileFormatError: it is no video, or (while iterating) holds no frame.
    """

    live = False

    def __init__(self, path: Path) -> None:
        self.name = path.name
        self.skipped: list[str] = []
        self._path = path.resolve()
        self._capture = self._open()
        count, rate = self._capture.count, self._capture.rate
        self.count = int(count) if 0 < count < 1e9 else None
        self.rate = float(rate) if 0.1 < rate < 1000.0 else 25.0

    def _open(self) -> DecodedVideo:
        if self._path.stat().st_size == 0:
            raise FileFormatError(f"{self.name}: is empty; record or copy it again")
        capture = DecodedVideo(str(self._path)) if is_container(self._path) else None
        if capture is None or not capture.isOpened():
            if capture is not None:
                capture.release()
            raise FileFormatError(
                f"{self.name}: is neither an image nor a video that can be read; convert it to MP4"
            )
        return capture

    def __iter__(self) -> Iterator[Frame]:
        if not self._capture.isOpened():
            self._capture = self._open()
        index = 0
        try:
            while (image := _read(self._capture)) is not None:
                yield Frame(image, index, index / self.rate, f"{self.name}#{index}")
                index += 1
        finally:
            self.close()
        if index == 0:
            raise FileFormatError(f"{self.name}: holds no frame; record or copy it again")
        if self._capture.broken or (self.count and index < 0.9 * self.count):
            of = f" of {self.count}" if self.count else ""
            self.skipped.append(f"{self.name}: ends after {index}{of} frames; it is cut off or damaged")

    def close(self) -> None:
        self._capture.release()


class _LatestPicture:
    """A thread that reads a capture without pause and keeps the latest picture, so that no reader lags behind."""

    def __init__(self, capture: Capture) -> None:
        self._capture = capture
        self._changed = threading.Condition()
        self._picture: np.ndarray | None = None
        self._number, self._ended, self._stopping = 0, False, False
        self._thread = threading.Thread(target=self._run, name="faceviz-capture", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        former = None
        try:
            while not self._stopping:
                picture = _read(self._capture)
                if picture is None:
                    break
                if former is not None and np.array_equal(former, picture):
                    time.sleep(0.005)
                    continue  # frozen: as good as none
                former = picture
                with self._changed:
                    self._picture, self._number = picture, self._number + 1
                    self._changed.notify_all()
        finally:
            self._capture.release()
            with self._changed:
                self._ended = True
                self._changed.notify_all()

    def after(self, number: int, timeout: float) -> tuple[np.ndarray, int] | None:
        """The first picture later than ``number`` and its own number; None if none comes within ``timeout`` seconds."""
        with self._changed:
            self._changed.wait_for(lambda: self._number > number or self._ended, timeout)
            if self._number > number and self._picture is not None:
                return self._picture, self._number
            return None

    @property
    def ended(self) -> bool:
        return self._ended

    def stop(self) -> None:
        """Ask the thread to let go; a read that hangs does not hold up the caller."""
        self._stopping = True
        self._thread.join(0.5)


class CameraFeed:
    """A camera's pictures as they come; those that nobody had time for are left out.

    Args:
        number: 0 is the first camera.
        opener: makes the capture; ``cv2.VideoCapture`` by default.
        lost_after: seconds without a new picture after which the camera counts as lost.

    Raises:
        CameraError: missing or busy; while iterating: lost.
    """

    live = True
    count: int | None = None

    def __init__(
        self, number: int, opener: Callable[[int], Capture] | None = None, lost_after: float = LOST_AFTER
    ) -> None:
        self.name = f"camera:{number}"
        self.skipped: list[str] = []
        self._lost_after = lost_after
        self._latest = _LatestPicture(_open_camera(number, self.name, opener))
        if self._latest.after(0, 2.0 * lost_after) is None:
            self.close()
            raise CameraError(
                f"{self.name}: sends no picture; close other programs that use it, then try again"
            )

    def __iter__(self) -> Iterator[Frame]:
        return _live_frames(self._latest, self.name, self._lost_after)

    def close(self) -> None:
        self._latest.stop()


def _live_frames(latest: _LatestPicture, name: str, lost_after: float) -> Iterator[Frame]:
    """Frames as they come.

    Raises:
        CameraError: none came for ``lost_after`` seconds.
    """
    number, index, start = 0, 0, time.monotonic()
    while True:
        found = latest.after(number, lost_after)
        if found is None:
            raise CameraError(f"{name}: was lost; check the connection, then open it again")
        image, number = found
        yield Frame(image, index, time.monotonic() - start, name)
        index += 1


class StreamFeed:
    """Pictures of an address: all of an http file; of an rtsp camera as they come.

    Raises:
        FileFormatError: it does not answer; while iterating: it holds no picture.
        CameraError: while iterating: a live stream was lost.
    """

    count: int | None = None

    def __init__(self, address: str, opener: Callable[[str], Capture] | None = None) -> None:
        self.name = _without_password(address)
        self.skipped: list[str] = []
        self.live = address.lower().startswith("rtsp")
        self._capture = (opener or _open_address)(address)
        if not self._capture.isOpened():
            self._capture.release()
            raise FileFormatError(f"{self.name}: cannot be opened; check the address and that it answers")
        self._latest = _LatestPicture(self._capture) if self.live else None

    def __iter__(self) -> Iterator[Frame]:
        if self._latest is not None:
            yield from _live_frames(self._latest, self.name, LOST_AFTER)
        index, start = 0, time.monotonic()
        try:
            while (image := _read(self._capture)) is not None:
                yield Frame(image, index, time.monotonic() - start, f"{self.name}#{index}")
                index += 1
        finally:
            self.close()
        if index == 0:
            raise FileFormatError(f"{self.name}: sends no picture; check that it is a video or an image")

    def close(self) -> None:
        if self._latest is not None:
            self._latest.stop()
        else:
            self._capture.release()


def _open_camera(number: int, name: str, opener: Callable[[int], Capture] | None) -> Capture:
    import cv2

    with _quiet():
        capture = (opener or cv2.VideoCapture)(number)
    if not capture.isOpened():
        capture.release()
        raise CameraError(
            f"{name}: there is no such camera, or another program uses it; plug it in or close that"
        )
    return capture


def _open_address(address: str) -> Capture:
    return DecodedVideo(address, NETWORK)


def _read(capture: Capture) -> np.ndarray | None:
    """The next picture, (H, W, 3) uint8 RGB, or None at the end."""
    good, image = capture.read()
    if not good or image is None or image.ndim not in (2, 3) or not 0 < max(image.shape[:2]) <= _MAX_SIDE:
        return None
    if image.ndim == 2:
        return np.repeat(image[..., None], 3, axis=2)
    return np.ascontiguousarray(image[..., 2::-1])


def _without_password(address: str) -> str:
    """The address as it may be shown: without ``user:password@``."""
    from urllib.parse import urlsplit

    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


class _quiet:  # noqa: N801 - used like a function
    """Keeps OpenCV from printing to standard error while it tries to open something."""

    def __enter__(self) -> None:
        import cv2

        os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
        self._level = cv2.utils.logging.getLogLevel()
        cv2.utils.logging.setLogLevel(0)

    def __exit__(self, *_: object) -> None:
        import cv2

        cv2.utils.logging.setLogLevel(self._level)
