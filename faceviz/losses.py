"""Losses on heatmaps."""

from __future__ import annotations

import torch
from torch import Tensor


def adaptive_wing(
    predicted: Tensor,
    target: Tensor,
    *,
    omega: float = 14.0,
    theta: float = 0.5,
    epsilon: float = 1.0,
    alpha: float = 2.1,
    foreground: float = 0.0,
) -> Tensor:
    """Adaptive Wing loss (Wang et al. 2019, eq. 4), mean over all entries.

    ``omega ln(1 + |e / epsilon|^(alpha - y))`` for ``|e| < theta``, else ``A |e| - C``, with A and C such that
    value and slope are continuous; e the difference, y the target.

    Args:
        predicted, target: (...) in [0, 1].
        omega, theta, epsilon, alpha: as in the paper; the defaults are those of Ferraretto (2024).
        foreground: extra weight of entries whose target is hot, ``1 + foreground * y``; 0 is the plain loss.
    """
    error = (target - predicted).abs()
    power = alpha - target
    ratio = theta / epsilon
    ratio_power = ratio**power
    slope = omega * power * ratio ** (power - 1.0) / (epsilon * (1.0 + ratio_power))
    constant = theta * slope - omega * torch.log1p(ratio_power)
    near = omega * torch.log1p((error.clamp_min(1e-8) / epsilon) ** power)
    loss = torch.where(error < theta, near, slope * error - constant)
    if foreground:
        loss = loss * (1.0 + foreground * target)
    return loss.mean()
