"""The 3D viewer in Jupyter: the module that also draws the web page, as an anywidget."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import traitlets

from faceviz.display.scene import SceneSpec, scene
from faceviz.display.settings import Settings
from faceviz.display.wire import VIEWER, wire_changes
from faceviz.errors import MissingDependencyError
from faceviz.geometry.transforms import RigidTransform

if TYPE_CHECKING:
    from IPython.display import Image
    from matplotlib.figure import Figure

    from faceviz.pipeline import LandmarkPrediction

try:
    import anywidget
    import ipywidgets
except ImportError as error:
    raise MissingDependencyError(
        'the viewer needs anywidget and ipywidgets; install it with: pip install "faceviz[notebook]"'
    ) from error


__all__ = ["SceneWidget", "figure_image", "ipywidgets", "view_prediction"]


class SceneWidget(anywidget.AnyWidget):
    """Shows a SceneSpec; drag turns it, hover reads a point, click chooses a landmark (``selected``)."""

    _esm = VIEWER

    points = traitlets.Bytes(b"").tag(sync=True)
    normals = traitlets.Bytes(b"").tag(sync=True)
    triangles = traitlets.Bytes(b"").tag(sync=True)
    heat = traitlets.Bytes(b"").tag(sync=True)
    landmarks = traitlets.Bytes(b"").tag(sync=True)
    pose = traitlets.Bytes(b"").tag(sync=True)
    lut = traitlets.Bytes(b"").tag(sync=True)
    look = traitlets.Dict({}).tag(sync=True)
    message = traitlets.Unicode("").tag(sync=True)
    picture = traitlets.Bytes(b"").tag(sync=True)
    tick = traitlets.Int(0).tag(sync=True)
    drawn = traitlets.Int(-1).tag(sync=True)
    shoot = traitlets.Int(0).tag(sync=True)
    selected = traitlets.Int(-1).tag(sync=True)
    clicks = traitlets.Int(0).tag(sync=True)
    webgl = traitlets.Unicode("").tag(sync=True)

    def __init__(self, spec: SceneSpec, *, height: int = 480, **traits: Any) -> None:
        super().__init__(**traits)
        self.height = height
        self.show(spec)

    def show(self, spec: SceneSpec) -> None:
        """Draws another scene under the same camera."""
        wire = wire_changes(getattr(self, "spec", None), spec)
        wire["look"]["height"] = self.height
        self.spec = spec
        with self.hold_sync():
            for name, value in wire.items():
                setattr(self, name, value)
            self.tick += 1

    def move(self, pose: RigidTransform) -> None:
        """Draws the same scene under another motion."""
        self.show(replace(self.spec, pose=pose))


def view_prediction(
    prediction: LandmarkPrediction, *, settings: Settings | None = None, height: int = 480
) -> SceneWidget:
    """A predicted scan with its heat and landmarks, the truth beside it where known. A click shows one landmark's heat.

    Args:
        prediction: of a scan in any pose.
        settings: what to show at first.
        height: in CSS pixels.
    """
    widget = SceneWidget(scene(prediction, settings or Settings()), height=height)

    def follow(_: Any) -> None:
        before = widget.spec
        chosen = before.settings.with_(landmark=None if widget.selected < 0 else widget.selected)
        widget.show(scene(prediction, chosen, body=before.body, front=before.front))

    widget.observe(follow, names="clicks")
    return widget


def figure_image(figure: Figure) -> Image:
    """A figure as the picture that a notebook shows, whatever its Matplotlib is set to."""
    from IPython.display import Image

    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=110)
    return Image(content.getvalue())
