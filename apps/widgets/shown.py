"""What is on the landmarks tab: what was chosen, and the latest answers of the networks to it."""

from __future__ import annotations

from dataclasses import dataclass

from faceviz.display import state
from faceviz.display.settings import Settings
from faceviz.geometry.transforms import RigidTransform


@dataclass(eq=False)
class Shown:
    """Changes with every choice and every answer; one belongs to one person's page.

    Args:
        settings: as chosen, which may be ahead of the answers.
        model: the one that ``moved`` comes from.
        moved, second: answers of the first model and of the one beside it; None until there is one.
        worst: largest change of the heat by any motion of this scan.
        moves: motions that were answered.
    """

    settings: Settings
    model: str
    moved: state.Moved | None = None
    second: state.Moved | None = None
    worst: float = 0.0
    moves: int = 0

    def begin(self, loaded: state.LoadedScan, model: str) -> None:
        """Another scan, at rest."""
        self.moved, self.second, self.model = state.unmoved(loaded), None, model
        self.forget_moves()
        self.choose(rotation_deg=(0, 0, 0), translation=(0, 0, 0))

    def take(self, moved: state.Moved, model: str) -> None:
        """The answer to a motion."""
        self.moved, self.model = moved, model
        self.worst, self.moves = max(self.worst, moved.change), self.moves + 1

    def forget_moves(self) -> None:
        self.worst, self.moves = 0.0, 0

    def choose(self, **changes) -> None:
        self.settings = self.settings.with_(**changes)

    def is_of(self, loaded: state.LoadedScan) -> bool:
        """Is that the scan on the page?"""
        return self.moved is not None and loaded.key == self.moved.loaded.key

    @property
    def pose(self) -> RigidTransform:
        """The motion that is chosen."""
        return self.settings.pose(self.moved.loaded.scan.centroid)

    @property
    def answers(self) -> list[state.Moved]:
        """One a model, of those whose network is at hand."""
        both = (self.moved, self.second if self.settings.beside == "model" else None)
        return [part for part in both if part is not None and part.loaded.predictor is not None]
