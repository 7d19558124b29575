"""Where the pictures of a face come from, one at a time: a file or an upload, or the browser's camera."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

from faceviz.io.frames import Frame, FrameSource
from faceviz.io.images import read_image_bytes


class Source(Protocol):
    """All methods are called in the worker.

    Attributes:
        name: for people.
        camera: whether pictures come as they happen.
        live: whether pictures follow one another closely.
        count: how many there are; None where that is not known.
        unread: of each picture that could not be read, why.
    """

    name: str
    camera: bool
    live: bool
    count: int | None
    unread: tuple[str, ...]

    def next(self, content: bytes) -> Frame | None:
        """The next picture; None after the last one."""
        ...

    def close(self) -> None: ...


class Sequence:
    """Pictures of a folder, a video or an upload; opened when the first one is asked for.

    Args:
        open_: opens it, in the worker.
        name: for people.
        live: see ``Source``.
    """

    camera = False

    def __init__(self, open_: Callable[[], FrameSource], name: str, *, live: bool) -> None:
        self._open, self.name, self.live = open_, name, live
        self.count: int | None = None
        self._frames: FrameSource | None = None
        self._iterator: Iterator[Frame] | None = None

    @property
    def unread(self) -> tuple[str, ...]:
        return () if self._frames is None else tuple(self._frames.skipped)

    def next(self, _: bytes) -> Frame | None:
        """The next picture.

        Raises:
            FacevizError: it cannot be opened, or holds no picture.
        """
        if self._iterator is None:
            self._frames = self._open()
            self.count, self._iterator = self._frames.count, iter(self._frames)
        return next(self._iterator, None)

    def close(self) -> None:
        if self._frames is not None:
            self._frames.close()


class CameraPictures:
    """Pictures of the browser's camera, given one by one."""

    camera, live, count = True, True, None
    unread: tuple[str, ...] = ()

    def __init__(self) -> None:
        self.name, self._taken = "camera", 0

    def next(self, content: bytes) -> Frame:
        """The picture in a JPEG.

        Raises:
            FileFormatError: it is none.
        """
        image = read_image_bytes("a picture of the camera", content)
        self._taken += 1
        return Frame(image, self._taken - 1, None, f"picture {self._taken}")

    def close(self) -> None:
        """Nothing is open here."""
