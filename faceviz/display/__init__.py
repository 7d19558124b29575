"""What is to be seen, as data: settings, scenes, readings. No GUI toolkit and no renderer."""

from __future__ import annotations

from faceviz.display.body import Body, make_body
from faceviz.display.colormaps import lookup_table
from faceviz.display.scene import Pane, SceneSpec, scene
from faceviz.display.settings import Settings
from faceviz.display.wire import VIEWER, scene_to_wire

__all__ = [
    "VIEWER",
    "Body",
    "Pane",
    "SceneSpec",
    "Settings",
    "lookup_table",
    "make_body",
    "scene",
    "scene_to_wire",
]
