"""The tabs that show where and for which turns a network breaks: the trace of its layers, and the sphere of turns."""

from __future__ import annotations

from collections.abc import Callable

import panel as pn
import panel_material_ui as pmui

from widgets import pictures

_WIDE = {"sizing_mode": "stretch_width"}
ANGLES = ("30\u00b0", "90\u00b0", "180\u00b0")


class LayersTab(pn.viewable.Viewer):
    """The equivariance error of every layer under the motion of the sliders."""

    def __init__(self) -> None:
        super().__init__()
        self.pane = pn.pane.HTML(pictures.layers_hint(), stylesheets=[pictures.STYLE], margin=(4, 8), **_WIDE)

    def __panel__(self) -> pn.viewable.Viewable:
        return pmui.Column(self.pane, sizing_mode="stretch_both", scroll="y-auto", sx=_SCROLL)

    def show(self, traces: dict[str, tuple]) -> None:
        self.pane.object = pictures.layers(traces) if traces else pictures.layers_hint()

    def busy(self) -> None:
        self.pane.object = pictures.notice("Measuring every layer\u2026")


class SphereTab(pn.viewable.Viewer):
    """Maps of the rotation sphere; a button begins and cancels.

    Args:
        start, cancel: called by the button.
    """

    def __init__(self, start: Callable[[], None], cancel: Callable[[], None]) -> None:
        super().__init__()
        self._start, self._cancel = start, cancel
        self._found: dict[str, object] = {}
        self.button = pmui.Button(
            label="Measure", icon="public", variant="contained", size="small", margin=(12, 8)
        )
        self.angle = pmui.RadioButtonGroup(
            options=list(ANGLES), value=ANGLES[1], size="small", margin=(10, 6)
        )
        self.pane = pn.pane.HTML(pictures.sphere_hint(), stylesheets=[pictures.STYLE], margin=(0, 8), **_WIDE)
        self.button.on_click(lambda _: self._cancel() if self.running else self._start())
        self.angle.param.watch(lambda _: self._draw(), "value")
        self.running = False

    def __panel__(self) -> pn.viewable.Viewable:
        row = pmui.Row(self.button, self.angle, **_WIDE)
        return pmui.Column(row, self.pane, sizing_mode="stretch_both", scroll="y-auto", sx=_SCROLL)

    def run(self, running: bool) -> None:
        """Whether it is being measured."""
        self.running = running
        self.button.param.update(
            label="Cancel" if running else "Measure", icon="close" if running else "public"
        )
        self._draw()

    def show(self, found: dict[str, object]) -> None:
        """Errors so far, by the model's name."""
        self._found = found
        self._draw()

    def _draw(self) -> None:
        if self._found:
            self.pane.object = pictures.spheres(self._found, ANGLES.index(self.angle.value), self.running)
        else:
            self.pane.object = (
                pictures.notice("The first turns\u2026") if self.running else pictures.sphere_hint()
            )


_SCROLL = {"overflowX": "hidden"}
