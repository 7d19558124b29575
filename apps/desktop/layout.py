"""Where the parts of the window stand, and the facts beside the chart."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QSplitter, QVBoxLayout, QWidget

from faceviz.display.reconstruction import FaceProgress, helped_text

_NONE = "-"

#: Without and with a truth.
CHART_TITLES = {
    False: "Which image helped: change of the face by each image, mm",
    True: "Which image helped: change by each image, mm; dashed: error, mm (right)",
}


class Facts(QWidget):
    """What was counted and measured, in words."""

    def __init__(self) -> None:
        super().__init__()
        grid = QGridLayout(self)
        grid.setContentsMargins(12, 8, 12, 8)
        grid.setHorizontalSpacing(14)
        grid.setVerticalSpacing(3)
        self.values: dict[str, QLabel] = {}
        names = ("used", "skipped", "dropped", "last change", "mean error", "time an image")
        for i, name in enumerate(names):
            value = QLabel(_NONE, objectName="title")
            value.setAccessibleName(name)
            grid.addWidget(QLabel(name, objectName="soft"), i % 3, 2 * (i // 3))
            grid.addWidget(value, i % 3, 2 * (i // 3) + 1)
            self.values[name] = value
        self.helped, self.hint, self.status, self.said = (
            QLabel(),
            QLabel(),
            QLabel(objectName="soft"),
            QLabel(),
        )
        for row, label in enumerate((self.helped, self.hint, self.status, self.said), start=3):
            label.setWordWrap(True)
            label.setTextFormat(Qt.TextFormat.PlainText)
            grid.addWidget(label, row, 0, 1, 4)
        grid.setColumnStretch(1, 1)
        grid.setColumnStretch(3, 1)
        grid.setRowStretch(7, 1)

    def show_progress(self, progress: FaceProgress) -> None:
        change = next((s.change for s in reversed(progress.steps) if s.change is not None), None)
        values = {
            "used": str(progress.used),
            "skipped": str(progress.skipped),
            "dropped": str(progress.dropped),
            "last change": _with_unit(change, "mm", 2),
            "mean error": _with_unit(progress.error_mm, "mm", 2),
            "time an image": _with_unit(progress.milliseconds, "ms", 0),
        }
        for name, text in values.items():
            self.values[name].setText(text)
        self.helped.setText(helped_text(progress.series))
        self.hint.setText((progress.hint or "").capitalize())

    def clear(self) -> None:
        """Nothing is known yet."""
        for value in self.values.values():
            value.setText(_NONE)
        self.helped.clear()
        self.hint.clear()

    def show_status(self, status: str, said: str) -> None:
        if self.status.text() != status:
            self.status.setText(status)
        if self.said.text() != said:
            self.said.setText(said)


def lay_out(
    controls: QWidget,
    notice: QLabel,
    video: QWidget,
    face: QWidget,
    title: QLabel,
    chart: QWidget,
    facts: QWidget,
) -> QWidget:
    """Controls above, video and face side by side, chart and facts below."""
    notice.setWordWrap(True)
    notice.setTextFormat(Qt.TextFormat.PlainText)
    notice.hide()
    panes = QSplitter(Qt.Orientation.Horizontal)
    panes.addWidget(_framed(video))
    panes.addWidget(_framed(face))
    panes.setSizes([620, 620])
    panes.setChildrenCollapsible(False)
    below = QHBoxLayout()
    below.setSpacing(10)
    titled = QWidget()
    column = QVBoxLayout(titled)
    column.setContentsMargins(10, 6, 4, 2)
    column.setSpacing(0)
    column.addWidget(title)
    column.addWidget(chart, 1)
    below.addWidget(_framed(titled), 3)
    below.addWidget(_framed(facts), 2)
    whole = QWidget()
    rows = QVBoxLayout(whole)
    rows.setContentsMargins(10, 10, 10, 10)
    rows.setSpacing(8)
    rows.addWidget(controls)
    rows.addWidget(notice)
    rows.addWidget(panes, 5)
    bottom = QWidget()
    bottom.setLayout(below)
    below.setContentsMargins(0, 0, 0, 0)
    bottom.setFixedHeight(196)
    rows.addWidget(bottom)
    return whole


def _framed(inner: QWidget) -> QFrame:
    frame = QFrame(objectName="pane")
    layout = QVBoxLayout(frame)
    layout.setContentsMargins(3, 3, 3, 3)
    layout.addWidget(inner)
    return frame


def _with_unit(value: float | None, unit: str, digits: int) -> str:
    return _NONE if value is None else f"{value:.{digits}f} {unit}"
