"""From a face that grows image by image to a SceneSpec, the picture that the viewer of scans draws too."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

import numpy as np

from faceviz.display.body import Body, typical_spacing
from faceviz.display.front import CANONICAL
from faceviz.display.reconstruction import FaceProgress
from faceviz.display.scene import Pane, SceneSpec
from faceviz.display.settings import Settings
from faceviz.geometry import geometry_image
from faceviz.geometry.expression import Wearing
from faceviz.geometry.transforms import RigidTransform

_ROOM = 1.12  # about a face that fills its sphere from hairline to chin
_NAMES = {"height": "Height", "change": "Change", "error": "Error"}


def face_scene(
    progress: FaceProgress,
    *,
    by: str = "height",
    body: Literal["surface", "points"] = "surface",
    wearing: Wearing = "neutral",
    landmarks: bool = True,
    dark: bool = False,
) -> SceneSpec:
    """What to draw of the face so far. Centre and radius are those of the mean face, so that nothing jumps.

    Args:
        progress: the face.
        by: see ``FaceProgress.colours``.
        body: the surface, or its 16,384 points.
        wearing: no expression, or the last that was seen; the colours are those of the neutral face.
        landmarks: whether the 68 positions are drawn.
        dark: dark background.

    Raises:
        ConfigError: the face cannot be coloured so.
    """
    colours, points = progress.colours(by), progress.face(wearing)
    centre = progress.mean.mean(axis=0)
    pane = Pane("Face", _note(progress), colours.values, geometry_image.landmarks(points))
    return SceneSpec(
        body=_body(points, body == "surface"),
        panes=(pane,),
        pose=RigidTransform(np.eye(3), np.zeros(3)),
        centre=centre,
        radius=_ROOM * float(np.linalg.norm(progress.mean - centre, axis=1).max()),
        front=CANONICAL,
        unit="mm",
        heat_range=colours.limits,
        heat_label=colours.label[:1].upper() + colours.label[1:],
        settings=Settings(colormap=colours.colormap, body=body, show_landmarks=landmarks, dark=dark),
        source="face",
        key="face",
        value_name=_NAMES[by],
        value_unit=colours.unit,
    )


def _note(progress: FaceProgress) -> str:
    if not progress.used:
        return "the mean face; no image was used yet"
    return f"after {progress.used} image{'s' if progress.used > 1 else ''}, 16,384 points"


def _body(points: np.ndarray, surface: bool) -> Body:
    """Each point stands for itself: the values are those of the points."""
    every = np.arange(len(points))
    return Body(
        points=points,
        normals=_normals(points),
        triangles=geometry_image.triangles() if surface else None,
        ids=every,
        neighbours=every[:, None],
        weights=np.ones((len(points), 1)),
        spacing=_spacing(),
    )


def _normals(points: np.ndarray) -> np.ndarray:
    """Across rows and columns of the grid, (N, 3) outwards: twenty times as fast as by the triangles."""
    down, across = np.gradient(geometry_image.as_image(points), axis=(0, 1))
    normals = np.cross(down, across).reshape(-1, 3)
    return normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)


@lru_cache(maxsize=1)
def _spacing() -> float:
    return typical_spacing(geometry_image.mean_face().reshape(-1, 3))
