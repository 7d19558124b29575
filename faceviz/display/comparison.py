"""Two scans side by side under one camera and one colour range: the first as it is, the second brought onto it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import PurePath
from typing import Literal

import numpy as np

from faceviz.display.body import Body
from faceviz.display.scene import Pane, SceneSpec, reduce_heat, spread_of, where
from faceviz.display.settings import Settings
from faceviz.display.state import LoadedScan
from faceviz.evaluation.comparison import (
    Alignment,
    ScanComparison,
    compare_scans,
    heat_change,
    surface_distance,
)
from faceviz.geometry.transforms import RigidTransform
from faceviz.pipeline import surface_points

Shade = Literal["heat", "difference", "distance"]

#: What the colours mean, as it is written in a chooser.
SHADES: dict[str, Shade] = {
    "Distance": "distance",
    "Heat": "heat",
    "Heat difference": "difference",
}


@dataclass(frozen=True, eq=False)
class Pair:
    """Two loaded scans and their comparison, with what does not change while settings do.

    Args:
        first, second: each unmoved.
        comparison: of their landmarks.
    """

    first: LoadedScan
    second: LoadedScan
    comparison: ScanComparison
    _kept: dict[str, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict, repr=False)
    _bodies: dict[str, Body] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, first: LoadedScan, second: LoadedScan, align: Alignment = "stable") -> Pair:
        """Compared at rest.

        Raises:
            ConfigError: only one of the units is known.
        """
        return cls(first, second, compare_scans(first.unmoved, second.unmoved, align=align))

    def aligned(self, alignment: Alignment) -> Pair:
        """The same scans brought together by other landmarks."""
        return Pair.of(self.first, self.second, alignment)

    def second_body(self, kind: str) -> Body:
        """The second scan's body in the frame of the first."""
        if kind not in self._bodies:
            body, comparison = self.second.body(kind), self.comparison
            normals = body.normals @ comparison.transform.rotation.T
            spacing = comparison.scale * body.spacing
            points = comparison.to_first(body.points)
            self._bodies[kind] = replace(body, points=points, normals=normals, spacing=spacing)
        return self._bodies[kind]

    def distances(self, kind: str) -> tuple[np.ndarray, np.ndarray]:
        """Of each body's points to the other scan's surface, (N,) and (M,), in the first scan's unit."""
        if kind not in self._kept:
            one, other = (surface_points(part.scan) for part in (self.first, self.second))
            self._kept[kind] = (
                surface_distance(self.first.body(kind).points, self.comparison.to_first(other)),
                surface_distance(self.second_body(kind).points, one),
            )
        return self._kept[kind]


def pair_scene(pair: Pair, settings: Settings, shade: Shade = "distance") -> SceneSpec:
    """What to draw: the first scan left, the second right.

    Args:
        settings: the body, the landmark, the colours; pose and models are not asked.
        shade: colours by heat, by how much the heat differs, or by the distance to the other surface.
    """
    first, comparison = pair.first, pair.comparison
    bodies = (first.body(settings.body), pair.second_body(settings.body))
    scale = comparison.mm_per_unit or 1.0
    unit = "mm" if comparison.mm_per_unit else ""
    if shade == "distance":
        values = tuple(scale * distance for distance in pair.distances(settings.body))
        top = _round_up(
            float(
                np.quantile(
                    np.concatenate(
                        [
                            _seen(part, settings.body, value)
                            for part, value in zip((first, pair.second), values, strict=True)
                        ]
                    ),
                    0.99,
                )
            )
        )
        heat_label = f"Distance to the other scan{unit and ', ' + unit}"
        value_name, value_unit = "Distance", unit
    else:
        values = _heats(pair, settings, shade)
        label = "Heat" if shade == "heat" else "Heat, second \u2212 first, without sign"
        top, heat_label = 1.0, f"{label}: {where(settings.landmark)}"
        value_name, value_unit = "Heat", ""
    at = (first.unmoved.landmarks, comparison.to_first(pair.second.unmoved.landmarks))
    spreads = (spread_of(first.unmoved), spread_of(pair.second.unmoved))
    if spreads[1] is not None:
        turn = comparison.scale * comparison.transform.rotation
        spreads = (spreads[0], turn @ spreads[1])
    notes = ("first", _note(comparison, settings.landmark))
    sources = [PurePath(part.scan.source).name for part in (first, pair.second)]
    panes = tuple(
        Pane(source, note, heat.astype(np.float32), landmarks, spread=spread, body=body)
        for source, note, heat, landmarks, spread, body in zip(
            sources, notes, values, at, spreads, bodies, strict=True
        )
    )
    return SceneSpec(
        body=bodies[0],
        panes=panes,
        pose=RigidTransform.identity(),
        centre=first.scan.centroid,
        radius=first.scan.radius,
        front=first.front,
        unit=first.scan.unit,
        heat_range=(0.0, top),
        heat_label=heat_label,
        settings=settings,
        source=first.scan.source,
        key=f"{first.key}-{pair.second.key}",
        value_name=value_name,
        value_unit=value_unit,
    )


def _heats(pair: Pair, settings: Settings, shade: Shade) -> tuple[np.ndarray, np.ndarray]:
    first, second = pair.first, pair.second
    bodies = (first.body(settings.body), second.body(settings.body))
    if shade == "heat":
        maps = (first.unmoved.point_heatmaps, second.unmoved.point_heatmaps)
    else:
        back = compare_scans(second.unmoved, first.unmoved, align=pair.comparison.align)
        maps = (
            np.abs(heat_change(first.unmoved, second.unmoved, pair.comparison)),
            np.abs(heat_change(second.unmoved, first.unmoved, back)),
        )
    one, other = (
        body.spread(reduce_heat(values, settings.landmark)) for body, values in zip(bodies, maps, strict=True)
    )
    return one, other


def _seen(loaded: LoadedScan, kind: str, values: np.ndarray) -> np.ndarray:
    """The values in the face region, which sets the range of the colours: necks and cut edges do not."""
    prepared = loaded.unmoved.prepared
    inside = np.linalg.norm(loaded.body(kind).points - prepared.centre, axis=1) < 0.8 * prepared.radius
    return values[inside] if inside.any() else values


def _note(comparison: ScanComparison, landmark: int | None) -> str:
    scale, unit = comparison.mm_per_unit or 1.0, "mm" if comparison.mm_per_unit else "units"
    if landmark is not None:
        return f"{where(landmark)}: moved by {scale * comparison.distance[landmark]:.1f} {unit}"
    moved = "" if comparison.moved is None else f"; {int(comparison.moved.sum())} beyond uncertainty"
    return f"moved by {scale * comparison.distance.mean():.1f} {unit}{moved}"


def _round_up(value: float) -> float:
    """To two digits, so that the bar's ends can be read."""
    if value <= 0:
        return 1.0
    step = 10.0 ** (np.floor(np.log10(value)) - 1)
    return float(np.ceil(value / step) * step)
