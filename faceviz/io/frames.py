"""Pictures one after another from whatever shows a face: a folder, an image, a video, a camera or an address."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

import numpy as np

from faceviz.errors import ConfigError, FileFormatError, counted
from faceviz.io.images import IMAGE_EXTENSIONS, read_image

#: Extensions of video files, in lower case.
VIDEO_EXTENSIONS: tuple[str, ...] = (
    ".mp4", ".mov", ".avi", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg", ".mjpg", ".mjpeg",
)  # fmt: skip
SCHEMES: tuple[str, ...] = ("http", "https", "rtsp", "rtsps")


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture of a sequence."""

    image: np.ndarray  # (H, W, 3) uint8 RGB
    index: int  # from 0, counting what was skipped too
    time: float | None  # seconds since the first one; None where pictures have no time
    source: str  # file, "clip.mp4#12", "camera:0"


class Feed(Protocol):
    """Where a FrameSource takes its pictures from."""

    name: str
    live: bool
    count: int | None
    skipped: list[str]

    def __iter__(self) -> Iterator[Frame]: ...

    def close(self) -> None: ...


class FrameSource:
    """Iterates frames; a context manager. ``skipped`` says of each picture left out why.

    Attributes:
        name: for messages.
        live: whether pictures come as they happen, so that slow readers miss some.
        count: how many there are, if known.
    """

    def __init__(self, feed: Feed, max_frames: int | None = None) -> None:
        if max_frames is not None and max_frames < 1:
            feed.close()
            raise ConfigError(f"max_frames={max_frames}; ask for at least one")
        self._feed, self._most = feed, max_frames
        self.name, self.live = feed.name, feed.live

    @property
    def count(self) -> int | None:
        known, most = self._feed.count, self._most
        return known if most is None or known is None else min(known, most)

    @property
    def skipped(self) -> list[str]:
        return self._feed.skipped

    def __iter__(self) -> Iterator[Frame]:
        return islice(self._feed, self._most)

    def __enter__(self) -> FrameSource:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file or camera; may be called twice."""
        self._feed.close()


def open_frames(
    source: str | os.PathLike[str] | Sequence[str | os.PathLike[str]], *, max_frames: int | None = None
) -> FrameSource:
    """Opens whatever shows a face.

    Args:
        source: a folder of images, one image, several images, a video, ``camera:0``, or an http or rtsp address.
        max_frames: the first so many frames; all if not given.

    Raises:
        FileFormatError: ``<source>: <cause>; <what to do>``.
        CameraError: the camera is missing or busy.
        ConfigError: ``max_frames`` below one, or a camera without a number.
    """
    return FrameSource(_feed(source), max_frames)


def _feed(source: str | os.PathLike[str] | Sequence[str | os.PathLike[str]]) -> Feed:
    from faceviz.io.video import CameraFeed, StreamFeed

    if not isinstance(source, str | os.PathLike):
        return ImageFeed([Path(item) for item in source], name=counted(len(source), "image"))
    text = os.fspath(source)
    if text.startswith("camera:"):
        return CameraFeed(_camera_number(text))
    if "://" in text:
        if urlsplit(text).scheme.lower() not in SCHEMES:
            raise FileFormatError(f"{text}: is no address that can be read; give one of {', '.join(SCHEMES)}")
        return StreamFeed(text)
    return _file_feed(Path(text))


def _file_feed(path: Path) -> Feed:
    """Of a folder, an image or a video."""
    from faceviz.io.video import VideoFeed

    try:
        folder = path.is_dir()
    except OSError as error:  # a name that no file can have
        raise FileFormatError(
            f"{path.name[:60]}: cannot be opened ({error.strerror}); check the path"
        ) from None
    if folder:
        return ImageFeed(images_in(path), name=str(path))
    if not path.exists():
        raise FileFormatError(
            f"{path}: does not exist; give a folder of images, an image, a video, camera:0 or an address"
        )
    if path.suffix.lower() in IMAGE_EXTENSIONS or _looks_like_image(path):
        return ImageFeed([path], name=path.name)
    return VideoFeed(path)


def _camera_number(text: str) -> int:
    number = text.removeprefix("camera:")
    if not (number.isascii() and number.isdigit() and len(number) < 4):
        raise ConfigError(f"{text!r} names no camera; the first one is camera:0")
    return int(number)


def _looks_like_image(path: Path) -> bool:
    """Known by its first bytes: JPEG, PNG, BMP, TIFF, WebP."""
    try:
        with path.open("rb") as stream:
            start = stream.read(12)
    except OSError:
        return False
    return start.startswith((b"\xff\xd8\xff", b"\x89PNG", b"BM", b"II*\0", b"MM\0*")) or (
        start[:4] == b"RIFF" and start[8:] == b"WEBP"
    )


def images_in(folder: Path) -> list[Path]:
    """The images of a folder in the order that people count: ``9.jpg`` before ``10.jpg``.

    Raises:
        FileFormatError: there is none.
    """
    try:
        files = [path for path in folder.iterdir() if path.is_file() and not path.name.startswith(".")]
    except OSError as error:
        raise FileFormatError(
            f"{folder}: cannot be opened ({error.strerror}); check its permissions"
        ) from None
    found = [path for path in files if path.suffix.lower() in IMAGE_EXTENSIONS]
    if not found:
        what = f"holds {counted(len(files), 'file')}, none of them an image" if files else "is empty"
        raise FileFormatError(f"{folder}: {what}; put images there ({', '.join(IMAGE_EXTENSIONS)})")
    return sorted(found, key=lambda path: natural_order(path.name))


def natural_order(name: str) -> list[tuple[int, int, str]]:
    """A key to sort names by as people count: digits compare as numbers, the rest as text."""
    return [
        (0, int(part), "") if part.isascii() and part.isdigit() else (1, 0, part)
        for part in re.split(r"(\d+)", name)
    ]


class ImageFeed:
    """Image files one by one; those that cannot be read are skipped and said so.

    Raises (while iterating):
        FileFormatError: not one of them could be read.
    """

    live = False

    def __init__(self, paths: Sequence[Path], name: str) -> None:
        if not paths:
            raise FileFormatError("no images are named; give at least one")
        self.paths, self.name = tuple(paths), name
        self.count: int | None = len(self.paths)
        self.skipped: list[str] = []

    def __iter__(self) -> Iterator[Frame]:
        self.skipped.clear()
        for index, path in enumerate(self.paths):
            try:
                image = read_image(path)
            except FileFormatError as error:
                self.skipped.append(str(error))
                continue
            yield Frame(image, index, None, path.name)
        if len(self.skipped) == len(self.paths):
            more = f" and {len(self.paths) - 1} more" if len(self.paths) > 1 else ""
            raise FileFormatError(f"{self.name}: no image could be read: {self.skipped[0]}{more}")

    def close(self) -> None:
        """Nothing stays open between images."""
