"""Undo and redo of frozen values."""

from __future__ import annotations

from typing import Generic, TypeVar

T = TypeVar("T")


class History(Generic[T]):
    """What was, what is, and what was undone.

    Args:
        first: the value that everything can be undone to.
        depth: how many steps back are kept.
    """

    def __init__(self, first: T, depth: int = 100) -> None:
        self._past: list[T] = []
        self._future: list[T] = []
        self._depth = depth
        self.now = first

    def push(self, value: T) -> None:
        """A new present; what was undone is forgotten. The same value again is no step."""
        if value != self.now:
            self._past = [*self._past, self.now][-self._depth :]
            self._future, self.now = [], value

    def undo(self) -> T:
        """One step back, as far as there is one; the present is what it returns."""
        if self._past:
            self._future.append(self.now)
            self.now = self._past.pop()
        return self.now

    def redo(self) -> T:
        """One step forward again."""
        if self._future:
            self._past.append(self.now)
            self.now = self._future.pop()
        return self.now
