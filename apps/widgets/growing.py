"""One person's face as it grows, and the step in the worker that makes it grow."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from faceviz.display.reconstruction import FaceProgress
from faceviz.reconstruct import ReconstructorState
from widgets import shot
from widgets.engine import reconstructor
from widgets.sources import Source


@dataclass(frozen=True, slots=True, eq=False)
class Growing:
    """Never changed, only replaced; the network is shared, this is not.

    Args:
        state: what the network remembers of the person.
        progress: what is shown.
    """

    state: ReconstructorState
    progress: FaceProgress


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """The next picture of a source, for a face.

    Args:
        content: of the picture, where the source does not have it itself.
        dropped: pictures so far that nobody had time for.
    """

    source: Source
    face: Growing
    content: bytes = b""
    dropped: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Grown:
    """The answer to a job.

    Args:
        face: None after the last picture.
        unread: of each picture so far that could not be read, why.
        answered: pictures so far, those that could not be read too.
        jpeg, marks: of the picture, see ``shot``.
    """

    face: Growing | None
    unread: tuple[str, ...]
    answered: int = 0
    jpeg: bytes = b""
    marks: dict[str, Any] = field(default_factory=dict)


def begin(_: None) -> Growing:
    """Before any picture.

    Raises:
        CheckpointError: the weights are missing or damaged.
    """
    return Growing(ReconstructorState(), FaceProgress.begin(reconstructor(False).mean_points))


def grow(job: Job) -> Grown:
    """Takes one picture.

    Raises:
        FacevizError: the source cannot be read, or the weights are missing.
    """
    frame = job.source.next(job.content)
    if frame is None:
        return Grown(None, job.source.unread)
    engine = reconstructor(job.source.live)
    engine.state = job.face.state
    step = engine.update(frame)
    face = Growing(engine.state, job.face.progress.after(step, dropped=job.dropped))
    jpeg, marks = shot.jpeg_of(frame.image), shot.marks_of(step, frame.image)
    return Grown(face, job.source.unread, frame.index + 1, jpeg, marks)
