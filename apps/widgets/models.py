"""Which networks look at the scan, and how a motion reaches them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import panel as pn
import panel_material_ui as pmui

from faceviz.display.models import folders_from_environment, known_models
from widgets.engine import MODEL
from widgets.serving import SHARED

PROTOCOLS = {"ST: as moved": "st", "ICP: aligned back first": "icp", "None: motion kept from it": "none"}
BESIDE = {"Truth": "truth", "Difference": "difference", "Nothing": "nothing"}
HINT = "From <code>faceviz import-checkpoint</code> or <code>train</code>; or the published .pth file."

_FIELD = {"size": "small", "margin": (10, 8, 4, 8), "sizing_mode": "stretch_width"}


class ModelChoosers:
    """The widgets, and what they stand for.

    Args:
        chosen: called with the model, what stands beside it (as in ``Settings``), and the second model or "".
    """

    def __init__(self, chosen: Callable[[str, str, str], None]) -> None:
        self._chosen, self._silent = chosen, False
        self._folders = folders_from_environment()
        if MODEL not in known_models().values():
            self._folders.append(MODEL)
        self.known = known_models(self._folders)
        self.model = pmui.Select(label="Model", options=self.known, value=self.first, **_FIELD)
        self.beside = pmui.Select(label="Beside it", options=self._beside_options(), value="truth", **_FIELD)
        self.protocol = pmui.Select(label="Protocol", options=PROTOCOLS, value="st", **_FIELD)
        self.folder = pmui.TextInput(label="Add a model: path of its folder", visible=not SHARED, **_FIELD)
        self.hint = pn.pane.HTML(
            HINT, stylesheets=[_SMALL], visible=not SHARED, margin=(0, 10, 4, 10), sizing_mode="stretch_width"
        )
        for widget in (self.model, self.beside):
            widget.param.watch(lambda _: self._tell(), "value")

    def add(self, path: str) -> None:
        """A folder or file that has proved to hold a model, in both choosers; it is chosen to stand beside."""
        if path not in self.known.values():
            self._folders.append(path)
            self.known = known_models(self._folders)
        self.model.options = self.known
        self.beside.param.update(options=self._beside_options(), value=f"model:{path}")

    def show(self, model: str, beside: str, second: str) -> None:
        """What is in force, whatever was tried since."""
        self._silent = True
        try:
            self.model.value = model or self.first
            self.beside.value = f"model:{second}" if beside == "model" else beside
        finally:
            self._silent = False

    @property
    def first(self) -> str:
        """The model that the page begins with, which also finds the face in a scan."""
        names = list(self.known.values())
        return MODEL if MODEL in names else str(Path(MODEL).expanduser())

    def _beside_options(self) -> dict[str, str]:
        return BESIDE | {title: f"model:{name}" for title, name in self.known.items()}

    def _tell(self) -> None:
        if not self._silent:
            kind, _, second = self.beside.value.partition(":")
            self._chosen(self.model.value, kind, second)


_SMALL = ":host { font-size: 12px; line-height: 1.4; opacity: .75; }"
