"""What can be saved: the face, a picture of the window, a recording. Files are written in a thread of their own."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
from qtpy.QtCore import QBuffer, QByteArray, QIODevice, QRect
from qtpy.QtGui import QImage, QPainter
from qtpy.QtWidgets import QFileDialog, QWidget

from faceviz.display.reconstruction import FaceColours, FaceProgress
from faceviz.errors import FacevizError
from faceviz.geometry.expression import Wearing

FACES = {
    "PLY, surface and colours (*.ply)": ".ply",
    "OBJ, surface and colours (*.obj)": ".obj",
    "NPZ, arrays (*.npz)": ".npz",
}
PICTURES = {"PNG (*.png)": ".png"}
VIDEOS = {"AVI (*.avi)": ".avi", "MP4 (*.mp4)": ".mp4"}


class Files:
    """One thread that writes; its news are asked for with ``news``."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="faceviz-files")
        self._jobs: list[tuple[str, Future]] = []

    def write(self, done: str, work: Callable[[], object]) -> None:
        """Do some work and then say that it is done."""
        self._jobs.append((done, self._executor.submit(work)))

    def news(self) -> list[tuple[bool, str]]:
        """Of the work that is done since: whether it succeeded, and what is to be said."""
        ready = [job for job in self._jobs if job[1].done()]
        self._jobs = [job for job in self._jobs if not job[1].done()]
        return [_told(text, future.exception()) for text, future in ready]

    def close(self) -> None:
        """Finishes what was begun."""
        self._executor.shutdown(wait=True)


def ask_path(parent: QWidget, title: str, name: str, kinds: dict[str, str]) -> Path | None:
    """Where to save; with the ending of the chosen kind if none was typed. None where it was cancelled."""
    text, kind = QFileDialog.getSaveFileName(parent, title, name, ";;".join(kinds))
    if not text:
        return None
    path = Path(text)
    return path if path.suffix else path.with_suffix(kinds.get(kind, next(iter(kinds.values()))))


def write_face(path: Path, progress: FaceProgress, colours: FaceColours, wearing: Wearing) -> None:
    """The face with its colours, neutral or with the expression last seen.

    Raises:
        FileFormatError: it cannot be written.
    """
    from faceviz.io import write_scan

    assert progress.seen is not None
    write_scan(path, progress.seen.to_scan(wearing), colours=colours.rgb)


def composed(window: QWidget, view: QWidget, picture: np.ndarray) -> QImage:
    """A picture of a window in which the 3D view, which Qt may not be able to grab, is drawn anew.

    Args:
        window: what is to be seen.
        view: a child of it.
        picture: (H, W, 3) uint8 of the child.
    """
    image = window.grab().toImage()
    picture = np.ascontiguousarray(picture)
    height, width, _ = picture.shape
    inner = QImage(picture.data, width, height, 3 * width, QImage.Format.Format_RGB888)
    painter = QPainter(image)
    painter.drawImage(QRect(view.mapTo(window, view.rect().topLeft()), view.size()), inner)
    painter.end()
    return image


def write_picture(path: Path, image: QImage) -> None:
    """As PNG, in one step.

    Raises:
        FileFormatError: it cannot be written.
    """
    from faceviz.io.files import replace_file

    content = QByteArray()
    buffer = QBuffer(content)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    image.save(buffer, "PNG")
    replace_file(path, lambda stream: stream.write(content.data()))


def _told(text: str, error: BaseException | None) -> tuple[bool, str]:
    if error is None:
        return True, text
    return False, str(error) if isinstance(error, FacevizError) else f"{type(error).__name__}: {error}"
