"""How the scan is turned and shifted: six sliders, a reset and a random pose."""

from __future__ import annotations

from collections.abc import Callable

import panel as pn
import panel_material_ui as pmui

from faceviz.display.settings import Triple
from faceviz.display.wire import coordinate_digits
from widgets.sliders import Sliders, row

_AXES = ("x", "y", "z")


class PoseControls(pn.viewable.Viewer):
    """Args:
    moved: called with the rotation in degrees and the translation, on every move.
    random: called by the button.
    """

    def __init__(self, moved: Callable[[Triple, Triple], None], random: Callable[[], None]) -> None:
        super().__init__()
        self._moved = moved
        self._silent = False
        self.sliders = Sliders(rows=_rows(500.0, "mm"), values=[0.0] * 6, sizing_mode="stretch_width")
        self.reset = pmui.Button(label="Reset motion", icon="restart_alt", variant="outlined", size="small")
        self.random = pmui.Button(label="Random pose", icon="casino", variant="contained", size="small")
        self.sliders.param.watch(lambda _: self._tell(), "values")
        self.reset.on_click(lambda _: self.set((0.0, 0.0, 0.0), (0.0, 0.0, 0.0)))
        self.random.on_click(lambda _: random())

    def __panel__(self) -> pn.viewable.Viewable:
        return pmui.Column(
            self.sliders,
            pmui.Row(self.reset, self.random, sizing_mode="stretch_width"),
            sizing_mode="stretch_width",
        )

    def set(self, rotation_deg: Triple, translation: Triple) -> None:
        """Moves all six sliders as one move."""
        self.sliders.values = [*map(float, rotation_deg), *map(float, translation)]

    def fit(self, reach: float, unit: str) -> None:
        """Sets the range of the shifts for another scan, and all six to zero without a word."""
        self._silent = True
        try:
            self.sliders.param.update(rows=_rows(reach, unit), values=[0.0] * 6)
        finally:
            self._silent = False

    def _tell(self) -> None:
        if not self._silent:
            values = [float(value) for value in self.sliders.values]
            self._moved(tuple(values[:3]), tuple(values[3:]))


def _rows(reach: float, unit: str) -> list[dict]:
    shown = "" if unit == "unknown" else unit
    turns = [
        row(f"Turn {axis}", -180.0, 180.0, step=0.5, unit="\u00b0", unit_name="degrees") for axis in _AXES
    ]
    digits = coordinate_digits(reach)
    shifts = [
        row(f"Shift {axis}", -reach, reach, step=reach / 1000, unit=shown, unit_name=unit, digits=digits)
        for axis in _AXES
    ]
    return turns + shifts
