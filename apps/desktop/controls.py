"""The row of controls, and the keys that do the same."""

from __future__ import annotations

from dataclasses import dataclass

from qtpy.QtCore import Qt
from qtpy.QtGui import QKeySequence, QShortcut
from qtpy.QtWidgets import QComboBox, QHBoxLayout, QMenu, QMessageBox, QPushButton, QToolButton, QWidget

from desktop.face_pane import POINTS, SURFACE

COLOURS = {"Height": "height", "Change": "change", "Error": "error"}
EXPRESSIONS = {"Neutral": "neutral", "As seen": "seen"}
BODIES = {"Surface": SURFACE, "Points": POINTS}


@dataclass(frozen=True, slots=True)
class Key:
    """A key, what it does in words, and the name of the control that it presses."""

    key: str
    does: str
    control: str


KEYS = (
    Key("Space", "start or pause", "start"),
    Key("R", "forget the face and begin anew", "reset"),
    Key("S", "save a picture of video, face and chart", "snapshot"),
    Key("E", "export the face as PLY, OBJ or NPZ", "export"),
    Key("V", "record the video, or end the recording", "record"),
    Key("O", "open a video or an image", "open_file"),
    Key("1", "colour by height", "height"),
    Key("2", "colour by change since the last image", "change"),
    Key("3", "colour by error, where the truth is known", "error"),
    Key("X", "no expression, or the one last seen", "wearing"),
    Key("P", "points or surface", "body"),
    Key("F", "look from the front", "front"),
    Key("D", "dark or light", "dark"),
    Key("?", "show this list", "help"),
    Key("Ctrl+Q", "quit", "quit"),
)


class Controls(QWidget):
    """Buttons and choosers by name; what they do is wired in window.py."""

    def __init__(self) -> None:
        super().__init__()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        self.source = QToolButton(text="Source")
        self.source.setToolTip("Choose a camera, a video, images or an address; or drop files on the window")
        self.source.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.source.setMenu(QMenu(self.source))
        self.start = _button("Pause", "Start or pause (Space)")
        self.start.setObjectName("start")
        self.start.setMinimumWidth(74)
        self.reset = _button("Reset", "Forget the face and begin anew (R)")
        self.snapshot = _button("Snapshot", "Save a picture of video, face and chart (S)")
        self.export = _button("Export", "Save the face as PLY, OBJ or NPZ (E)")
        self.record = _button("Record", "Record the video to a file (V)")
        self.record.setCheckable(True)
        self.colour = _chooser(COLOURS, "What the colours of the face show (1, 2, 3)", "Colour by")
        self.wearing = _chooser(
            EXPRESSIONS, "The face without expression, or with the one last seen (X)", "Expression"
        )
        self.body = _chooser(BODIES, "Draw a surface or points (P)", "Draw as")
        self.front = _button("Front", "Look from the front (F)")
        self.dark = _button("Dark", "Dark or light (D)")
        self.dark.setCheckable(True)
        self.help = _button("?", "Keyboard shortcuts (?)")
        self.help.setAccessibleName("Keyboard shortcuts")
        for widget in (self.source, self.start, self.reset, self.snapshot, self.export, self.record):
            row.addWidget(widget)
        row.addStretch(1)
        for widget in (self.wearing, self.colour, self.body, self.front, self.dark, self.help):
            row.addWidget(widget)

    def show_running(self, running: bool) -> None:
        self.start.setText("Pause" if running else "Start")

    def allow_error(self, allowed: bool) -> None:
        """Whether the error can be shown."""
        item = self.colour.model().item(self.colour.findData("error"))
        item.setEnabled(allowed)
        item.setToolTip("" if allowed else "needs the true shape: start with --truth FILE")


def bind_keys(window: QWidget, deeds: dict[str, object]) -> None:
    """Every key of ``KEYS`` to what is named by its control."""
    for entry in KEYS:
        shortcut = QShortcut(QKeySequence(entry.key), window)
        shortcut.setAutoRepeat(False)
        shortcut.activated.connect(deeds[entry.control])


def keys_box(parent: QWidget) -> QMessageBox:
    """The list of keys."""
    rows = "".join(f"<tr><td><b>{k.key}</b>&nbsp;&nbsp;&nbsp;</td><td>{k.does}</td></tr>" for k in KEYS)
    mouse = "<p>Drag to turn the face, wheel or right button to come nearer, Shift and drag to shift it.</p>"
    box = QMessageBox(parent)
    box.setWindowTitle("Keyboard shortcuts")
    box.setTextFormat(Qt.TextFormat.RichText)
    box.setText(f"<table>{rows}</table>{mouse}")
    box.setStandardButtons(QMessageBox.StandardButton.Close)
    box.setWindowModality(Qt.WindowModality.NonModal)
    return box


def _button(text: str, tip: str) -> QPushButton:
    button = QPushButton(text)
    button.setToolTip(tip)
    return button


def _chooser(options: dict[str, str], tip: str, name: str) -> QComboBox:
    chooser = QComboBox()
    chooser.setFixedHeight(32)
    for text, value in options.items():
        chooser.addItem(text, value)
    chooser.setToolTip(tip)
    chooser.setAccessibleName(name)
    return chooser
