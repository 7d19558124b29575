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


def soft_iou_loss(
    predicted: Tensor, target: Tensor, *, threshold: float = 0.2, width: float = 0.05
) -> Tensor:
    """``1 - sum(p t) / sum(p + t - p t)``, mean over clouds and landmarks: the IoU made smooth.

    Rahman and Wang 2016, eq. 3 to 5. ``t`` marks targets of at least the threshold, ``p = sigmoid((h - threshold) /
    width)``. A landmark without any target above the threshold is left out.

    Args:
        predicted, target: (B, N, L) in [0, 1].
    """
    inside = (target >= threshold).to(predicted.dtype)
    soft = torch.sigmoid((predicted - threshold) / width)
    shared = (soft * inside).sum(dim=1)
    either = soft.sum(dim=1) + inside.sum(dim=1) - shared
    counted = inside.any(dim=1)
    loss = (1.0 - shared / either.clamp_min(1e-6)) * counted
    return loss.sum() / counted.sum().clamp_min(1)


def position_loss(predicted: Tensor, target: Tensor, *, width: float = 0.05) -> Tensor:
    """Huber loss of the distance in widths, ``d^2 / 2`` up to one width, ``d - 1/2`` beyond; mean over landmarks.

    Args:
        predicted, target: (B, L, 3); landmarks whose target is NaN are left out.
        width: same unit as the positions.
    """
    known = target.isfinite().all(-1)
    square = ((predicted - target.nan_to_num()) / width).square().sum(-1)
    loss = torch.where(square < 1.0, 0.5 * square, square.clamp_min(1.0).sqrt() - 0.5)
    return (loss * known).sum() / known.sum().clamp_min(1)
