"""What the program is started with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from faceviz.io.frames import FrameSource, open_frames

if TYPE_CHECKING:
    from faceviz.display.face_truth import FaceTruth
    from faceviz.reconstruct import FaceReconstructor


@dataclass(frozen=True, slots=True)
class Setup:
    """What the window needs.

    Attributes:
        source: what shows the face.
        load: makes the reconstructor; told whether pictures come quickly, one like the other.
        load_truth: reads the true face, if there is one.
        open: opens sources.
    """

    source: str
    load: Callable[[bool], FaceReconstructor]
    load_truth: Callable[[], FaceTruth] | None = None
    open: Callable[[str], FrameSource] = open_frames
