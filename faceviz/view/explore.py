"""``faceviz.explore``: a scan, its landmarks and its motion under live controls in a notebook."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from faceviz.display import state
from faceviz.display.colormaps import NAMES as COLORMAPS
from faceviz.display.readings import LandmarkTable
from faceviz.display.scene import SceneSpec
from faceviz.display.settings import Settings
from faceviz.landmarks import NAMES
from faceviz.pipeline import LandmarkPredictor
from faceviz.scan import FaceScan
from faceviz.view.notebook import SceneWidget, ipywidgets

if TYPE_CHECKING:
    from faceviz.display.session import Session

ALL = -1  # in the chooser: no single landmark
_WORST = 5
_AXES = "xyz"
_HALF = ipywidgets.Layout(width="272px")
_BESIDE = {"Truth": "truth", "Difference": "difference", "Other model": "model", "Nothing": "nothing"}
_BODIES = {"Surface": "surface", "Points": "points", "Network's points": "network"}


def explore(
    scan: FaceScan | Session | str | os.PathLike[str],
    *,
    predictor: LandmarkPredictor | None = None,
    second: LandmarkPredictor | None = None,
    settings: Settings | None = None,
    height: int = 420,
) -> Explorer:
    """A scan under sliders: heatmaps, landmarks and numbers follow each move, the network asked anew every time.

    Args:
        scan: a scan, a session, or the file of either.
        predictor: the default model if not given.
        second: another one, shown beside the first.
        settings: what to show at first; those of a session where it is one.
        height: of the picture, in CSS pixels.

    Returns:
        a widget that a notebook displays. ``settings``, ``spec`` and ``session`` say what it shows.

    Raises:
        FileFormatError: the file cannot be read.
        NoFaceError: nothing in the scan looks like a face.
    """
    from faceviz.display.session import Session, is_session, read_session
    from faceviz.io import read_scan

    if not isinstance(scan, FaceScan | Session):
        scan = read_session(scan) if is_session(scan) else read_scan(scan)
    predictor = predictor or LandmarkPredictor.from_pretrained()
    if isinstance(scan, Session):
        session = scan.with_predictor(predictor) if scan.knows(predictor) else scan
        chosen = settings or session.settings
        answered = session if chosen == session.settings else None
        return Explorer(
            session.moved.loaded, chosen, predictor=predictor, second=second, answered=answered, height=height
        )
    if settings is None:
        settings = Settings() if second is None else Settings.of(beside="model")
    return Explorer(state.load(predictor, scan), settings, second=second, height=height)


class Explorer(ipywidgets.VBox):
    """What ``faceviz.explore`` returns. ``scene`` is the picture, ``controls`` the widgets by the setting they change.

    Args:
        loaded: the scan, with the predictor that saw it.
        settings: what to show at first.
        predictor: that is asked about motions; the one that saw the scan by default.
        second: another predictor, asked about the same points.
        answered: a session with these settings, whose numbers are shown before the first motion.
        height: of the picture, in CSS pixels.
    """

    def __init__(
        self,
        loaded: state.LoadedScan,
        settings: Settings,
        *,
        predictor: LandmarkPredictor | None = None,
        second: LandmarkPredictor | None = None,
        answered: Session | None = None,
        height: int = 420,
    ) -> None:
        self._loaded, self._second_predictor, self._silent = loaded, second, False
        known = predictor or loaded.predictor
        assert known is not None  # else there are no heatmaps to show
        self._predictor = known
        self.settings, self.moved, self.second = settings, state.unmoved(loaded), None
        if answered is None:
            self._move()
        else:
            self.moved, self.second = answered.moved, answered.second
        self.scene = SceneWidget(self.spec, height=height)
        self.controls = _controls(settings, state.translation_reach(loaded.scan), loaded.scan, second)
        self.reset = ipywidgets.Button(description="Reset motion", tooltip="Back to where the scan was")
        self.numbers = ipywidgets.HTML()
        for control in self.controls.values():
            control.observe(self._follow, names="value")
        self.reset.on_click(lambda _: self.set(rotation_deg=(0.0, 0.0, 0.0), translation=(0.0, 0.0, 0.0)))
        self.scene.observe(lambda _: self.set(landmark=_chosen(self.scene.selected)), names="clicks")
        super().__init__([self.scene, self.numbers, _laid_out(self.controls, self.reset)])
        self._draw()

    @property
    def spec(self) -> SceneSpec:
        """The scene that is shown, the same as every other front end makes of this state."""
        return state.moved_scene(self.moved, self.settings, self.second)

    @property
    def session(self) -> Session:
        """All that is shown, for ``faceviz.display.session.save_session``."""
        from faceviz.display.session import Session

        return Session(self.moved, self.settings, self.second)

    @property
    def table(self) -> LandmarkTable:
        """One row a landmark, the worst first, at the threshold that is set."""
        return state.moved_table(self.moved, self.settings.threshold)

    def set(self, **changes: Any) -> None:
        """Changes settings as one step, and the controls with them.

        Raises:
            ConfigError: a setting that does not exist, or a value that does not fit.
        """
        self._take(self.settings.with_(**changes))
        values = _control_values(self.settings)
        self._silent = True
        try:
            for name, control in self.controls.items():
                control.value = values[name]
        finally:
            self._silent = False

    def _follow(self, _: Any) -> None:
        if not self._silent:
            self._take(self.settings.with_(**_settings_of(self.controls)))

    def _take(self, settings: Settings) -> None:
        before, self.settings = self.settings, settings
        moving = ("rotation_deg", "translation", "protocol", "beside")
        if any(getattr(before, name) != getattr(settings, name) for name in moving):
            self._move()
        self._draw()

    def _move(self) -> None:
        """Each network anew, about the scan as it is now moved."""
        pose, protocol = self.settings.pose(self._loaded.scan.centroid), self.settings.protocol
        self.moved = state.move(self._predictor, self._loaded, pose, protocol)
        self.second = None
        if self._second_predictor is not None and self.settings.beside == "model":
            self.second = state.move(self._second_predictor, self._loaded, pose, protocol)

    def _draw(self) -> None:
        self.scene.show(self.spec)
        self.numbers.value = _numbers(self.moved, self.table)


def _controls(
    settings: Settings, reach: float, scan: FaceScan, second: LandmarkPredictor | None
) -> dict[str, ipywidgets.Widget]:
    landmarks = [("all 68", ALL), *((f"{i} {name}", i) for i, name in enumerate(NAMES))]
    panes = {
        title: kind
        for title, kind in _BESIDE.items()
        if (second is not None or kind != "model")
        and (scan.landmarks is not None or kind not in ("truth", "difference"))
    }
    values = _control_values(settings)
    if values["beside"] not in panes.values():
        values["beside"] = "nothing"
    unit = "" if scan.unit == "unknown" else f" {scan.unit}"
    made: dict[str, Callable[..., ipywidgets.Widget]] = {
        "landmark": _chooser("Heat of", landmarks),
        "beside": _chooser("Beside it", list(panes.items())),
        "body": _chooser("Shown on", list(_BODIES.items())),
        "colormap": _chooser("Colours", list(COLORMAPS)),
        "threshold": _slider("IoU at", 0.05, 0.95, 0.01),
        "show_landmarks": _switch("Landmarks"),
        "dark": _switch("Dark"),
        **{f"turn_{axis}": _slider(f"Turn {axis} °", -180.0, 180.0, 1.0) for axis in _AXES},
        **{f"shift_{axis}": _slider(f"Shift {axis}{unit}", -reach, reach, reach / 200) for axis in _AXES},
    }
    return {name: make(value=values[name]) for name, make in made.items()}


def _chooser(title: str, options: list[Any]) -> Callable[..., ipywidgets.Widget]:
    return lambda value: ipywidgets.Dropdown(description=title, options=options, value=value, layout=_HALF)


def _slider(title: str, low: float, high: float, step: float) -> Callable[..., ipywidgets.Widget]:
    return lambda value: ipywidgets.FloatSlider(
        description=title, min=low, max=high, step=step, value=value, readout_format=".3g", layout=_HALF
    )


def _switch(title: str) -> Callable[..., ipywidgets.Widget]:
    return lambda value: ipywidgets.Checkbox(description=title, value=value, layout=_HALF)


def _laid_out(controls: dict[str, ipywidgets.Widget], reset: ipywidgets.Widget) -> ipywidgets.HBox:
    looks = ("landmark", "beside", "body", "colormap", "threshold")
    switches = ipywidgets.VBox([controls["show_landmarks"], controls["dark"], reset])
    columns = [
        [controls[name] for name in looks],
        [controls[f"turn_{axis}"] for axis in _AXES] + [switches],
        [controls[f"shift_{axis}"] for axis in _AXES],
    ]
    return ipywidgets.HBox(
        [ipywidgets.VBox(column) for column in columns], layout=ipywidgets.Layout(flex_flow="row wrap")
    )


def _control_values(settings: Settings) -> dict[str, Any]:
    moves = {
        **{f"turn_{axis}": value for axis, value in zip(_AXES, settings.rotation_deg, strict=True)},
        **{f"shift_{axis}": value for axis, value in zip(_AXES, settings.translation, strict=True)},
    }
    landmark = ALL if settings.landmark is None else settings.landmark
    return {**settings.model_dump(), **moves, "landmark": landmark}


def _settings_of(controls: dict[str, ipywidgets.Widget]) -> dict[str, Any]:
    values = {name: control.value for name, control in controls.items()}
    turn = tuple(values.pop(f"turn_{axis}") for axis in _AXES)
    shift = tuple(values.pop(f"shift_{axis}") for axis in _AXES)
    return {
        **values,
        "landmark": _chosen(values["landmark"]),
        "rotation_deg": turn,
        "translation": shift,
    }


def _chosen(number: int) -> int | None:
    return None if number < 0 else number


def _numbers(moved: state.Moved, table: LandmarkTable) -> str:
    """One line: what the motion changed, how good it is, which landmarks to look at."""
    parts = [] if moved.change is None else [f"the motion changed the heat by <b>{moved.change:.1e}</b>"]
    if table.mean_iou is not None:
        parts.append(f"mean IoU <b>{table.mean_iou:.3f}</b>")
    if table.median_error is not None:
        parts.append(f"median error <b>{table.median_error:.3g} {table.unit}</b>")
    parts.append(f"network {1000 * moved.seconds:.0f} ms")
    worst = ", ".join(row.name for row in table.rows[:_WORST])
    return f"{' &middot; '.join(parts)}<br>least sure or worst: {worst}"
