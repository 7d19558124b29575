"""Moving pictures out: a video file that is complete or not there at all."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import numpy as np

from faceviz.errors import FileFormatError

#: Kinds of video that are written, and their codec.
CODECS = {".avi": "MJPG", ".mp4": "mp4v"}
RATE = 15.0  # pictures a second

_LONGEST_GAP = 1.0  # seconds without a picture that the video shows


class VideoRecorder:
    """Writes pictures as they come; each stays until the next, so that the video runs as fast as life.

    The first picture gives the size; others are brought to it. The file appears when the recorder is closed.

    Args:
        path: ``.avi`` or ``.mp4``; replaced in one step.

    Raises:
        FileFormatError: another ending, or the file cannot be written.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        codec = CODECS.get(self.path.suffix.lower())
        if codec is None:
            raise FileFormatError(
                f"{self.path.name}: is no video that can be written; use {' or '.join(CODECS)}"
            )
        if not self.path.parent.is_dir() or not os.access(self.path.parent, os.W_OK):
            raise self._unwritable()
        self.frames = 0
        self._codec = codec
        self._draft = self.path.with_name(
            f".{self.path.stem[:100]}.{secrets.token_hex(4)}.part{self.path.suffix}"
        )
        self._writer: object = None
        self._size = (0, 0)
        self._clock, self._former = 0.0, 0.0

    @property
    def seconds(self) -> float:
        """Length of the video so far."""
        return self.frames / RATE

    def write(self, image: np.ndarray, time: float) -> None:
        """One more picture.

        Args:
            image: (H, W, 3) uint8 RGB.
            time: in seconds, of any clock; a longer gap than a second is cut short.

        Raises:
            FileFormatError: the file cannot be written.
        """
        import cv2

        if self._writer is None:
            self._begin(image)
        else:
            self._clock += min(max(time - self._former, 0.0), _LONGEST_GAP)
        self._former = time
        if image.shape[1::-1] != self._size:
            image = cv2.resize(image, self._size, interpolation=cv2.INTER_AREA)
        picture = np.ascontiguousarray(image[..., ::-1])
        while self.frames <= self._clock * RATE:
            self._writer.write(picture)  # type: ignore[attr-defined]
            self.frames += 1

    def close(self) -> bool:
        """Finishes the file; False where there was no picture, and so no file.

        Raises:
            FileFormatError: it could not be written, such as on a full disk.
        """
        if self._writer is None:
            return False
        try:
            self._writer.release()  # type: ignore[attr-defined]
            self._writer = None
            if not self._draft.is_file() or self._draft.stat().st_size == 0:
                raise self._unwritable()
            os.replace(self._draft, self.path)
        except OSError:
            raise self._unwritable() from None
        finally:
            self._draft.unlink(missing_ok=True)
        return True

    def _begin(self, image: np.ndarray) -> None:
        import cv2

        even = 2 if self.path.suffix.lower() == ".mp4" else 1  # which MPEG-4 asks for
        self._size = (max(image.shape[1] // even * even, even), max(image.shape[0] // even * even, even))
        self._writer = cv2.VideoWriter(
            str(self._draft), cv2.VideoWriter.fourcc(*self._codec), RATE, self._size
        )
        if not self._writer.isOpened():
            self._writer = None
            self._draft.unlink(missing_ok=True)
            raise self._unwritable()

    def _unwritable(self) -> FileFormatError:
        return FileFormatError(
            f"{self.path.name}: cannot be written; check the folder {self.path.parent} and its free space"
        )
