"""The menu of sources, and what may be dropped on the window."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtWidgets import QFileDialog, QInputDialog, QLineEdit, QMenu, QWidget

from faceviz import assets

_CAMERAS = 2


def sample_clip() -> str:
    """The video that comes along."""
    return str(assets.path("sequences/sample/clip.avi"))


class SourceMenu:
    """Fills a menu; ``choose`` is called with what was taken from it."""

    def __init__(self, parent: QWidget, menu: QMenu, choose: Callable[[str], None]) -> None:
        self._parent, self._choose = parent, choose
        for number in range(_CAMERAS):
            menu.addAction(f"Camera {number}", lambda number=number: choose(f"camera:{number}"))
        menu.addSeparator()
        menu.addAction("Video or image...", self.ask_file)
        menu.addAction("Folder of images...", self.ask_folder)
        menu.addAction("Address...", self.ask_address)
        menu.addSeparator()
        menu.addAction("Sample video", lambda: choose(sample_clip()))
        menu.addAction("Sample images", lambda: choose(str(assets.path("sequences/sample"))))

    def ask_file(self) -> None:
        self._take(QFileDialog.getOpenFileName(self._parent, "Video or image")[0])

    def ask_folder(self) -> None:
        self._take(QFileDialog.getExistingDirectory(self._parent, "Folder of images"))

    def ask_address(self) -> None:
        text, good = QInputDialog.getText(
            self._parent, "Address", "http or rtsp address of a video or camera:", QLineEdit.EchoMode.Normal
        )
        self._take(text.strip() if good else "")

    def _take(self, source: str) -> None:
        if source:
            self._choose(source)


def dropped_path(mime) -> str | None:  # noqa: ANN001
    """The first file or folder of a drop; None where there is none."""
    paths = [url.toLocalFile() for url in mime.urls() if url.isLocalFile()]
    return paths[0] if paths else None
