"""People without pictures: where the landmarks of random faces lie in crops, and the code of each face.

Rendering a person takes a second, this takes some milliseconds: heads are linear, so their bases are reduced once to
the landmarks and to the geometry image at half its resolution.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy import sparse

from faceviz.geometry.alignment import procrustes
from faceviz.geometry.geometry_image import GRID, POINTS, mean_face
from faceviz.landmarks import LANDMARK_COUNT
from faceviz.synth.cache import write_npz
from faceviz.synth.correspondence import grid_map
from faceviz.synth.dataset import cached_head
from faceviz.synth.heads import ParametricHead
from faceviz.synth.motion import random_moments
from faceviz.synth.sequences import SIZE
from faceviz.training.shape_space import ShapeSpace, halved

_HALF = GRID // 2
_STREAM = 302  # of random numbers: people that no data set holds


class People(NamedTuple):
    """Landmarks and codes of N people, in T pictures each."""

    landmarks: np.ndarray  # (N, T, 68, 2) float32, shares of the crop's side
    codes: np.ndarray  # (N, K + 1) float32

    @classmethod
    def draw(
        cls,
        space: ShapeSpace,
        sources: tuple[str, ...],
        count: int,
        frames: int,
        seed: int,
        folder: str | None = None,
    ) -> People:
        """``count`` random people, the heads taking turns; half of them move, half are seen at many times.

        Args:
            space: that codes are written in.
            folder: where the ICT head lies, if not named by the environment.
        """
        heads = [_ReducedHead(cached_head(name, folder)) for name in sources]
        landmarks = np.empty((count, frames, LANDMARK_COUNT, 2), dtype=np.float32)
        codes = np.empty((count, len(space.basis) + 1), dtype=np.float32)
        rng = np.random.default_rng(np.random.SeedSequence([seed, _STREAM]))
        for i in range(count):
            head = heads[i % len(heads)]
            identity = head.sample_identity(rng)
            landmarks[i], codes[i] = head.pictured(identity, frames, rng), head.code(identity, space)
        return cls(landmarks, codes)

    @classmethod
    def read(cls, path: Path) -> People:
        """Those that ``write`` wrote."""
        with np.load(path, allow_pickle=False) as file:
            return cls(file["landmarks"], file["codes"])

    def write(self, path: Path) -> None:
        """To an npz, appearing at once."""
        write_npz(path, self._asdict())


class _ReducedHead:
    """What of a linear head its landmarks and the geometry image need: all are linear in the coefficients."""

    def __init__(self, head: ParametricHead) -> None:
        self.sample_identity, self.names = head.sample_identity, head.ex_names
        subdivision = sparse.eye(len(head.mean)) if head.subdivision is None else head.subdivision
        marks = subdivision.tocsr()[head.lm68]
        grid = (_halving() @ grid_map(head) @ subdivision).tocsr()
        self.marks_mean, self.grid_mean = marks @ head.mean, grid @ head.mean
        self.marks_identity, self.marks_expression = (
            _reduced(marks, b) for b in (head.id_basis, head.ex_basis)
        )
        self.grid_identity = _reduced(grid, head.id_basis)

    def pictured(self, identity: np.ndarray, frames: int, rng: np.random.Generator) -> np.ndarray:
        """Landmarks (T, 68, 2) of a person at random moments."""
        neutral = self.marks_mean + _combined(identity, self.marks_identity)
        neutral = neutral - neutral[17:].mean(axis=0)
        moments = random_moments(self.names, frames, rng.random() < 0.5, rng)
        places = [
            m.view.project(neutral + _combined(m.expression, self.marks_expression)) / SIZE for m in moments
        ]
        return np.stack(places)

    def code(self, identity: np.ndarray, space: ShapeSpace) -> np.ndarray:
        """As ``to_shape`` and ``ShapeSpace.code`` of the whole geometry image, to a hundredth."""
        points = self.grid_mean + _combined(identity, self.grid_identity)
        mean, centre = _half_mean_face(), mean_face().reshape(-1, 3).mean(axis=0)
        offset = procrustes(points, mean).apply(points) - centre
        size = float((offset**2).sum() / (offset * (mean - centre)).sum())
        return space.code_of_half((centre + offset / size).reshape(_HALF, _HALF, 3), size)


def _combined(weights: np.ndarray, basis: np.ndarray) -> np.ndarray:
    return np.tensordot(np.asarray(weights, dtype=np.float32), basis, 1)


def _reduced(rows: sparse.csr_matrix, basis: np.ndarray | sparse.csr_matrix) -> np.ndarray:
    """What each member (K, 3 V) of a basis does to the chosen places, (K, R, 3) float32."""
    dense = basis.toarray() if isinstance(basis, sparse.csr_matrix) else np.asarray(basis)
    return np.stack([rows @ member.reshape(-1, 3) for member in dense]).astype(np.float32)


def _halving() -> sparse.csr_matrix:
    """(4096, 16384): the means over 2 x 2 points."""
    row, column = np.divmod(np.arange(POINTS), GRID)
    return sparse.csr_matrix((np.full(POINTS, 0.25), (row // 2 * _HALF + column // 2, np.arange(POINTS))))


@lru_cache(maxsize=1)
def _half_mean_face() -> np.ndarray:
    return halved(mean_face()[None])[0].reshape(-1, 3)
