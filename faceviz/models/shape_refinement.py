"""What 68 heatmaps know of one another: landmarks put where the shape of a face allows, and heat around them."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from faceviz.heatmaps import SIGMA
from faceviz.landmarks import MEAN_FACE
from faceviz.models.equivariant import Features, inner, vector_norm

_SCALARS, _VECTORS = 6, 1
_TINY = 1e-4
_PEAK = 0.98
_DEVIATION = 10.0
_TRUST = 0.5


class Refined(NamedTuple):
    """Heatmap logits and what they were made from.

    Attributes:
        logits: (B, N, 68).
        first: (B, N, 68) logits before the refinement.
        landmarks: (B, 68, 3) in the frame of the points.
    """

    logits: Tensor
    first: Tensor
    landmarks: Tensor


class ShapeFrame(NamedTuple):
    """``p_l - c = A m_l`` fitted by least squares, m the mean face: c (B, 1, 3), A (B, 3, 3), its size s (B, 1, 1)."""

    centre: Tensor
    affine: Tensor
    size: Tensor

    @property
    def axes(self) -> Tensor:
        """``A / s``, columns that turn with the scan; they vanish where there is no face, and need no SVD."""
        return self.affine / self.size


class ShapeRefinement(nn.Module):
    """Joins the heatmaps of one face, as each alone cannot.

    With heat ``h = sigmoid(logit)`` at the points x:

    - where:    ``p_l = sum_i w_il x_i``, ``w_il = h_il^2 / sum_i h_il^2``;  how surely: ``c_l = sum_i w_il h_il``
    - frame:    ``A`` from the mean face to p, least squares weighted by c
    - offset:   ``x_l = p_l + (A / s) d_l``, d from invariants (deviation of p from the mean face in the frame,
      ``A^T A``, c, features around each landmark)
    - heat:     ``logit' = a_l logit + g_l G(|x - x_l|) + e_l``, G the logit of a true heatmap of width ``b_l sigma``

    Positions and axes turn with the scan, all else is invariant: so is the result, under rotation and translation.
    """

    mean: Tensor  # (68, 3)

    def __init__(self, scalars: int, vectors: int, hidden: int) -> None:
        super().__init__()
        mean = torch.tensor(MEAN_FACE, dtype=torch.float64)
        mean = mean / (mean - mean.mean(0)).norm(dim=1).max()
        self.register_buffer("mean", mean.float(), persistent=False)
        count = len(mean)
        self.scalar = nn.Linear(scalars + vectors, _SCALARS)
        self.vector = nn.Linear(vectors, _VECTORS, bias=False)
        self.network = nn.Sequential(
            nn.Linear(count * (3 + 2 + _SCALARS + 3 * _VECTORS) + 6, hidden), nn.SiLU(),
            nn.Linear(hidden, hidden), nn.SiLU(),
            last := nn.Linear(hidden, count * 5),
        )  # fmt: skip
        nn.init.normal_(last.weight, std=1e-3)
        nn.init.zeros_(last.bias)
        self.keep = nn.Parameter(torch.full((count,), 0.5))
        self.shift = nn.Parameter(torch.zeros(count))

    def forward(self, logits: Tensor, x: Features, points: Tensor) -> Refined:
        """Refine logits (B, N, 68) of points (B, N, 3) with features x."""
        heat = logits.sigmoid()
        square = heat.square()
        mass = square.sum(1, keepdim=True)
        weight = (square / mass).transpose(1, 2)  # (B, 68, N)
        found = weight @ points
        confidence = (square * heat).sum(1) / mass.squeeze(1)
        frame = self._frame(found, confidence)
        out = self.network(self._invariants(found, confidence, mass.squeeze(1), frame, weight, x))
        offset, width, trust = out.unflatten(-1, (-1, 5)).split([3, 1, 1], -1)
        landmarks = found + 0.1 * offset @ frame.axes.transpose(1, 2)
        ideal = _true_logit(points, landmarks, width)
        trust = _TRUST * F.softplus(trust + 0.5413).transpose(1, 2)  # 1 at zero, times _TRUST
        return Refined(self.keep * logits + trust * ideal + self.shift, logits, landmarks)

    def _frame(self, found: Tensor, confidence: Tensor) -> ShapeFrame:
        weight = (confidence / confidence.sum(1, keepdim=True)).unsqueeze(-1)  # (B, 68, 1)
        centre = (weight * found).sum(1, keepdim=True)
        mean = self.mean - (weight * self.mean).sum(1, keepdim=True)
        spread = mean.transpose(1, 2) @ (weight * mean) + _TINY * torch.eye(3).to(mean)
        cross = (found - centre).transpose(1, 2) @ (weight * mean)
        affine = torch.linalg.solve(spread, cross.transpose(1, 2)).transpose(1, 2)
        size = (affine.square().sum((1, 2), keepdim=True) / 3.0 + _TINY).sqrt()
        return ShapeFrame(centre, affine, size)

    def _invariants(
        self, found: Tensor, confidence: Tensor, mass: Tensor, frame: ShapeFrame, weight: Tensor, x: Features
    ) -> Tensor:
        """What is seen in the frame, (B, 68 * 14 + 6)."""
        mean = self.mean - self.mean.mean(0)
        deviation = found - found.mean(1, keepdim=True) - mean @ frame.affine.transpose(1, 2)
        gram = (frame.affine.transpose(1, 2) @ frame.affine).flatten(1)[:, [0, 1, 2, 4, 5, 8]]
        scalars = self.scalar(weight @ torch.cat([x.scalars, vector_norm(x.vectors)], -1))
        vectors = self.vector((weight @ x.vectors.flatten(2)).unflatten(-1, (3, -1)))  # (B, 68, 3, 1)
        parts = (
            _DEVIATION * deviation @ frame.axes,
            torch.stack([confidence, mass.log1p()], -1),
            F.silu(scalars),
            (vectors.transpose(2, 3) @ frame.axes.unsqueeze(1)).flatten(2),
        )
        return torch.cat([*(part.flatten(1) for part in parts), gram], -1)


def _true_logit(points: Tensor, landmarks: Tensor, width: Tensor) -> Tensor:
    """``log(y / (1 - y))`` of ``y = 0.98 exp(-d^2 / (2 (b sigma)^2))``, (B, N, 68), with ``log b`` within 0.5."""
    offset = points.unsqueeze(2) - landmarks.unsqueeze(1)
    squared = inner(offset, offset, dim=-1)
    sigma = SIGMA * (0.5 * torch.tanh(width)).exp().transpose(1, 2)
    heat = _PEAK * torch.exp(-squared / (2.0 * sigma.square()))
    return torch.log(heat.clamp_min(1e-9)) - torch.log1p(-heat)
