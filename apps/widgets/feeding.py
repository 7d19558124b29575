"""Feeds the pictures of a source to one person's face, one at a time.

The next picture is asked for when the one before is answered: none waits in a line, and other people and the landmarks
get their turn in between.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from faceviz.display.latest import LatestOnly
from faceviz.display.turns import OverloadError
from faceviz.errors import FileFormatError
from widgets.engine import WORKER, later
from widgets.growing import Growing, Grown, Job, begin, grow
from widgets.sources import Source


class Feeding:
    """Args:
    opened: called when the network is there, or with what is wrong with it.
    grown: called after each picture.
    ended: called when a source has come to its end, with the error or None.
    want: called where the source is a camera and its next picture may come; answer with ``take``.
    changed: called when ``working`` has become true or false.
    """

    def __init__(
        self,
        *,
        opened: Callable[[Exception | None], None],
        grown: Callable[[Grown], None],
        ended: Callable[[Exception | None], None],
        want: Callable[[], None],
        changed: Callable[[], None],
    ) -> None:
        self._opened, self._grown, self._ended, self._want = opened, grown, ended, want
        self.face: Growing | None = None  # None without a network
        self.source: Source | None = None
        self.paused = False
        self.answered = 0  # pictures of the source, those that could not be read too
        self.unread: tuple[str, ...] = ()
        self._first: Growing | None = None
        busy = later(changed)
        self._opens = LatestOnly(
            WORKER, begin, later(self._on_open), later(lambda _, error: opened(error)), busy=busy
        )
        self._steps = LatestOnly(WORKER, grow, later(self._on_grown), later(self._on_failure), busy=busy)

    @property
    def working(self) -> bool:
        return self._opens.working or self._steps.working

    def open(self) -> None:
        """Loads the network."""
        self._opens.submit(None)

    def start(self, source: Source) -> None:
        """Another sequence, of another face; the former source is let go of."""
        self.stop()
        self.forget()
        self.source, self.paused, self.answered, self.unread = source, False, 0, ()
        self._next()

    def stop(self) -> None:
        """No further picture; the face stays."""
        if self.source is not None:
            with suppress(OverloadError):  # then it is closed when it is forgotten
                WORKER.submit(self.source.close)
            self.source, self.paused = None, False

    def pause(self, paused: bool) -> None:
        self.paused = paused
        if not paused and not self._steps.working:
            self._next()

    def forget(self) -> None:
        """Another face from here on."""
        self.face, self.unread = self._first, ()

    def take(self, content: bytes, dropped: int) -> None:
        """A picture of the camera, and how many there were no time for."""
        if self.source is not None and not self.paused:
            self._steps.submit(Job(self.source, self.face, content, dropped))

    def _next(self) -> None:
        if self.source is None or self.paused:
            return
        if self.source.camera:
            self._want()
        else:
            self._steps.submit(Job(self.source, self.face))

    def _on_open(self, _: None, face: Growing) -> None:
        self._first = self.face = face
        self._opened(None)

    def _on_grown(self, job: Job, grown: Grown) -> None:
        if job.source is not self.source:
            return  # stopped since
        self.unread = grown.unread
        if grown.face is None:
            self.stop()
            self._ended(None)
            return
        self.answered = grown.answered
        if job.face is self.face:  # else it was forgotten since
            self.face = grown.face
            self._grown(grown)
        self._next()

    def _on_failure(self, job: Job, error: Exception) -> None:
        if job.source is not self.source:
            return
        if job.source.camera and isinstance(error, FileFormatError):
            self._next()  # a picture that did not arrive whole
            return
        self.stop()
        self._ended(error)
