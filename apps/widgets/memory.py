"""Undo, redo, and the light state in the page's address."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import parse_qsl, urlencode

import panel as pn
import panel_material_ui as pmui

from faceviz.display.history import History
from faceviz.display.settings import Settings

#: Words instead of icons with tooltips, which would lie on the other button.
_BUTTON = {"size": "small", "variant": "text", "align": "center", "margin": 0}
_NARROW = {"minWidth": "0", "padding": "4px 6px", "textTransform": "none"}


class Memory:
    """Args:
    model: that the page begins with, which goes without saying; nor is it remembered whether the page is dark.
    recalled: called with the settings that undo or redo lead to.
    """

    def __init__(self, model: str, recalled: Callable[[Settings], None]) -> None:
        self._model, self._recalled = model, recalled
        self._history = History(Settings())
        self.undo = pmui.Button(label="Undo", sx=_NARROW, **_BUTTON)
        self.redo = pmui.Button(label="Redo", sx=_NARROW, **_BUTTON)
        self.undo.on_click(lambda _: self.back())
        self.redo.on_click(lambda _: self.forward())

    def back(self) -> None:
        self._recalled(self._history.undo())

    def forward(self) -> None:
        self._recalled(self._history.redo())

    def keep(self, settings: Settings, scan: str) -> None:
        """A state that the page has come to rest in."""
        settings = self._plain(settings)
        self._history.push(settings)
        if pn.state.location is not None:
            query = {"scan": scan} | settings.to_query()
            pn.state.location.search = "?" + urlencode({k: v for k, v in query.items() if v}, safe=",")

    def forget(self, settings: Settings) -> None:
        """Another scan: its motions begin anew."""
        self._history = History(self._plain(settings))

    def _plain(self, settings: Settings) -> Settings:
        return settings.with_(dark=False, model="" if settings.model == self._model else settings.model)


def addressed() -> tuple[str | None, Settings | None]:
    """The scan and the settings that the page's address asks for.

    Raises:
        ConfigError: the address makes no sense.
    """
    location = pn.state.location
    asked = dict(parse_qsl((location.search or "").lstrip("?"))) if location is not None else {}
    scan = asked.pop("scan", None)
    return scan, Settings.from_query(asked) if asked else None
