"""Figures of a scan with heatmaps: rows of pictures under one camera, as in Ferraretto (2024), Fig. 2 to 4."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np

from faceviz.display.body import Body, make_body
from faceviz.display.front import front_of
from faceviz.display.scene import Pane, SceneSpec, reduce_heat
from faceviz.display.settings import Settings
from faceviz.evaluation.protocols import PROTOCOLS, NormalisedScan, apply_protocol, normalise
from faceviz.geometry.neighbours import project_to_surface
from faceviz.geometry.transforms import RigidTransform
from faceviz.heatmaps import SIGMA, heatmaps_to_landmarks, landmarks_to_heatmaps
from faceviz.landmarks import NAMES
from faceviz.metrics import IOU_THRESHOLD, heatmap_iou
from faceviz.pipeline import PreparedScan
from faceviz.scan import FaceScan
from faceviz.view.render import scene_image

SHOWN_LANDMARKS = (30, 36, 54, 8)
SHOWN_PROTOCOLS = ("none", "icp_rt", "st_r", "st_t", "st_rt")
_PANE = (330, 400)  # pixels
_BAR_SHARE = 0.11  # of a picture's height, see ``faceviz.view.render``


class Heats(Protocol):
    """A model, as far as figures ask."""

    name: str

    def heatmaps(self, points: np.ndarray) -> np.ndarray:
        """(N, 3) to (N, 68)."""


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """A scan with the cloud that the protocols show to a network, and what carries the colours."""

    scan: FaceScan
    cloud: NormalisedScan
    body: Body

    @property
    def truth(self) -> np.ndarray:
        """(N, 68)."""
        return landmarks_to_heatmaps(self.cloud.points, self.cloud.landmarks, SIGMA)


def subject(scan: FaceScan) -> Subject:
    """A scan with true landmarks, made ready for figures.

    Raises:
        ConfigError: it has no true landmarks.
    """
    cloud = normalise(scan)
    moved = _to_unit(scan, cloud)
    prepared = PreparedScan(moved, cloud.points, cloud.points, np.zeros(3), 1.0, raw=True)
    return Subject(moved, cloud, make_body(prepared, "surface", front=front_of(cloud.landmarks).forward))


def landmark_heat_figure(one: Subject, model: Heats, *, dark: bool = False) -> np.ndarray:
    """Truth above, prediction below: all 68 landmarks, then some alone (compare Fig. 2 and 3)."""
    predicted, truth = model.heatmaps(one.cloud.points), one.truth
    iou = heatmap_iou(predicted, truth, IOU_THRESHOLD)
    shown: list[int | None] = [None, *SHOWN_LANDMARKS]
    above = [_pane(one, truth, _name(i), "truth", i, one.cloud.landmarks) for i in shown]
    found = _positions(predicted, one)
    below = [
        _pane(one, predicted, _name(i), f"{model.name}, IoU {_iou(iou, i):.2f}", i, found) for i in shown
    ]
    return stack_rows([_row(one, above, dark), _row(one, below, dark)])


def protocol_figure(
    one: Subject, models: Sequence[Heats], *, seed: int = 0, dark: bool = False
) -> np.ndarray:
    """A row for each model, a picture for each protocol: the heat on the scan as it lies (compare Fig. 4).

    Every picture shows the scan from the front, whatever pose the network was given: heat that stays in place is
    invariant.
    """
    rows = []
    for model in models:
        heats = {name: protocol_heat(one.cloud, model, name, seed) for name in SHOWN_PROTOCOLS}
        panes = [_pane(one, one.truth, "Truth", "all 68 landmarks", None, None)]
        for name, heat in heats.items():
            iou = float(np.nanmean(heatmap_iou(heat, one.truth, IOU_THRESHOLD)))
            panes.append(_pane(one, heat, f"{model.name}, {name}", f"IoU {iou:.2f}", None, None))
        rows.append(_row(one, panes, dark))
    return stack_rows(rows)


def protocol_heat(cloud: NormalisedScan, model: Heats, protocol: str, seed: int) -> np.ndarray:
    """Heat (N, 68) that a model gives when the cloud is moved by a protocol; ICP aligns to the cloud itself."""
    return model.heatmaps(apply_protocol(PROTOCOLS[protocol], cloud, cloud, seed, 0).points)


def stack_rows(rows: Sequence[np.ndarray]) -> np.ndarray:
    """Pictures of one width below each other; only the last keeps its colour bar."""
    cut = [row[: row.shape[0] - round(_BAR_SHARE * row.shape[0])] for row in rows[:-1]]
    return np.concatenate([*cut, rows[-1]], axis=0)


def write_picture(image: np.ndarray, path: Path) -> Path:
    """(H, W, 3) uint8 as PNG, appearing at once or not at all."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, format="png", optimize=True)
    partial = path.with_name(path.name + ".partial")
    partial.write_bytes(buffer.getvalue())
    partial.replace(path)
    return path


def _row(one: Subject, panes: Sequence[Pane], dark: bool) -> np.ndarray:
    spec = SceneSpec(
        body=one.body,
        panes=tuple(panes),
        pose=RigidTransform.identity(),
        centre=one.scan.centroid,
        radius=one.scan.radius,
        front=front_of(one.cloud.landmarks),
        unit="unknown",
        heat_range=(0.0, 1.0),
        heat_label="Heat",
        settings=Settings.of(dark=dark),
    )
    width, height = _PANE
    return scene_image(spec, (width * len(panes), round(height / (1 - _BAR_SHARE))))


def _pane(
    one: Subject, heat: np.ndarray, title: str, note: str, landmark: int | None, at: np.ndarray | None
) -> Pane:
    return Pane(title, note, one.body.spread(reduce_heat(heat, landmark)), at)


def _positions(heat: np.ndarray, one: Subject) -> np.ndarray:
    """(68, 3) where the heat peaks, put on the scan."""
    found, _ = heatmaps_to_landmarks(heat, one.cloud.points)
    return project_to_surface(found, one.scan.points, reach=0.5 * SIGMA)


def _name(landmark: int | None) -> str:
    return "All 68" if landmark is None else NAMES[landmark].capitalize()


def _iou(iou: np.ndarray, landmark: int | None) -> float:
    return float(np.nanmean(iou) if landmark is None else iou[landmark])


def _to_unit(scan: FaceScan, cloud: NormalisedScan) -> FaceScan:
    """The whole scan in the frame of its normalised cloud."""
    assert scan.landmarks is not None  # normalise() has refused such scans
    shift = scan.landmarks[0] - cloud.landmarks[0] * cloud.radius
    points = (scan.points - shift) / cloud.radius
    return replace(scan, points=points, landmarks=cloud.landmarks, unit="unknown")
