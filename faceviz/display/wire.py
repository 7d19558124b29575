"""A SceneSpec as the values that the browser's viewer reads (js/src/data.js): binary, split by how often they change.

Coordinates are centred on the scan, so that float32 holds them whatever the scan's offset. A turn of the scan changes
``pose`` (64 bytes) and, once inferred, ``heat``; a new scan changes all.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import Any

import numpy as np

from faceviz.display.body import Body
from faceviz.display.colormaps import lookup_table
from faceviz.display.scene import Pane, SceneSpec
from faceviz.landmarks import LANDMARK_COUNT, NAMES, POLYLINES

#: The viewer: an ES module in the form that anywidget defines.
VIEWER = Path(__file__).parent / "static" / "viewer.js"

#: Names of the values that go to the viewer as bytes.
BINARY = ("points", "normals", "triangles", "heat", "landmarks", "pose", "lut")


def scene_to_wire(spec: SceneSpec) -> dict[str, Any]:
    """Everything: ``BINARY`` as bytes, and ``look`` as a JSON-ready dict."""
    return wire_changes(None, spec)


def wire_changes(before: SceneSpec | None, spec: SceneSpec) -> dict[str, Any]:
    """What a viewer that shows ``before`` must be told to show ``spec``."""
    changes: dict[str, Any] = {
        "heat": _float32(np.concatenate([pane.heat for pane in spec.panes])),
        "landmarks": _float32(
            np.concatenate([_landmarks(pane.landmarks, spec.centre) for pane in spec.panes])
        ),
        "pose": pose_to_wire(spec),
        "look": look(spec),
    }
    if before is None or before.settings.colormap != spec.settings.colormap:
        changes["lut"] = lookup_table(spec.settings.colormap).tobytes()
    if before is None or before.key != spec.key or not _same(bodies_of(before), bodies_of(spec)):
        changes |= body_to_wire(spec)
        if before is not None and _same(_triangles_of(before), _triangles_of(spec)):
            del changes["triangles"]
    return changes


def _same(some: Sequence[object], others: Sequence[object]) -> bool:
    return len(some) == len(others) and all(a is b for a, b in zip(some, others, strict=True))


def _triangles_of(spec: SceneSpec) -> list[np.ndarray | None]:
    return [body.triangles for body in bodies_of(spec)]


def bodies_of(spec: SceneSpec) -> tuple[Body, ...]:
    """The scene's body, then those that panes have of their own."""
    own = [pane.body for pane in spec.panes if pane.body is not None and pane.body is not spec.body]
    return (spec.body, *own)


def body_to_wire(spec: SceneSpec) -> dict[str, bytes]:
    """Points and normals (N, 3) float32, triangles (M, 3) uint32 or none; of several bodies, one after the other."""
    bodies = bodies_of(spec)
    return {
        "points": _float32(np.concatenate([body.points for body in bodies]) - spec.centre),
        "normals": _float32(np.concatenate([body.normals for body in bodies])),
        "triangles": np.concatenate([_triangles(body) for body in bodies]).astype("<u4").tobytes(),
    }


def _triangles(body: Body) -> np.ndarray:
    return np.zeros((0, 3), dtype=np.int64) if body.triangles is None else body.triangles


def pose_to_wire(spec: SceneSpec) -> bytes:
    """The motion about the scan's centre, (4, 4) float32, row by row."""
    matrix = spec.pose.matrix
    matrix[:3, 3] = spec.pose.apply(spec.centre) - spec.centre
    return _float32(matrix)


def look(spec: SceneSpec) -> dict[str, Any]:
    """The small values: titles, colour range, camera's first place, what is chosen."""
    settings, bodies = spec.settings, bodies_of(spec)
    return {
        "scan": spec.key,
        "panes": [_pane(pane, bodies) for pane in spec.panes],
        "bodies": [{"points": len(body.points), "triangles": len(_triangles(body))} for body in bodies],
        "mode": "points" if any(body.triangles is None for body in bodies) else "surface",
        "range": list(spec.heat_range),
        "bar": {"label": spec.heat_label, "mark": spec.mark},
        "value": {
            "name": spec.value_name,
            "unit": spec.value_unit,
            "digits": coordinate_digits(max(map(abs, spec.heat_range))),
        },
        "selected": -1 if settings.landmark is None else settings.landmark,
        "show_landmarks": settings.show_landmarks,
        "show_uncertainty": settings.show_uncertainty,
        "dark": settings.dark,
        "radius": spec.radius,
        "point_radius": 0.55 * spec.body.spacing or 0.01 * spec.radius,
        "forward": spec.front.forward.tolist(),
        "up": spec.front.up.tolist(),
        "centre": spec.centre.tolist(),
        "unit": "" if spec.unit == "unknown" else spec.unit,
        "digits": coordinate_digits(spec.radius),
        "names": list(NAMES),
        "polylines": [list(line) for line in POLYLINES],
        "file": f"{PurePath(spec.source).stem or 'scan'}-landmarks.png",
    }


def coordinate_digits(radius: float) -> int:
    """Decimals that show a thousandth of the radius."""
    return int(np.clip(np.ceil(-np.log10(max(radius, 1e-9) * 1e-3)), 0, 9))


def _pane(pane: Pane, bodies: tuple[Body, ...]) -> dict[str, Any]:
    """What is written over a pane, and what is said of its landmarks: few numbers, as text."""
    spread = None if pane.spread is None else [float(f"{x:.4g}") for x in pane.spread.ravel()]
    return {
        "title": pane.title,
        "note": pane.note,
        "spread": spread,
        "suspects": list(pane.suspects),
        "body": next((i for i, body in enumerate(bodies) if body is pane.body), 0),
    }


def _landmarks(positions: np.ndarray | None, centre: np.ndarray) -> np.ndarray:
    return np.full((LANDMARK_COUNT, 3), np.nan) if positions is None else positions - centre


def _float32(values: np.ndarray) -> bytes:
    return np.ascontiguousarray(values, dtype="<f4").tobytes()
