"""The picture that is looked at, with the face that was found in it."""

from __future__ import annotations

import numpy as np
from qtpy.QtCore import QPointF, QRectF, QSize, Qt
from qtpy.QtGui import QColor, QFont, QImage, QPainter, QPen, QPolygonF
from qtpy.QtWidgets import QSizePolicy, QWidget

from desktop.theme import LIGHT, Theme
from faceviz.detection import FaceBox


class VideoPane(QWidget):
    """Shows one picture at a time; keeps its shape."""

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName("Video with the detected face")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(240, 200)
        self.theme = LIGHT
        self._picture: QImage | None = None
        self._box: FaceBox | None = None
        self._marks: np.ndarray | None = None
        self._said = ""
        self._dim = False

    def sizeHint(self) -> QSize:  # noqa: N802
        return QSize(560, 420)

    def show_picture(self, image: np.ndarray) -> None:
        """(H, W, 3) uint8 RGB."""
        image = np.ascontiguousarray(image)
        height, width, _ = image.shape
        # A copy: Qt does not keep the array alive.
        self._picture = QImage(image.data, width, height, 3 * width, QImage.Format.Format_RGB888).copy()
        self.update()

    def show_face(self, box: FaceBox | None, marks: np.ndarray | None, said: str = "") -> None:
        """Where the face was found, its landmarks (68, 2) in pixels of the picture, and a word on it."""
        self._box, self._marks, self._said = box, marks, said
        self.update()

    def dim(self, dim: bool) -> None:
        """Whether the picture is an old one."""
        if dim != self._dim:
            self._dim = dim
            self.update()

    def clear(self) -> None:
        self._picture = self._box = self._marks = None
        self._said = ""
        self.update()

    def set_theme(self, theme: Theme) -> None:
        self.theme = theme
        self.update()

    @property
    def picture_place(self) -> QRectF:
        """Where the picture lies in the pane."""
        if self._picture is None:
            return QRectF()
        room, size = self.rect(), self._picture.size()
        scale = min(room.width() / size.width(), room.height() / size.height())
        width, height = scale * size.width(), scale * size.height()
        return QRectF((room.width() - width) / 2, (room.height() - height) / 2, width, height)

    def paintEvent(self, _) -> None:  # noqa: N802
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(self.theme.paper))
        if self._picture is None:
            painter.setPen(QColor(self.theme.soft))
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, "No picture yet")
            return
        painter.setRenderHints(
            QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform, True
        )
        place = self.picture_place
        painter.setOpacity(0.35 if self._dim else 1.0)
        painter.drawImage(place, self._picture)
        if not self._dim:
            self._paint_face(painter, place)
        painter.setOpacity(1.0)
        if self._said:
            self._paint_word(painter, place)

    def _paint_face(self, painter: QPainter, place: QRectF) -> None:
        scale = place.width() / self._picture.width()
        painter.save()
        painter.translate(place.topLeft())
        painter.scale(scale, scale)
        if self._marks is not None:
            painter.setPen(Qt.PenStyle.NoPen)
            for colour, radius in (("#10141a", 2.6), ("#ffffff", 1.7)):
                painter.setBrush(QColor(colour))
                for x, y in self._marks:
                    painter.drawEllipse(QPointF(x, y), radius / scale, radius / scale)
        if self._box is not None:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            corners = box_corners(self._box)
            for colour, width in (("#10141a", 4.5), ("#12c4ff", 2.0)):
                painter.setPen(QPen(QColor(colour), width / scale))
                painter.drawPolygon(QPolygonF([QPointF(x, y) for x, y in corners]))
        painter.restore()

    def _paint_word(self, painter: QPainter, place: QRectF) -> None:
        painter.setFont(QFont(self.font().family(), 10, QFont.Weight.Medium))
        room = place.adjusted(8, 0, -8, -8)
        flags = Qt.AlignmentFlag.AlignBottom | Qt.AlignmentFlag.AlignHCenter | Qt.TextFlag.TextWordWrap
        found = painter.boundingRect(room, flags, self._said).adjusted(-8, -4, 8, 4)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(16, 20, 26, 215))
        painter.drawRoundedRect(found, 4, 4)
        painter.setPen(QColor("#ffffff"))
        painter.drawText(room, flags, self._said)


def box_corners(box: FaceBox) -> np.ndarray:
    """The four corners (4, 2) of a box in pixels of the picture, turned with the face."""
    angle = np.radians(box.roll)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    square = 0.5 * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * [box.width, box.height]
    return box.centre + square @ turn.T
