"""The page's help: first steps, mouse and keys; opened by its button or by ``?``."""

from __future__ import annotations

from pathlib import Path

import panel as pn
import param

STEPS = [
    "Choose a sample or drop a scan on the left: any pose, any unit. It stays on this machine.",
    "Turn and shift it with the sliders, or press Random pose. The heat stays where it is; the meter proves it.",
    "Click a landmark in the picture, the table or the chart: it is chosen everywhere.",
    "Look first at what the table marks: landmarks that are uncertain, and truths that are suspect.",
    "Compare two scans, or two expressions, in the tab Compare.",
]
KEYS = [
    ("?", "this help"),
    ("Ctrl+Z", "undo"),
    ("Ctrl+Shift+Z", "redo"),
    ("Tab", "from control to control, and into the picture"),
    ("\u2190 \u2191 \u2192 \u2193", "in the picture: turn the view; drag does the same"),
    ("+ \u2212", "zoom; the wheel does the same. Shift-drag shifts"),
    ("F", "look from the front"),
    ("[ ]", "choose the landmark before, after"),
    ("Esc", "choose all landmarks; so does a click beside the face"),
    ("L", "show or hide the landmarks"),
    ("U", "show or hide where the truths lie at 95 %"),
    ("S", "save the picture as PNG"),
]


class Help(pn.custom.JSComponent):
    """``undo`` and ``redo`` count how often their keys were pressed."""

    steps = param.List(default=STEPS)
    keys = param.List(default=KEYS)
    undo = param.Integer(default=0)
    redo = param.Integer(default=0)

    _esm = Path(__file__).with_name("help.js")
