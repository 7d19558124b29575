"""Radial functions: small networks of the distance, and how many of them are evaluated in one pass."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from faceviz.models.published.in_order import linear

_NARROW = 16  # columns below which libraries do not multiply matrices in order


class RadialNetwork(nn.Module):
    """``phi(d)``: linear, layer norm, ReLU, twice, and a linear map to all channels of one pair of degrees.

    The output is ordered (channels out, channels in, J). With ``inputs`` 2 the distance goes in twice, as in the
    original, which takes it for the weight of the edge and again for its length.
    """

    def __init__(self, outputs: int, hidden: int, inputs: int = 1) -> None:
        super().__init__()
        self.first, self.first_norm = nn.Linear(inputs, hidden), nn.LayerNorm(hidden)
        self.second, self.second_norm = nn.Linear(hidden, hidden), nn.LayerNorm(hidden)
        self.last = nn.Linear(hidden, outputs)
        for layer in (self.first, self.second, self.last):
            nn.init.kaiming_uniform_(layer.weight)

    def forward(self, distance: Tensor) -> Tensor:
        """(E, outputs) of distances (E,)."""
        seen = distance.unsqueeze(-1).expand(-1, self.first.in_features)
        x = self.first_norm(self.first(seen)).relu()
        x = self.second_norm(self.second(x)).relu()
        narrow = self.first.in_features > 1 and self.last.out_features < _NARROW
        return linear(self.last, x) if narrow else self.last(x)


def stacked_hidden(networks: Sequence[RadialNetwork]) -> list[Tensor]:
    """The weights of the hidden layers of P networks as batches, for ``hidden_together``."""

    def stack(layer: str, name: str) -> Tensor:
        return torch.stack([getattr(getattr(network, layer), name) for network in networks]).unsqueeze(1)

    first = [stack("first", "weight").squeeze(-1), stack("first", "bias")]
    norms = [[stack(norm, name) for name in ("weight", "bias")] for norm in ("first_norm", "second_norm")]
    second = [stack("second", "weight").squeeze(1).transpose(-1, -2), stack("second", "bias")]
    return [*first, *norms[0], *second, *norms[1]]


def hidden_together(weights: Sequence[Tensor], distance: Tensor) -> Tensor:
    """What the last layers of P networks see of E distances, (P, E, hidden), in one batch.

    Args:
        weights: of ``stacked_hidden``.
    """
    slope, bias, scale, shift, second, second_bias, second_scale, second_shift = weights
    x = torch.addcmul(bias, distance[None, :, None], slope)
    x = torch.addcmul(shift, F.layer_norm(x, x.shape[-1:]), scale).relu()
    x = torch.baddbmm(second_bias, x, second)
    return torch.addcmul(second_shift, F.layer_norm(x, x.shape[-1:]), second_scale).relu()
