"""The network in a thread of its own: the latest picture goes in, the face so far comes out."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from faceviz.display.latest import LatestOnly
from faceviz.display.reconstruction import FaceProgress
from faceviz.errors import FacevizError

if TYPE_CHECKING:
    from faceviz.display.face_truth import FaceTruth
    from faceviz.io.frames import Frame
    from faceviz.reconstruct import FaceReconstructor


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """The face so far, and the picture that it was last made from."""

    progress: FaceProgress
    image: np.ndarray | None = None


class Reconstructing:
    """One network for one person. Pictures that come while it works are dropped, all but the latest.

    Args:
        load: makes the reconstructor; called in the thread.
        load_truth: likewise the truth, if there is one.
    """

    def __init__(
        self, load: Callable[[], FaceReconstructor], load_truth: Callable[[], FaceTruth] | None = None
    ) -> None:
        self.seen: Seen | None = None  # None until the network is loaded
        self.error: str | None = None  # why there is no face, or none any more
        self.truth_error: str | None = None
        self._load, self._load_truth = load, load_truth
        self._reconstructor: FaceReconstructor | None = None
        self._truth: FaceTruth | None = None
        self._lock = threading.Lock()
        self._submitted, self._taken, self._dropped = 0, 0, 0
        self._person = self._met = 0
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="faceviz-network")
        self._frames = LatestOnly(self._executor, self._update, lambda *_: None, self._fail)
        self._executor.submit(self._begin)

    @property
    def idle(self) -> bool:
        """Whether every picture is done with."""
        return not self._frames.working

    @property
    def loaded(self) -> bool:
        return self.seen is not None

    def submit(self, frame: Frame) -> None:
        """The next picture, from any thread."""
        with self._lock:
            self._submitted += 1
            job = (self._person, self._submitted, frame)
        self._frames.submit(job)

    def reset(self) -> None:
        """Forget the person; what is being worked on does not count any more."""
        with self._lock:
            self._person += 1
            self._submitted = self._taken = self._dropped = 0
        self._executor.submit(self._meet, self._person)

    def close(self) -> None:
        """No further picture; the one at work is finished first."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    # ---- in the thread

    def _begin(self) -> None:
        from faceviz.pipeline import leave_a_core

        try:
            leave_a_core()
            self._reconstructor = self._load()
            self._truth = self._read_truth()
            self.seen = Seen(FaceProgress.begin(self._reconstructor.mean_points, self._truth))
        except Exception as error:
            self.error = _text(error)

    def _read_truth(self) -> FaceTruth | None:
        if self._load_truth is None:
            return None
        try:
            return self._load_truth()
        except Exception as error:
            self.truth_error = _text(error)
            return None

    def _meet(self, person: int) -> None:
        """Another person, unless it is the one that the network knows already."""
        if self._reconstructor is not None and person != self._met:
            self._reconstructor.reset()
            self._met = person
            self.seen = Seen(FaceProgress.begin(self._reconstructor.mean_points, self._truth))

    def _update(self, job: tuple[int, int, Frame]) -> None:
        person, number, frame = job
        if self._reconstructor is None or self.seen is None or person != self._person:
            return
        self._meet(person)
        step = self._reconstructor.update(frame)
        with self._lock:
            if person != self._person:
                return  # was reset meanwhile
            self._dropped += number - self._taken - 1
            self._taken = number
            dropped = self._dropped
        self.error = None
        self.seen = Seen(self.seen.progress.after(step, dropped=dropped), frame.image)

    def _fail(self, _: object, error: Exception) -> None:
        self.error = _text(error)


def _text(error: Exception) -> str:
    if isinstance(error, FacevizError):
        return str(error)
    return f"{type(error).__name__}: {error}; this is a fault of the program, please report it"
