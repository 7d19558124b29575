"""Pooling and upsampling of features between the levels of a pyramid."""

from __future__ import annotations

import torch
from torch import Tensor

from faceviz.models.published.fibers import Features
from faceviz.models.published.in_order import added
from faceviz.models.published.pyramid import Level

_TINY = 1e-10


def aggregate(
    x: Features, level: Level, how: str, *, componentwise: bool = False, in_turn: bool = False
) -> Features:
    """``sum_j w_ij f_j``, the mean, or the largest feature of each point's neighbours, channel by channel.

    The largest is the one whose weighted length ``w_ij |f_j|`` is greatest; ``componentwise`` takes the greatest value
    of each component instead, which does not turn with the scan.

    Args:
        x: features of the level's M points.
        level: with neighbours.
        how: ``sum``, ``mean`` or ``max``.
        in_turn: add neighbours up one after the other, for the original's rounding.
    """
    return {degree: _aggregated(value, level, how, componentwise, in_turn) for degree, value in x.items()}


def _aggregated(value: Tensor, level: Level, how: str, componentwise: bool, in_turn: bool) -> Tensor:
    near = value[level.index]  # (M, k, C, 2 l + 1)
    weight = level.window[..., None, None]
    if how == "max":
        return _largest(near, weight, componentwise)
    total = _added(near * weight, in_turn)
    return total / weight.sum(1).clamp_min(torch.finfo(value.dtype).tiny) if how == "mean" else total


def _largest(near: Tensor, weight: Tensor, componentwise: bool) -> Tensor:
    if componentwise:
        lowest = near.masked_fill(weight == 0, -torch.inf).amax(1)
        return lowest.masked_fill((weight == 0).all(1), 0.0)
    weighted = near * weight
    best = weighted.square().sum(-1, keepdim=True).argmax(1, keepdim=True)
    return weighted.gather(1, best.expand(-1, -1, -1, near.shape[-1])).squeeze(1)


def upsample(x: Features, level: Level, *, known_by_value: bool = False, in_turn: bool = False) -> Features:
    """Features of the kept points carried to all M points of ``level`` by inverse-distance weights.

    A kept point keeps its feature. A dropped point takes the weighted mean of those of its neighbours that were kept,
    and zero where there is none.

    Args:
        x: features of the points ``level.kept``.
        known_by_value: leave out neighbours whose feature is zero.
        in_turn: add neighbours up one after the other, for the original's rounding.
    """
    return {degree: _carried(value, level, known_by_value, in_turn) for degree, value in x.items()}


def _carried(value: Tensor, level: Level, known_by_value: bool, in_turn: bool) -> Tensor:
    placed = value.new_zeros(len(level.points), *value.shape[1:]).index_copy(0, level.kept, value)
    near = placed[level.index]  # (M, k, C, 2 l + 1)
    weights = level.up[..., None, None]
    if known_by_value:
        weights = weights * (near != 0).any(-1, keepdim=True)
    total = _added(near * weights, in_turn) / _added(weights, in_turn).clamp_min(_TINY)
    return placed + level.dropped.unsqueeze(-1) * total


def _added(terms: Tensor, in_turn: bool) -> Tensor:
    """The sum over axis 1 of (M, k, ...)."""
    return added(terms) if in_turn else terms.sum(1)
