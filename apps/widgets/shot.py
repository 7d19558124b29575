"""The picture that was looked at last, with the face that was found in it."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import panel as pn
import param

from faceviz.reconstruct import Reconstruction

_LARGEST = 480  # pixels of the longer side that are sent


class ShotView(pn.custom.JSComponent):
    """Draws ``jpeg`` and over it the ``marks`` that ``marks_of`` makes, without flicker."""

    jpeg = param.Bytes(default=b"")
    marks = param.Dict(default={})
    tick = param.Integer(default=0, doc="Counts the pictures.")
    hint = param.String(default="", doc="Shown where there is no picture.")

    _esm = Path(__file__).with_name("shot.js")

    def show(self, jpeg: bytes, marks: dict[str, Any]) -> None:
        self.param.update(jpeg=jpeg, marks=marks, tick=self.tick + 1)

    def clear(self) -> None:
        self.show(b"", {})


def jpeg_of(image: np.ndarray) -> bytes:
    """A picture (H, W, 3) uint8 as a small JPEG."""
    from PIL import Image

    picture = Image.fromarray(image)
    picture.thumbnail((_LARGEST, _LARGEST))
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=85)
    return stream.getvalue()


def marks_of(step: Reconstruction, image: np.ndarray) -> dict[str, Any]:
    """Where the face is, as shares of the picture's width and height, and what is said of it."""
    height, width = image.shape[:2]
    marks: dict[str, Any] = {"says": step.reason or step.note or "", "skipped": step.change is None}
    if step.box is not None:
        x, y = step.box.centre
        marks["box"] = [
            x / width,
            y / height,
            step.box.width / width,
            step.box.height / height,
            step.box.roll,
        ]
    if step.image_landmarks is not None:
        marks["points"] = np.round(step.image_landmarks / (width, height), 4).tolist()
    return marks
