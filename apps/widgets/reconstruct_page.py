"""The reconstruction tab: its widgets and where they stand. What they do is wired in reconstructing.py."""

from __future__ import annotations

from collections.abc import Callable

import panel as pn
import panel_material_ui as pmui

from faceviz.io.uploads import MAX_IMAGES
from widgets import face_readouts, readouts
from widgets.camera import Camera
from widgets.dropper import place_for_files
from widgets.frame import MAIN_HEIGHT
from widgets.look import BUSY, FIELD, SMALL, WIDE, claim, readout
from widgets.serving import MAX_UPLOAD_MB
from widgets.shot import ShotView
from widgets.viewer import SceneView

EXPORTS = ("ply", "obj", "npz")
BODIES = {"Surface": "surface", "Points": "points"}
COLOURINGS = {"Height": "height", "Change by the last picture": "change"}
EXPRESSIONS = {"Neutral": "neutral", "As last seen": "seen"}

_BUTTON = {"size": "small", "variant": "outlined", "margin": (4, 0, 4, 8), "sx": {"padding": "4px 9px"}}
_HINT = (
    f"Images of one person (at most {MAX_IMAGES:,}), a zip of them, or a video; up to {MAX_UPLOAD_MB} MB each. "
    "They stay on this machine."
)
_EMPTY = "Start the camera, drop images or a video, or look at the sample sequence."


class ReconstructPage:
    """All widgets of the tab, by name."""

    def __init__(self) -> None:
        self.camera = Camera(width=2, height=2, margin=0)
        self.shot = ShotView(hint=_EMPTY, sizing_mode="stretch_width", height=272, margin=(10, 8, 4, 8))
        self.view = SceneView(
            sizing_mode="stretch_both", min_height=240, margin=(0, 8), message="Loading the network\u2026"
        )
        self.film = pmui.Button(label="Start camera", icon="videocam", **_BUTTON | {"variant": "contained"})
        self.sample = pmui.Button(label="Sample", icon="collections", **_BUTTON)
        self.drop = pmui.Column(margin=(6, 8, 4, 8), **WIDE)
        self.fate = pn.pane.HTML("", stylesheets=[face_readouts.STYLE], margin=(0, 10), **WIDE)
        self.pause = pmui.Button(label="Pause", icon="pause", **_BUTTON)
        self.cancel = pmui.Button(label="Cancel", icon="close", **_BUTTON)
        self.reset = pmui.Button(label="New face", icon="restart_alt", **_BUTTON)
        self.body = pmui.Select(label="Draw", options=BODIES, **FIELD)
        self.colouring = pmui.Select(label="Colour by", options=COLOURINGS, **FIELD)
        self.wearing = pmui.Select(label="Expression", options=EXPRESSIONS, **FIELD)
        self.exports = {
            kind: pmui.FileDownload(
                label=kind.upper(),
                icon="download",
                filename=f"face.{kind}",
                description=f"Save the face as {kind.upper()}",
                **_BUTTON,
            )
            for kind in EXPORTS
        }
        self.send = pmui.Button(
            label="Landmarks on this face", icon="blur_on", **_BUTTON | {"variant": "contained"}
        )
        self.counts, self.change, self.speed, self.missing = (readout(share) for share in (1, 1, 1, 1.5))
        self.chart = pn.pane.HTML("", stylesheets=[face_readouts.STYLE], margin=(6, 8, 2, 8), **WIDE)
        self.log = pn.pane.HTML("", stylesheets=[face_readouts.STYLE], margin=(0, 8), **WIDE)
        self.busy = pn.pane.HTML("", stylesheets=[BUSY], width=90, align="center")

    def new_drop(self, dropped: Callable) -> None:
        """An empty place to drop files; what the one before held is forgotten."""
        self.drop[:] = [place_for_files(MAX_IMAGES, dropped)]

    def header(self) -> pn.viewable.Viewable:
        what = claim("A face in 3D from pictures of it, better with each one")
        return pmui.Row(what, self.busy, margin=0, **WIDE)

    def sidebar(self) -> pn.viewable.Viewable:
        hint = pn.pane.HTML(_HINT, stylesheets=[SMALL], margin=(0, 10, 4, 10), **WIDE)
        return pmui.Column(
            self.camera,
            pmui.Row(self.film, self.sample, **WIDE),
            self.drop,
            hint,
            self.fate,
            pmui.Row(self.pause, self.cancel, self.reset, **WIDE),
            pmui.Divider(margin=(8, 8)),
            pmui.Row(*self.exports.values(), **WIDE),
            self.send,
            margin=0,
            **WIDE,
        )

    def main(self) -> pn.viewable.Viewable:
        for chooser in (self.wearing, self.body, self.colouring):
            chooser.styles = {"flex": "1 1 128px", "min-width": "128px"}
        tools = pmui.Row(self.wearing, self.body, self.colouring, sx={"flexWrap": "wrap"}, **WIDE)
        tiles = pmui.Row(self.counts, self.change, self.speed, self.missing, margin=(0, 8, 0, 0), **WIDE)
        face = pmui.Column(tools, self.view, tiles, sizing_mode="stretch_both")
        log = pmui.Column(self.log, sizing_mode="stretch_both", scroll="y-auto", margin=0)
        seen = pmui.Column(self.shot, self.chart, log, sizing_mode="stretch_height", width=356)
        return pmui.Row(face, seen, sizing_mode="stretch_both", sx={"height": MAIN_HEIGHT})

    def show_busy(self, working: bool) -> None:
        self.busy.object = readouts.busy(working)

    def enable(
        self, *, ready: bool, source: bool, filming: bool, paused: bool, face: bool, begun: bool
    ) -> None:
        """Which buttons do something.

        Args:
            ready: the network is there.
            source: pictures are coming; ``filming`` from the camera, ``paused`` they are held up.
            face: at least one picture was used; ``begun`` at least one was looked at.
        """
        self.film.param.update(
            disabled=not ready,
            label="Stop camera" if filming else "Start camera",
            icon="videocam_off" if filming else "videocam",
        )
        self.sample.disabled = not ready
        self.pause.param.update(
            disabled=not source,
            label="Resume" if paused else "Pause",
            icon="play_arrow" if paused else "pause",
        )
        self.cancel.disabled = not source or filming
        self.reset.disabled = not begun
        for button in (*self.exports.values(), self.send):
            button.disabled = not face
