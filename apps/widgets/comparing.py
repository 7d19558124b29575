"""Which models are shown, and by which protocol, joined to the choosers."""

from __future__ import annotations

from collections.abc import Callable

from faceviz.display.settings import Settings
from widgets.measuring import Measuring
from widgets.models import ModelChoosers
from widgets.shown import Shown


class Comparing:
    """Args:
    choosers: of the models.
    shown: whose settings follow the choosers.
    measuring: forgets what was measured of other models.
    draw: called where the picture is another one.
    ask: called where the networks have something to answer.
    """

    def __init__(
        self,
        choosers: ModelChoosers,
        shown: Shown,
        measuring: Measuring,
        draw: Callable[[], None],
        ask: Callable[[], None],
    ) -> None:
        self._choosers, self._shown, self._measuring = choosers, shown, measuring
        self._draw, self._ask = draw, ask

    def choose(self, model: str, beside: str, second: str) -> None:
        before = self._shown.settings
        self._shown.choose(model=model, beside=beside, second=second)
        if second != before.second:
            self._shown.second = None
            self._measuring.forget()
        if self._shown.moved is not None:
            self._draw()
            if model != before.model or (beside == "model" and self._shown.second is None):
                self._ask()

    def measure_by(self, protocol: str) -> None:
        self._shown.choose(protocol=protocol)
        self._shown.forget_moves()
        if self._shown.moved is not None:
            self._ask()

    def add(self, path: str) -> None:
        """A folder or file that has proved to hold a model."""
        self._choosers.folder.value = ""
        self._choosers.add(path)

    def keep(self) -> None:
        """A model that could not be read leaves the choosers on those that are shown."""
        settings = self._shown.settings
        second = settings.second if self._shown.second is not None else ""
        beside = settings.beside if second or settings.beside != "model" else "truth"
        self._shown.choose(model=self._shown.model, beside=beside, second=second)
        self._choosers.show(self._shown.model, beside, second)

    def known(self, settings: Settings) -> Settings:
        """Settings to come, without models that are not in the choosers; an answer of another second one is dropped."""
        known = self._choosers.known.values()
        first = settings.model if settings.model in known else self._choosers.first
        if settings.beside == "model" and settings.second not in known:
            settings = settings.with_(beside="truth", second="")
        if settings.second != self._shown.settings.second:
            self._shown.second = None
        return settings.with_(model=first)
