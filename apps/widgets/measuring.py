"""Runs the measurements of the tabs "Layers" and "Sphere" in the worker, for every model that is shown."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from faceviz.display import state
from faceviz.display.latest import LatestOnly, Stepwise
from widgets.engine import WORKER, later
from widgets.measurements import LayersTab, SphereTab


class Measuring:
    """Args:
    shown: gives what is on the page, one ``Moved`` a model.
    failed: called with an error.
    changed: called when ``working`` has become true or false.
    """

    def __init__(
        self,
        shown: Callable[[], list[state.Moved]],
        failed: Callable[[object, Exception], None],
        changed: Callable[[], None],
    ) -> None:
        self._shown, self._failed, self._changed = shown, failed, changed
        self._traced: list[state.Moved] = []
        self.layers, self.sphere = LayersTab(), SphereTab(self.start_sphere, self.cancel_sphere)
        self._traces = LatestOnly(WORKER, _traces, later(self._on_traces), later(failed), busy=later(changed))
        self._spheres = Stepwise(WORKER, later(self.sphere.show), later(self._on_sphere_end))

    @property
    def working(self) -> bool:
        return self._traces.working or self._spheres.working

    def trace(self) -> None:
        """Of the motion that is shown, once all models have answered to it; of none where the scan is at rest."""
        shown = self._shown()
        if any(not np.array_equal(part.pose.matrix, shown[0].pose.matrix) for part in shown):
            return
        self._traced = [part for part in shown if not part.still]
        if self._traced:
            self.layers.busy()
            self._traces.submit(self._traced)
        else:
            self.layers.show({})

    def forget(self) -> None:
        """Another scan, or other models: what was measured says nothing of them."""
        self.cancel_sphere()
        self._traced = []
        self.layers.show({})
        self.sphere.show({})

    def start_sphere(self) -> None:
        shown = self._shown()
        if shown:
            self.sphere.show({})
            self._spheres.start(partial(_spheres, shown))
            self.sphere.run(True)
            self._changed()

    def cancel_sphere(self) -> None:
        if self._spheres.working:
            self._spheres.cancel()
            self.sphere.run(False)
            self._changed()

    def _on_traces(self, traced: list[state.Moved], traces: dict[str, tuple]) -> None:
        if traced is self._traced:  # else of a motion that is gone
            self.layers.show(traces)

    def _on_sphere_end(self, error: Exception | None) -> None:
        self.sphere.run(False)
        self._changed()
        if error is not None:
            self._failed(None, error)


def _traces(shown: list[state.Moved]) -> dict[str, tuple]:
    return {part.loaded.model: state.trace(part) for part in shown}


def _spheres(shown: list[state.Moved]):  # noqa: ANN202
    """What is known so far of every model, after each turn."""
    found = {}
    for part in shown:
        for errors in state.sphere(part.loaded):
            found = found | {part.loaded.model: errors}
            yield found
