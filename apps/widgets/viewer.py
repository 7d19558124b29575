"""The 3D viewer as a Panel component; the same module draws in Jupyter (faceviz.view.notebook)."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from typing import Any

import panel as pn
import param
from bokeh.embed.bundle import extension_dirs

from faceviz.display.latest import LatestOnly
from faceviz.display.scene import SceneSpec
from faceviz.display.wire import VIEWER, wire_changes
from faceviz.geometry.transforms import RigidTransform
from widgets.engine import PAINTER, later

extension_dirs["faceviz"] = VIEWER.parent  # so that the server hands out the module, and browsers keep it


class SceneView(pn.custom.JSComponent):
    """Shows a SceneSpec. ``selected`` and ``clicks`` come from the mouse, ``webgl`` and ``drawn`` from the browser."""

    points = param.Bytes(default=b"")
    normals = param.Bytes(default=b"")
    triangles = param.Bytes(default=b"")
    heat = param.Bytes(default=b"")
    landmarks = param.Bytes(default=b"")
    pose = param.Bytes(default=b"")
    lut = param.Bytes(default=b"")
    look = param.String(
        default="{}", doc="JSON; of a dict, Bokeh would look at each of 1,500 numbers at every move."
    )
    message = param.String(default="", doc="Shown in place of the picture, where not empty.")
    picture = param.Bytes(default=b"", doc="A PNG for browsers without WebGL.")
    tick = param.Integer(default=0, doc="Counts the updates, since equal bytes fire no event.")
    drawn = param.Integer(default=-1, doc="The last tick that reached the screen.")
    shoot = param.Integer(default=0, doc="One more asks for a PNG download.")
    selected = param.Integer(default=-1)
    clicks = param.Integer(default=0)
    webgl = param.String(default="", doc="'ok' or 'none', once known.")

    _bundle = VIEWER
    _priority_changes = ["drawn"]  # Panel would wait 50 ms for more

    def __init__(self, **params: Any) -> None:
        super().__init__(**params)
        self.spec: SceneSpec | None = None
        self._pictures = LatestOnly(PAINTER, _picture, later(self._on_picture), later(_on_no_picture))
        self.param.watch(lambda _: self._paint(), "webgl")

    def show(self, spec: SceneSpec) -> None:
        """Draws a scene; only what differs from the one before is sent."""
        changes = wire_changes(self.spec, spec)
        changes["look"] = json.dumps(changes["look"], allow_nan=False)
        self.spec = spec
        self.param.update(**changes, tick=self.tick + 1)
        self._paint()

    def move(self, pose: RigidTransform) -> None:
        """Draws the same scene under another motion: 64 bytes."""
        if self.spec is not None:
            self.show(replace(self.spec, pose=pose))

    @property
    def behind(self) -> bool:
        """Is there something that a browser will draw, but has not drawn yet?"""
        return self.webgl == "ok" and self.drawn != self.tick

    def _paint(self) -> None:
        """For browsers without WebGL."""
        if self.webgl == "none" and self.spec is not None:
            self._pictures.submit(self.spec)

    def _on_picture(self, _: SceneSpec, png: bytes) -> None:
        self.picture = png


def _picture(spec: SceneSpec) -> bytes:
    from faceviz.view.render import scene_png

    return scene_png(spec)


def _on_no_picture(_: SceneSpec, error: Exception) -> None:
    logging.getLogger("faceviz.app").error("the picture could not be drawn", exc_info=error)
