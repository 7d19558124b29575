"""How the landmarks that a network finds differ from the true ones, so that it can be shown people without pictures."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from faceviz.landmarks import LANDMARK_COUNT

_DECAY = 0.995  # of what was seen, from step to step
_MIXED = 3  # persons whose errors are joined
_RIDGE = 3e-5  # of mean squares; as long as little was seen, found landmarks are the true ones


class ImitatedFinder(nn.Module):
    """Found landmarks y as a linear function of the true ones x, and what is left over: ``y = x + V [x 1] + e``.

    A network that is in doubt answers with a face that is nearer to the mean: ``V``, by ridge regression over what
    training has shown lately. ``e`` is taken from the last pictures, and one person's errors resemble each other. A
    reader would know those few by heart; so it is a sum ``sum_k u_k e_k`` over three persons, with a random direction
    ``u`` for each person that is shown, which leaves mean squares as they are. Landmarks are on a template, as
    ``aligned`` brings them there.
    """

    squares: Tensor  # (137, 137) mean of products of true landmarks, as it fades
    products: Tensor  # (137, 136) of those with the differences

    def __init__(self) -> None:
        super().__init__()
        size = 2 * LANDMARK_COUNT
        self.register_buffer("squares", torch.zeros(size + 1, size + 1))
        self.register_buffer("products", torch.zeros(size + 1, size))
        self._left_over: Tensor | None = None

    @classmethod
    def of(cls, true: Float[Tensor, "P T 68 2"], found: Float[Tensor, "P T 68 2"]) -> ImitatedFinder:
        """One that has seen all pictures at once."""
        finder, (x, difference) = cls(), (_with_one(true), (found - true).flatten(-2))
        flat, count = x.flatten(0, 1), x.shape[0] * x.shape[1]
        finder.squares, finder.products = flat.T @ flat / count, flat.T @ difference.flatten(0, 1) / count
        finder._left_over = difference - x @ finder._linear()
        return finder

    def watch(self, true: Float[Tensor, "B T 68 2"], found: Float[Tensor, "B T 68 2"]) -> None:
        """Learn from pictures."""
        x, difference = _with_one(true), (found - true).flatten(-2)
        flat, count = x.flatten(0, 1), x.shape[0] * x.shape[1]
        self.squares.lerp_(flat.T @ flat / count, 1.0 - _DECAY)
        self.products.lerp_(flat.T @ difference.flatten(0, 1) / count, 1.0 - _DECAY)
        self._left_over = difference - x @ self._linear()

    def imitate(
        self, true: Float[Tensor, "M T 68 2"], generator: torch.Generator
    ) -> Float[Tensor, "M T 68 2"]:
        """What would be found in pictures of other people, after ``watch``; chance is the generator's, on the CPU."""
        assert self._left_over is not None
        persons, times = self._left_over.shape[:2]
        shown = len(true)
        person = torch.randint(persons, (_MIXED, shown, 1), generator=generator)
        picture = torch.randint(times, (_MIXED, *true.shape[:2]), generator=generator)
        share = torch.randn(_MIXED, shown, 1, 1, generator=generator)
        mixed = (share / share.norm(dim=0) * self._left_over[person, picture]).sum(dim=0)
        return true + (_with_one(true) @ self._linear() + mixed).unflatten(-1, (LANDMARK_COUNT, 2))

    def _linear(self) -> Tensor:
        ridge = _RIDGE * torch.eye(len(self.squares), device=self.squares.device)
        return torch.linalg.solve(self.squares + ridge, self.products)


def _with_one(marks: Tensor) -> Tensor:
    flat = marks.flatten(-2)
    return torch.cat([flat, torch.ones_like(flat[..., :1])], -1)
