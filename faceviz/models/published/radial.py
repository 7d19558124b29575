"""Radial functions: small networks of the distance, and how many of them are evaluated in one pass."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F


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
        return self.last(self.second_norm(self.second(x)).relu())


def evaluate_together(networks: Sequence[RadialNetwork], distance: Tensor) -> list[Tensor]:
    """The outputs (E, outputs_p) of P networks of one hidden size at E distances, hidden layers in one batch."""

    def stack(layer: str, name: str) -> Tensor:
        return torch.stack([getattr(getattr(network, layer), name) for network in networks])

    def normed(x: Tensor, layer: str) -> Tensor:
        x = F.layer_norm(x, x.shape[-1:])
        return torch.addcmul(stack(layer, "bias")[:, None], x, stack(layer, "weight")[:, None]).relu()

    slope, bias = stack("first", "weight").squeeze(-1), stack("first", "bias")  # (P, H)
    x = normed(
        torch.addcmul(bias[:, None], distance[None, :, None], slope[:, None]), "first_norm"
    )  # (P, E, H)
    second = stack("second", "weight").transpose(-1, -2)
    x = normed(torch.baddbmm(stack("second", "bias")[:, None], x, second), "second_norm")
    return [network.last(row) for network, row in zip(networks, x, strict=True)]
