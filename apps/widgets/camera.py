"""The browser's camera: one picture at a time, when it is asked for, so that none ever waits in a line.

Panel's VideoStream sends pictures whether or not there is time for them, keeps the camera on after it is removed, and
says nothing where there is no camera; hence one of our own.
"""

from __future__ import annotations

from pathlib import Path

import panel as pn
import param

_PROBLEMS = {
    "NotAllowedError": "the browser may not use the camera; allow it beside the page's address",
    "NotFoundError": "there is no camera; plug one in",
    "NotReadableError": "the camera is in use; close the other program that uses it",
    "InsecureError": "browsers lend a camera only to a page of this machine or one over https; open it so",
    "ended": "the camera was lost; plug it in again, it is picked up by itself",
    "frozen": "the camera sends no new picture; unplug it and plug it in again",
}


class Camera(pn.custom.JSComponent):
    """Invisible. Pictures come as JPEG in ``frame``; watch ``number``."""

    running = param.Boolean(default=False, doc="Whether the camera is on.")
    paused = param.Boolean(default=False, doc="Whether pictures count as dropped no more.")
    wanted = param.Integer(default=0, doc="One more asks for the next picture.")
    frame = param.Bytes(default=b"")
    number = param.Integer(default=0, doc="Of the picture, from 1.")
    dropped = param.Integer(
        default=0, doc="Pictures of the camera that nobody asked for, since it was started."
    )
    problem = param.String(
        default="", doc="What is wrong, in a word of the browser's; empty while all is well."
    )

    _esm = Path(__file__).with_name("camera.js")
    _priority_changes = ["number"]  # Panel would wait 50 ms for more

    @property
    def complaint(self) -> str:
        """The problem, for people."""
        return _PROBLEMS.get(self.problem, f"the camera cannot be used ({self.problem}); try another browser")
