"""What the notebook on equivariance shows: a scan under sliders, the error of layers, of mistakes, over the sphere."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from faceviz.display import state
from faceviz.display.models import model_title
from faceviz.display.settings import Settings
from faceviz.display.sphere import mollweide
from faceviz.evaluation.equivariance import MistakeEffect, SphereErrors
from faceviz.evaluation.layer_trace import LayerError
from faceviz.evaluation.protocols import normalise
from faceviz.geometry.sampling import farthest_point_order
from faceviz.pipeline import LandmarkPredictor, PreparedScan
from faceviz.scan import FaceScan
from faceviz.view.notebook import figure_image

if TYPE_CHECKING:
    from IPython.display import Image

_CHECKS = ("rotation", "translation", "order", "batch")
_FLOOR = 1e-16
_GOOD, _BAD = "#009E73", "#D55E00"


def lesson_scan(scan: FaceScan, points: int = 96) -> FaceScan:
    """A scan as the networks of the lesson see it: few points, centroid 0, radius 1; its landmarks with it."""
    normal = normalise(scan, points)
    return FaceScan(normal.points, landmarks=normal.landmarks, unit="unknown", source=scan.source)


class PoseLesson:
    """One scan under six sliders, as two networks see it; ``widget`` is what a notebook displays.

    Args:
        scan: drawn as it is; shifts are in radii of it.
        first, second: the networks, with names that say what they are.
        points: that the networks see.
        landmark: whose heat is shown.
        size: of the picture, in pixels.
    """

    def __init__(
        self,
        scan: FaceScan,
        first: LandmarkPredictor,
        second: LandmarkPredictor,
        *,
        points: int = 256,
        landmark: int | None = 30,
        size: tuple[int, int] = (900, 420),
    ) -> None:
        import ipywidgets

        self._size, self._landmark, self._predictors = size, landmark, (first, second)
        prepared = _prepared(scan, points)
        self._loaded = [
            state.LoadedScan(predictor.predict_prepared(prepared), predictor=predictor)
            for predictor in self._predictors
        ]
        self._loop, self._silent = _running_loop(), False
        turn = {"min": -180.0, "max": 180.0, "step": 5.0, "continuous_update": False}
        shift = {"min": -5.0, "max": 5.0, "step": 0.1, "continuous_update": False}
        self.sliders = [
            ipywidgets.FloatSlider(description=f"turn {axis} \u00b0", **turn) for axis in "xyz"
        ] + [ipywidgets.FloatSlider(description=f"shift {axis}", **shift) for axis in "xyz"]
        self.image = ipywidgets.Image(format="png", width=size[0], height=size[1])
        for slider in self.sliders:
            slider.observe(lambda _: self._ask(), names="value")
        columns = [ipywidgets.VBox(self.sliders[:3]), ipywidgets.VBox(self.sliders[3:])]
        self.widget = ipywidgets.VBox([ipywidgets.HBox(columns), self.image])
        self.moved: list[state.Moved] = []
        self.draw()

    @property
    def changes(self) -> tuple[float, float]:
        """The largest change of either network's heat by the motion that is shown."""
        first, second = self.moved
        return float(first.change or 0.0), float(second.change or 0.0)

    def set(self, *values: float) -> None:
        """Puts all six sliders somewhere, as one move."""
        self._silent = True
        for slider, value in zip(self.sliders, values, strict=True):
            slider.value = value
        self._silent = False
        self.draw()

    def draw(self) -> None:
        """The moved scan goes through both networks, and PyVista draws what they see."""
        from faceviz.view.render import scene_png

        values = [slider.value for slider in self.sliders]
        settings = Settings.of(
            rotation_deg=tuple(values[:3]),
            translation=tuple(values[3:]),
            beside="model",
            landmark=self._landmark,
        )
        pose = settings.pose(self._loaded[0].scan.centroid)
        self.moved = [
            state.move(predictor, loaded, pose)
            for predictor, loaded in zip(self._predictors, self._loaded, strict=True)
        ]
        self.image.value = scene_png(state.moved_scene(self.moved[0], settings, self.moved[1]), self._size)

    def _ask(self) -> None:
        """Jupyter may run callbacks in another thread, where VTK draws noise: back to the kernel's own."""
        if self._silent:
            return
        if self._loop is not None and self._loop is not _running_loop():
            self._loop.call_soon_threadsafe(self.draw)
        else:
            self.draw()


def _prepared(scan: FaceScan, count: int) -> PreparedScan:
    """The whole scan in the network's frame, and the points of it that the network sees."""
    chosen = scan.points[farthest_point_order(scan.points, min(count, len(scan)))]
    centre = chosen.mean(axis=0)
    radius = float(np.linalg.norm(chosen - centre, axis=1).max())
    landmarks = None if scan.landmarks is None else (scan.landmarks - centre) / radius
    whole = scan.with_(points=(scan.points - centre) / radius, landmarks=landmarks, unit="unknown")
    return PreparedScan(whole, (chosen - centre) / radius, whole.points, np.zeros(3), 1.0)


def plot_layers(traces: Mapping[str, Sequence[LayerError]], title: str) -> Image:
    """The relative error of every layer, a panel for each trace, on one log scale."""
    from matplotlib.figure import Figure

    rows = max(len(trace) for trace in traces.values())
    figure = Figure(figsize=(4.6 * len(traces) + 1.2, 0.24 * rows + 1.4), layout="constrained")
    panels = figure.subplots(1, len(traces), sharex=True, squeeze=False)[0]
    for axes, (name, trace) in zip(panels, traces.items(), strict=True):
        errors = [max(layer.error, _FLOOR) for layer in trace]
        colours = [_BAD if error > 1e-6 else _GOOD for error in errors]
        axes.barh([layer.title for layer in trace], errors, left=_FLOOR, color=colours, height=0.7)
        axes.set(xscale="log", xlim=(_FLOOR, 20.0), title=name)
        axes.invert_yaxis()
        axes.tick_params(axis="y", labelsize=8)
        axes.axvline(1.0, color="0.6", linewidth=0.8)
    figure.suptitle(title)
    figure.supxlabel("|f(Rx + t) \u2212 D f(x)| / |f(x)|")
    return figure_image(figure)


def plot_mistakes(effects: Sequence[MistakeEffect]) -> Image:
    """A table in colours: what each step leaves of the error under each change that should not matter."""
    from matplotlib.figure import Figure

    values = np.array([[getattr(effect.errors, check) for check in _CHECKS] for effect in effects])
    figure = Figure(figsize=(8.4, 0.44 * len(effects) + 1.3), layout="constrained")
    axes = figure.subplots()
    axes.imshow(np.log10(np.maximum(values, _FLOOR)), cmap="cividis", vmin=-16, vmax=0, aspect="auto")
    for (row, column), value in np.ndenumerate(values):
        ink = "black" if value > 1e-6 else "white"
        axes.text(column, row, f"{value:.0e}", ha="center", va="center", color=ink, fontsize=9)
    axes.set_xticks(range(len(_CHECKS)), ["turned", "shifted", "points shuffled", "second in a batch"])
    axes.set_yticks(range(len(effects)), [effect.title for effect in effects])
    axes.xaxis.tick_top()
    axes.set_title("Largest change of a heatmap value (0 to 1)")
    return figure_image(figure)


def plot_spheres(found: Mapping[str, SphereErrors], angle: int = 0) -> Image:
    """Maps of the axes of rotation, a panel for each network; colour is the largest change of its heat."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(3.9 * len(found) + 0.6, 3.0), layout="constrained")
    panels = figure.subplots(1, len(found), squeeze=False)[0]
    for axes, (name, errors) in zip(panels, found.items(), strict=True):
        x, y = mollweide(errors.axes)
        dots = axes.scatter(
            2 * x, y, c=errors.change[angle], cmap="viridis", vmin=0, vmax=1, s=170, edgecolors="0.4"
        )
        around = np.linspace(0, 2 * np.pi, 200)
        axes.plot(2.12 * np.cos(around), 1.06 * np.sin(around), color="0.6", linewidth=0.8)
        worst = np.nanmax(errors.change[angle])
        axes.set(aspect="equal", title=f"{model_title(name)}\nat most {worst:.1e}")
        axes.set_axis_off()
    degrees = next(iter(found.values())).angles_deg[angle]
    figure.colorbar(dots, ax=list(panels), shrink=0.8, label="largest change of a heatmap value")
    figure.suptitle(f"Turned by {degrees:.0f}\u00b0 about each of these axes (front in the middle)")
    return figure_image(figure)


def _running_loop() -> Any:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
