"""From a prediction and settings to a SceneSpec: all that a viewer needs to draw, and nothing of how it draws."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from faceviz.display.body import Body, make_body
from faceviz.display.front import Front, front_of
from faceviz.display.settings import Settings
from faceviz.geometry.transforms import RigidTransform
from faceviz.heatmaps import landmarks_to_heatmaps
from faceviz.landmarks import NAMES

if TYPE_CHECKING:
    from faceviz.pipeline import LandmarkPrediction, PreparedScan


@dataclass(frozen=True, slots=True, eq=False)
class Pane:
    """One picture of the scene.

    Args:
        title, note: what it shows, in a few words.
        heat: (N,) float32 on the body's points, in [0, 1].
        landmarks: (68, 3) in the scan's own frame, or None.
        spread: (68, 3, 3) that map the unit sphere to where each landmark's truth lies at 95 %, or None.
        suspects: landmarks of a truth that is not to be believed.
        body: what carries the colours where it is another scan than the scene's, in the frame of the scene's.
        heatmaps: (n, 68) on the network's points, from which ``heat`` follows; for viewers that choose by themselves.
    """

    title: str
    note: str
    heat: np.ndarray
    landmarks: np.ndarray | None
    heatmaps: np.ndarray | None = None
    spread: np.ndarray | None = None
    suspects: tuple[int, ...] = ()
    body: Body | None = None


@dataclass(frozen=True, slots=True, eq=False)
class SceneSpec:
    """The same moved scan in one or two panes, under one camera and one colour range.

    Args:
        body: the points that carry the colours, in the scan's own frame.
        panes: the pictures, left to right.
        pose: the motion under which the scan is shown, in the scan's frame.
        centre: (3,) of the scan, about which viewers place their coordinates.
        radius: of the scan about its centre.
        front: the direction the face looks, and up.
        unit: of all lengths.
        heat_range: (low, high), shared by the panes.
        heat_label: what the colours mean.
        settings: as chosen.
        source: of the scan.
        key: another one tells a viewer to look anew from the front.
        mark: a value that is marked on the colour bar, such as the threshold.
        value_name, value_unit: what a point's value is called where it is read.
    """

    body: Body
    panes: tuple[Pane, ...]
    pose: RigidTransform
    centre: np.ndarray
    radius: float
    front: Front
    unit: str
    heat_range: tuple[float, float]
    heat_label: str
    settings: Settings = field(default_factory=Settings)
    source: str = "array"
    key: str = ""
    mark: float | None = None
    value_name: str = "Heat"
    value_unit: str = ""


def scene(
    prediction: LandmarkPrediction,
    settings: Settings,
    *,
    truth_heat: np.ndarray | None = None,
    body: Body | None = None,
    front: Front | None = None,
    key: str = "",
    second: LandmarkPrediction | None = None,
    suspects: tuple[int, ...] = (),
    titles: tuple[str, str] = ("Prediction", "Other model"),
    notes: tuple[str, str] = ("", ""),
) -> SceneSpec:
    """The scene of a predicted scan, in the pose that it was predicted in.

    Args:
        prediction: it knows its scan and its pose.
        settings: what to show; their own pose is not asked.
        truth_heat: (n, 68) on the network's points; by default from the scan's landmarks, if it has any.
        body: made before by ``make_body``; it depends neither on the pose nor on the heat.
        front: known before; else found from the landmarks.
        key: of the scan; its source by default.
        second: what another model sees in the same points, for ``settings.beside == "model"``.
        suspects: landmarks whose truth is not to be believed.
        titles, notes: of the two models, where both are shown.
    """
    prepared, scan = prediction.prepared, prediction.prepared.scan
    landmarks = prediction.pose.inverse().apply(prediction.landmarks)
    front = front or front_of(landmarks)
    body = body or make_body(prepared, settings.body, front=front.forward)
    truth_heat = true_heat(prepared) if truth_heat is None else truth_heat
    if settings.beside == "model" and second is not None:
        panes = tuple(
            _model_pane(part, title, note, body, settings)
            for part, title, note in zip((prediction, second), titles, notes, strict=True)
        )
    else:
        panes = _panes(prediction, landmarks, truth_heat, suspects, body, settings)
    return SceneSpec(
        body=body,
        panes=panes,
        pose=prediction.pose,
        centre=scan.centroid,
        radius=scan.radius,
        front=front,
        unit=scan.unit,
        heat_range=(0.0, 1.0),
        heat_label=heat_label(settings.landmark),
        settings=settings,
        source=scan.source,
        key=key or scan.source,
        mark=settings.threshold,
    )


def true_heat(prepared: PreparedScan) -> np.ndarray | None:
    """What a perfect network would give on the network's points, (n, 68); None where the truth is unknown."""
    if prepared.scan.landmarks is None:
        return None
    return landmarks_to_heatmaps(prepared.points, prepared.scan.landmarks, prepared.sigma)


def reduce_heat(heatmaps: np.ndarray, landmark: int | None) -> np.ndarray:
    """One value per point: of one landmark, or the highest over all. (n, 68) to (n,)."""
    return heatmaps.max(axis=1) if landmark is None else heatmaps[:, landmark]


def _panes(
    prediction: LandmarkPrediction,
    landmarks: np.ndarray,
    truth_heat: np.ndarray | None,
    suspects: tuple[int, ...],
    body: Body,
    settings: Settings,
) -> tuple[Pane, ...]:
    heatmaps, truth = prediction.point_heatmaps, prediction.prepared.scan.landmarks

    def pane(title: str, note: str, values: np.ndarray, at: np.ndarray | None, **more: Any) -> Pane:
        heat = body.spread(reduce_heat(values, settings.landmark))
        return Pane(title, note, heat, at, heatmaps=values, **more)

    note = where(settings.landmark)
    if truth_heat is None:
        note = f"{note}. This scan brings no true landmarks to compare with."
    first = pane("Prediction", note, heatmaps, landmarks, spread=spread_of(prediction))
    if truth_heat is None or settings.beside in ("nothing", "model"):
        return (first,)
    if settings.beside == "truth":
        told = "from the scan's true landmarks"
        if suspects:
            told = f"{told}; {len(suspects)} suspect, drawn red"
        return first, pane("Truth", told, truth_heat, truth, suspects=suspects)
    change = np.abs(heatmaps - truth_heat)
    return first, pane("Difference", "prediction \u2212 truth, without sign; true landmarks", change, truth)


def _model_pane(
    prediction: LandmarkPrediction, title: str, note: str, body: Body, settings: Settings
) -> Pane:
    heat = body.spread(reduce_heat(prediction.point_heatmaps, settings.landmark))
    landmarks = prediction.pose.inverse().apply(prediction.landmarks)
    note, maps = note or where(settings.landmark), prediction.point_heatmaps
    return Pane(title, note, heat, landmarks, heatmaps=maps, spread=spread_of(prediction))


def spread_of(prediction: LandmarkPrediction) -> np.ndarray | None:
    """(68, 3, 3) in the scan's own frame that map the unit sphere to where each truth lies in 95 of 100 scans.

    The errors are taken as Gaussian in a plane, the surface. None without calibration.
    """
    covariance, calibration = prediction.covariance, prediction.calibration
    if covariance is None or calibration is None:
        return None
    back = prediction.pose.rotation.T
    sizes, axes = np.linalg.eigh(back @ covariance @ back.T)
    reach = np.sqrt(2.0) * calibration.reach(0.95)
    return axes * (reach * np.sqrt(np.maximum(sizes, 0.0)))[:, None, :]


def where(landmark: int | None) -> str:
    """What the heat of a pane belongs to, in a few words."""
    return "all 68 landmarks" if landmark is None else f"landmark {landmark}, {NAMES[landmark]}"


def heat_label(landmark: int | None) -> str:
    """What the colours mean."""
    return "Heat, highest of the 68 landmarks" if landmark is None else f"Heat of {NAMES[landmark]}"
