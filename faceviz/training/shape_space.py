"""The linear space of face shapes that a reconstruction network speaks in, and the truth written in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from torch import Tensor

from faceviz.errors import ConfigError
from faceviz.geometry.geometry_image import GRID, from_shape, mean_face, to_shape
from faceviz.synth.cache import write_npz
from faceviz.synth.correspondence import geometry_image_of
from faceviz.synth.dataset import cached_head

_HALF = GRID // 2
_STREAM = 301  # of random numbers: people that no data set holds


@dataclass(frozen=True, eq=False)
class ShapeSpace:
    """``shape = mean + sum_k z_k basis_k``, ``size = size_mean + size_deviation z_K``; every z has variance one.

    The basis has half the grid's resolution; its members are orthogonal.
    """

    mean: np.ndarray  # (128, 128, 3) mm
    basis: np.ndarray  # (K, 64, 64, 3) mm
    size_mean: float
    size_deviation: float

    @classmethod
    def fit(
        cls, sources: tuple[str, ...], people: int, components: int, seed: int, folder: str | None = None
    ) -> ShapeSpace:
        """Principal components of ``people`` random neutral faces, the heads taking turns.

        Raises:
            ConfigError: fewer people than components.
        """
        if people <= components:
            raise ConfigError(f"{components} components of {people} people; name more people than components")
        rng = np.random.default_rng(np.random.SeedSequence([seed, _STREAM]))
        shapes, sizes = np.empty((people, GRID, GRID, 3), dtype=np.float32), np.empty(people)
        for i in range(people):
            head = cached_head(sources[i % len(sources)], folder)
            vertices = head.mesh(head.sample_identity(rng)).vertices
            shapes[i], sizes[i] = to_shape(geometry_image_of(head, vertices))
        mean = shapes.mean(axis=0, dtype=np.float64)
        residual = halved(shapes - mean.astype(np.float32)).reshape(people, -1)
        values, vectors = np.linalg.eigh(residual.astype(np.float64) @ residual.T.astype(np.float64))
        chosen = vectors[:, ::-1][:, :components]  # (people, K)
        basis = (chosen.T @ residual) / np.sqrt(people)
        return cls(mean, basis.reshape(-1, _HALF, _HALF, 3), float(sizes.mean()), float(sizes.std()))

    @classmethod
    def of(cls, weights: Mapping[str, Tensor]) -> ShapeSpace | None:
        """The space that weights of ``faceviz-stream`` speak in; None if they are of another network."""
        if not {"mean", "basis", "size"} <= weights.keys():
            return None
        mean, basis, size = (weights[name].double().numpy() for name in ("mean", "basis", "size"))
        return cls(np.moveaxis(mean, 0, -1), np.moveaxis(basis, 1, -1).copy(), float(size[0]), float(size[1]))

    @classmethod
    def read(cls, path: Path) -> ShapeSpace:
        """A space that ``write`` wrote."""
        with np.load(path, allow_pickle=False) as file:
            return cls(file["mean"], file["basis"], float(file["size_mean"]), float(file["size_deviation"]))

    def write(self, path: Path) -> None:
        """To an npz, appearing at once."""
        write_npz(path, asdict(self))

    @property
    def energy(self) -> np.ndarray:
        """Mean square displacement (K,) mm^2 of a point by one unit of each coefficient."""
        return (self.basis**2).sum(axis=(1, 2, 3)) / _HALF**2

    @property
    def size_energy(self) -> float:
        """The same of one unit of the size, about the mean face's centroid."""
        offset = self.mean - mean_face().mean(axis=(0, 1))
        return self.size_deviation**2 * float((offset**2).sum(axis=-1).mean())

    def code(self, shape: np.ndarray, size: float) -> np.ndarray:
        """The code (K + 1,) float32 nearest to a shape (128, 128, 3) and size."""
        return self.code_of_half(halved(shape[None])[0], size)

    def code_of_half(self, shape: np.ndarray, size: float) -> np.ndarray:
        """The same of a shape (64, 64, 3) at half the resolution."""
        z = self._analysis @ (shape.ravel() - self._middle)
        return np.append(z, (size - self.size_mean) / self.size_deviation).astype(np.float32)

    @cached_property
    def _analysis(self) -> np.ndarray:
        """(K, 64 * 64 * 3): the basis, each member over its square length."""
        flat = self.basis.reshape(len(self.basis), -1)
        return flat / (flat**2).sum(axis=1, keepdims=True)

    @cached_property
    def _middle(self) -> np.ndarray:
        """The mean shape (64 * 64 * 3,) at half the resolution."""
        return halved(self.mean[None])[0].ravel()

    def face(self, size: float | None = None) -> np.ndarray:
        """The mean face (128, 128, 3) mm in the canonical frame, at the mean size if none is given."""
        return from_shape(self.mean, self.size_mean if size is None else size)


def halved(images: np.ndarray) -> np.ndarray:
    """Means over 2 x 2 points: (N, 128, 128, 3) -> (N, 64, 64, 3)."""
    n = len(images)
    return images.reshape(n, _HALF, 2, _HALF, 2, 3).mean(axis=(2, 4))
