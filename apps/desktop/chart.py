"""Which image helped: a bar for the change by each image, a line for the error where the truth is known."""

from __future__ import annotations

import numpy as np
from qtpy.QtCore import QPointF, QRectF, QSize, Qt
from qtpy.QtGui import QColor, QFont, QPainter, QPainterPath, QPen
from qtpy.QtWidgets import QSizePolicy, QToolTip, QWidget

from desktop.theme import LIGHT, Theme
from faceviz.display.reconstruction import ChangeSeries

_LEFT, _RIGHT, _TOP, _BOTTOM = 40, 34, 16, 18  # pixels about the bars
_STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0)
_NARROWEST, _WIDEST = 4.0, 30.0  # pixels that a bar and its gap take


class ChangeChart(QWidget):
    """Bars in mm, the latest images. The first one, which moves from the mean face, is cut off where it would dwarf
    the others, and its height is written on it."""

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName("Change of the face by each image, in mm")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(220, 90)
        self.setMouseTracking(True)
        self.theme = LIGHT
        self.series: ChangeSeries | None = None

    def sizeHint(self) -> QSize:  # noqa: N802
        return QSize(620, 130)

    def show_series(self, series: ChangeSeries) -> None:
        self.series = series
        self.update()

    def clear(self) -> None:
        self.series = None
        self.update()

    def set_theme(self, theme: Theme) -> None:
        self.theme = theme
        self.update()

    def bars(self) -> list[tuple[int, QRectF]]:
        """Place in the series and rectangle of every bar that is shown; one without height where none was used."""
        series, room = self.series, self._room()
        if series is None or not len(series.number):
            return []
        pitch = float(np.clip(room.width() / len(series.number), _NARROWEST, _WIDEST))
        first = max(0, len(series.number) - int(room.width() / pitch))
        end, found = axis_end(series.change[first:]), []
        for k, i in enumerate(range(first, len(series.number))):
            value = series.change[i]
            height = 0.0 if np.isnan(value) else min(value / end, 1.0) * room.height()
            found.append(
                (i, QRectF(room.left() + k * pitch + 1, room.bottom() - height, pitch - 2, max(height, 0.0)))
            )
        return found

    def paintEvent(self, _) -> None:  # noqa: N802
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        painter.fillRect(self.rect(), QColor(self.theme.paper))
        painter.setFont(QFont(self.font().family(), 8))
        bars = self.bars()
        if not bars:
            painter.setPen(QColor(self.theme.soft))
            painter.drawText(
                self.rect(), Qt.AlignmentFlag.AlignCenter, "Each image adds a bar: how far the face moved"
            )
            return
        end = axis_end(self.series.change[bars[0][0] :])
        self._paint_axis(painter, end)
        for i, bar in bars:
            self._paint_bar(painter, i, bar, end)
        self._paint_error(painter, bars)

    def _paint_axis(self, painter: QPainter, end: float) -> None:
        room = self._room()
        step = next((s for s in _STEPS if end / s <= 4.0), _STEPS[-1])
        for k in range(int(end / step + 1e-9) + 1):
            y = room.bottom() - k * step / end * room.height()
            painter.setPen(QPen(QColor(self.theme.line), 1))
            painter.drawLine(QPointF(room.left(), y), QPointF(room.right(), y))
            painter.setPen(QColor(self.theme.soft))
            text = QRectF(0, y - 8, _LEFT - 5, 16)
            painter.drawText(
                text, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, f"{k * step:g}"
            )

    def _paint_bar(self, painter: QPainter, i: int, bar: QRectF, end: float) -> None:
        series = self.series
        painter.setPen(Qt.PenStyle.NoPen)
        if np.isnan(series.change[i]):  # skipped: a cross below the line
            painter.setPen(QPen(QColor(self.theme.soft), 1.4))
            x, y, r = bar.center().x(), self._room().bottom() - 5, min(3.0, bar.width() / 2)
            painter.drawLine(QPointF(x - r, y - r), QPointF(x + r, y + r))
            painter.drawLine(QPointF(x - r, y + r), QPointF(x + r, y - r))
        else:
            painter.setBrush(QColor(self.theme.best if i == series.helped else self.theme.accent))
            painter.drawRect(bar)
            if series.change[i] > end:  # cut off
                painter.setPen(QColor(self.theme.soft))
                painter.drawText(
                    QPointF(bar.left(), bar.top() - 3), f"{series.change[i]:.1f} (first)" if i == 0 else "^"
                )
        number = int(series.number[i])
        every = 1 if bar.width() > 18 else 5 if bar.width() > 4 else 25
        if number == 1 or number % every == 0:
            painter.setPen(QColor(self.theme.soft))
            text = QRectF(bar.center().x() - 20, self._room().bottom() + 2, 40, _BOTTOM - 2)
            painter.drawText(text, Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop, str(number))

    def _paint_error(self, painter: QPainter, bars: list[tuple[int, QRectF]]) -> None:
        """The error after each image, on an axis of its own from 0: the last value stands at the right."""
        errors = self.series.error
        if errors is None:
            return
        known = [(bar.center().x(), float(errors[i])) for i, bar in bars if np.isfinite(errors[i])]
        if not known:
            return
        room, end = self._room(), axis_end(np.array([error for _, error in known]))
        dots = [QPointF(x, room.bottom() - error / end * room.height()) for x, error in known]
        path = QPainterPath(dots[0])
        for dot in dots[1:]:
            path.lineTo(dot)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for pen in (
            QPen(QColor(self.theme.paper), 4),
            QPen(QColor(self.theme.error), 1.8, Qt.PenStyle.DashLine),
        ):
            painter.setPen(pen)
            painter.drawPath(path)
        painter.setPen(QColor(self.theme.ink))
        for value in (0.0, known[-1][1]):
            y = room.bottom() - value / end * room.height()
            text = QRectF(room.right() + 5, y - 8, _RIGHT, 16)
            painter.drawText(text, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, f"{value:.2g}")

    def event(self, event) -> bool:  # noqa: ANN001
        """A tooltip over a bar: which image, and what it did."""
        if event.type() == event.Type.ToolTip:
            text = self.text_at(event.pos().x())
            QToolTip.showText(event.globalPos(), text, self)
            return True
        return super().event(event)

    def text_at(self, x: float) -> str:
        """Of the image whose bar stands there."""
        for i, bar in self.bars():
            if bar.left() - 1 <= x < bar.right() + 1:
                change = self.series.change[i]
                did = (
                    "skipped: no face was found"
                    if np.isnan(change)
                    else f"changed the face by {change:.2f} mm"
                )
                error = self.series.error
                more = "" if error is None or np.isnan(error[i]) else f", error {error[i]:.2f} mm"
                return f"{self.series.number[i]}  {self.series.sources[i]}: {did}{more}"
        return ""

    def _room(self) -> QRectF:
        return QRectF(self.rect()).adjusted(_LEFT, _TOP, -_RIGHT, -_BOTTOM)


def axis_end(change: np.ndarray) -> float:
    """The height of the axis in mm: the greatest change (n,); without the first where that is over twice as large."""
    known = change[np.isfinite(change)]
    if not len(known):
        return 1.0
    rest = known[1:].max() if len(known) > 1 else 0.0
    most = rest if len(known) > 2 and known[0] > 2.0 * rest > 0.0 else known.max()
    return float(max(1.1 * most, 1e-3))
