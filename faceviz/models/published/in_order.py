"""Sums and products whose rounding hangs on no processor: terms are added one after the other.

Libraries add in the order that suits the vectors of a processor, and take some roots by approximation.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


def added(terms: Tensor) -> Tensor:
    """The sum over axis 1."""
    total = torch.zeros_like(terms[:, 0])
    for term in terms.unbind(1):
        total = total + term
    return total


def dot(x: Tensor, y: Tensor) -> Tensor:
    """Inner products over the last axis."""
    total = torch.zeros_like(x[..., 0])
    for a, b in zip(x.unbind(-1), y.expand_as(x).unbind(-1), strict=True):
        total = total + a * b
    return total


def product(x: Tensor, y: Tensor) -> Tensor:
    """The matrix product, each term rounded together with the sum that it joins (a fused multiply-add)."""
    total = x.new_zeros(())
    for k in range(x.shape[-1]):
        total = (total.double() + x[..., k : k + 1].double() * y[..., k : k + 1, :].double()).to(x.dtype)
    return total


def linear(layer: nn.Linear, x: Tensor) -> Tensor:
    """What the layer makes of x (..., C), as ``product`` does."""
    return product(x, layer.weight.T) + layer.bias


def root(x: Tensor) -> Tensor:
    """The square root, to the nearest number."""
    return x.double().sqrt().to(x.dtype)


def softmax(logits: Tensor, window: Tensor) -> Tensor:
    """See ``attention.windowed_softmax``."""
    weight = window.unsqueeze(-1)
    logits = logits.masked_fill(weight == 0, torch.finfo(logits.dtype).min)
    raised = weight * (logits - logits.amax(1, keepdim=True)).double().exp().to(logits.dtype)
    return raised / added(raised).unsqueeze(1).clamp_min(torch.finfo(logits.dtype).tiny)
