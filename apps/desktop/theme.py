"""Light and dark: one palette for widgets, panes and the 3D view."""

from __future__ import annotations

from dataclasses import dataclass

from qtpy.QtGui import QColor, QPalette


@dataclass(frozen=True, slots=True)
class Theme:
    """Colours as ``#rrggbb``. Text keeps a contrast of at least 4.5 to what it stands on."""

    window: str
    paper: str  # of the panes
    button: str
    ink: str
    soft: str  # less important text
    line: str
    accent: str  # marks and bars
    on_accent: str
    best: str  # the image that helped most
    error: str  # the line of the true error
    warn: str  # behind a warning
    on_warn: str


LIGHT = Theme(
    window="#eef1f6",
    paper="#ffffff",
    button="#ffffff",
    ink="#1c2330",
    soft="#566072",
    line="#cdd4df",
    accent="#0067b1",
    on_accent="#ffffff",
    best="#c75000",
    error="#1c2330",
    warn="#fff1d6",
    on_warn="#5c3a00",
)
DARK = Theme(
    window="#161a21",
    paper="#1d222b",
    button="#2a313d",
    ink="#e9edf4",
    soft="#a3adbd",
    line="#3a4352",
    accent="#56b4e9",
    on_accent="#10141a",
    best="#f2a541",
    error="#e9edf4",
    warn="#4a3a12",
    on_warn="#ffe6b0",
)


def palette(theme: Theme) -> QPalette:
    """For Qt's widgets in the Fusion style."""
    role, colours = QPalette.ColorRole, QPalette()
    for place, colour in (
        (role.Window, theme.window),
        (role.Base, theme.paper),
        (role.AlternateBase, theme.window),
        (role.Button, theme.button),
        (role.WindowText, theme.ink),
        (role.Text, theme.ink),
        (role.ButtonText, theme.ink),
        (role.PlaceholderText, theme.soft),
        (role.Highlight, theme.accent),
        (role.HighlightedText, theme.on_accent),
        (role.Link, theme.accent),
        (role.ToolTipBase, theme.paper),
        (role.ToolTipText, theme.ink),
        (role.Mid, theme.line),
    ):
        colours.setColor(place, QColor(colour))
    for place in (role.ButtonText, role.WindowText, role.Text):
        colours.setColor(QPalette.ColorGroup.Disabled, place, QColor(theme.soft))
    return colours


def style_sheet(theme: Theme) -> str:
    """What the palette cannot say."""
    return f"""
        QToolTip {{ color: {theme.ink}; background: {theme.paper}; border: 1px solid {theme.line}; }}
        QPushButton, QToolButton {{
            color: {theme.ink}; background: {theme.button}; border: 1px solid {theme.line};
            border-radius: 5px; padding: 5px 10px; min-height: 20px;
        }}
        QToolButton {{ padding-right: 22px; }}
        QToolButton::menu-indicator {{ subcontrol-position: right center; right: 6px; }}
        QPushButton:hover, QToolButton:hover {{ border-color: {theme.accent}; }}
        QPushButton:focus, QToolButton:focus {{ border: 2px solid {theme.accent}; padding: 4px 9px; }}
        QToolButton:focus {{ padding-right: 21px; }}
        QPushButton:disabled {{ color: {theme.soft}; background: {theme.window}; }}
        QPushButton:checked {{ background: {theme.warn}; color: {theme.on_warn}; border-color: {theme.on_warn}; }}
        QPushButton#start {{ background: {theme.accent}; color: {theme.on_accent}; border-color: {theme.accent}; }}
        QLabel#notice {{
            background: {theme.warn}; color: {theme.on_warn}; border-radius: 5px; padding: 6px 10px;
        }}
        QLabel#soft {{ color: {theme.soft}; }}
        QLabel#title {{ color: {theme.ink}; font-weight: 600; }}
        QFrame#pane {{ background: {theme.paper}; border: 1px solid {theme.line}; border-radius: 6px; }}
    """
