"""A scene as one HTML file that turns in any browser: the viewer and the data are inside, nothing is loaded."""

from __future__ import annotations

import base64
import html
import json
import re
from pathlib import Path
from string import Template
from typing import Any

import numpy as np

from faceviz import __version__
from faceviz.display.scene import SceneSpec, heat_label, where
from faceviz.display.wire import VIEWER, scene_to_wire
from faceviz.errors import MissingDependencyError
from faceviz.landmarks import LANDMARK_COUNT, NAMES

#: The script that feeds the viewer in a page without a server.
HOST = Path(__file__).with_name("scene.js")

_TEMPLATE = Path(__file__).with_name("scene.html")
_EXPORT = re.compile(r"export\s*\{\s*(\w+) as default\s*\};?\s*$")


def scene_html(spec: SceneSpec, *, note: str = "", picture: bytes = b"") -> str:
    """The page: drag turns, hover reads a point, a click chooses a landmark and shows its heat.

    Args:
        spec: the scene, with its pose.
        note: a few words beside the scan's name.
        picture: a PNG, shown where a browser has no WebGL.
    """
    return Template(_TEMPLATE.read_text(encoding="utf-8")).substitute(
        title=html.escape(f"{spec.source} \u2013 faceviz"),
        heading=html.escape(spec.source),
        note=html.escape(note or f"68 landmark heatmaps, faceviz {__version__}"),
        data=json_in_html(scene_data(spec, picture)),
        viewer=viewer_script(),
        host=HOST.read_text(encoding="utf-8"),
    )


def scene_data(spec: SceneSpec, picture: bytes = b"") -> dict[str, Any]:
    """What the page's script reads: the viewer's values, and how heat is carried to the drawn points."""
    wire = scene_to_wire(spec) | {"picture": picture}
    body = spec.body
    return {
        "wire": {name: value if name == "look" else _text(value) for name, value in wire.items()},
        "spread": {
            "k": body.neighbours.shape[1],
            "neighbours": _text(np.ascontiguousarray(body.neighbours, "<u4").tobytes()),
            "weights": _text(np.ascontiguousarray(body.weights, "<f4").tobytes()),
            "heatmaps": [
                _text(np.ascontiguousarray(pane.heatmaps, "<f4").tobytes())
                for pane in spec.panes
                if pane.heatmaps is not None
            ],
        },
        "captions": [_caption(spec, landmark) for landmark in (None, *range(LANDMARK_COUNT))],
        "names": list(NAMES),
    }


def viewer_script() -> str:
    """The viewer's module as a script to be put into a page: its default export becomes ``VIEWER``.

    Raises:
        MissingDependencyError: the module was not built.
    """
    source = VIEWER.read_text(encoding="utf-8")
    script, found = _EXPORT.subn(r"const VIEWER = \1;", source)
    if not found:
        raise MissingDependencyError(f"{VIEWER.name} has no default export; build it with: make viewer")
    return script.replace("</script", "<\\/script")


def json_in_html(data: Any) -> str:
    """JSON that may stand in a script element."""
    return json.dumps(data, allow_nan=False).replace("<", "\\u003c")


def _caption(spec: SceneSpec, landmark: int | None) -> dict[str, Any]:
    """The colour bar's label and the panes' notes, where another landmark is chosen."""
    before, now = where(spec.settings.landmark), where(landmark)
    return {"label": heat_label(landmark), "notes": [pane.note.replace(before, now) for pane in spec.panes]}


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")
