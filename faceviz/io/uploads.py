"""Pictures out of what was dropped on a page: images, a zip of images, or a video. Nothing in a zip reaches a path."""

from __future__ import annotations

import io
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from faceviz.errors import FileFormatError
from faceviz.io.arrays import open_member, open_zip
from faceviz.io.frames import VIDEO_EXTENSIONS, Frame, FrameSource, natural_order
from faceviz.io.images import IMAGE_EXTENSIONS, MAX_IMAGE_BYTES, read_image_bytes
from faceviz.io.problems import Limits, Problem, file_error

#: Images of one upload.
MAX_IMAGES = 2_000

_GIVE = f"drop images, a zip of images or a video ({', '.join(VIDEO_EXTENSIONS[:5])})"
_DIRECTORY_ENTRY = b"PK\x01\x02"


def open_uploads(files: Mapping[str, bytes]) -> FrameSource:
    """The frames of one upload, images in the order that people count.

    Args:
        files: contents by name: one video, or any number of images and zips of images.

    Raises:
        FileFormatError: ``<file>: <cause>; <what to do>``; videos together with other files; no picture at all.
    """
    videos = [name for name in files if is_video(name)]
    if not files:
        raise FileFormatError(f"nothing was dropped; {_GIVE}")
    if videos:
        if len(files) > 1:
            raise file_error(videos[0], "is a video among other files; drop it alone")
        return FrameSource(_UploadedVideo(videos[0], files[videos[0]]))
    return FrameSource(_UploadedImages(files))


def is_video(name: str) -> bool:
    """Does a file's name say so?"""
    return PurePosixPath(name).suffix.lower() in VIDEO_EXTENSIONS


class _UploadedVideo:
    """A video in a private temporary folder, which goes when it is closed."""

    live = False

    def __init__(self, name: str, content: bytes) -> None:
        from faceviz.io.video import VideoFeed

        self.name = name
        self._folder = tempfile.TemporaryDirectory(prefix="faceviz-")
        try:
            path = Path(self._folder.name) / f"upload{PurePosixPath(name).suffix.lower()}"
            path.write_bytes(content)
            self._feed = VideoFeed(path)
            self._feed.name = name
        except BaseException as error:
            self._folder.cleanup()
            if isinstance(error, FileFormatError):
                raise FileFormatError(str(error).replace(path.name, name, 1)) from None
            raise
        self.count, self.skipped = self._feed.count, self._feed.skipped

    def __iter__(self) -> Iterator[Frame]:
        return iter(self._feed)

    def close(self) -> None:
        self._feed.close()
        self._folder.cleanup()


class _UploadedImages:
    """Images in memory; each is decoded when its turn comes."""

    live = False

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.skipped: list[str] = []
        self._archives: list[zipfile.ZipFile] = []
        self._items: list[tuple[str, bytes | tuple[zipfile.ZipFile, zipfile.ZipInfo]]] = []
        for name in sorted(files, key=natural_order):
            self._items += self._of_zip(name, files[name]) if _is_zip(files[name]) else [(name, files[name])]
        if len(self._items) > MAX_IMAGES:
            raise FileFormatError(
                f"{len(self._items):,} images are more than the {MAX_IMAGES:,} allowed; drop fewer"
            )
        self.name = next(iter(files)) if len(files) == 1 else f"{len(files)} files"
        self.count: int | None = len(self._items)

    def _of_zip(self, name: str, content: bytes) -> list[tuple[str, tuple[zipfile.ZipFile, zipfile.ZipInfo]]]:
        try:
            archive = open_zip(io.BytesIO(content), content.count(_DIRECTORY_ENTRY))
        except Problem as problem:
            raise file_error(name, problem) from None
        self._archives.append(archive)
        found = [info for info in archive.infolist() if _is_image(info.filename)]
        if not found:
            raise file_error(name, f"holds no image; zip images ({', '.join(IMAGE_EXTENSIONS)})")
        found.sort(key=lambda info: natural_order(info.filename))
        return [(f"{name}/{PurePosixPath(info.filename).name}", (archive, info)) for info in found]

    def __iter__(self) -> Iterator[Frame]:
        self.skipped.clear()
        for index, (name, content) in enumerate(self._items):
            try:
                data = content if isinstance(content, bytes) else _member(name, *content)
                image = read_image_bytes(name, data)
            except FileFormatError as error:
                self.skipped.append(str(error))
                continue
            yield Frame(image, index, None, name)
        if len(self.skipped) == len(self._items):
            more = f" and {len(self._items) - 1} more" if len(self._items) > 1 else ""
            raise FileFormatError(f"no image could be read: {self.skipped[0]}{more}")

    def close(self) -> None:
        for archive in self._archives:
            archive.close()


def _member(name: str, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    try:
        with open_member(archive, info, Limits(bytes=MAX_IMAGE_BYTES)) as stream:
            return stream.read(MAX_IMAGE_BYTES)
    except Problem as problem:
        raise file_error(name, problem) from None


def _is_zip(content: bytes) -> bool:
    return content[:4] in (b"PK\x03\x04", b"PK\x05\x06")


def _is_image(name: str) -> bool:
    """And not one of those that systems put beside the files of people."""
    path = PurePosixPath(name)
    return (
        path.suffix.lower() in IMAGE_EXTENSIONS
        and not path.name.startswith(".")
        and "__MACOSX" not in path.parts
    )
