"""How the learning rate falls, as factors of its greatest value."""

from __future__ import annotations

import math


def cosine(step: int, steps: int, warmup: int, spent: float = 0.0) -> float:
    """Linear warm-up, then a cosine to 1 % over the steps, or over the share ``spent`` of a budget if it is greater."""
    if step < warmup:
        return (step + 1) / warmup
    return 0.01 + 0.99 * _half_cosine(min(max(step / steps, spent), 1.0))


def restarts(step: int, period: int) -> float:
    """``(1 + cos(pi (s mod T) / T)) / 2`` (Loshchilov and Hutter 2017, eq. 5, from 1 to 0)."""
    return _half_cosine((step % period) / period)


def _half_cosine(progress: float) -> float:
    return 0.5 * (1.0 + math.cos(math.pi * progress))
