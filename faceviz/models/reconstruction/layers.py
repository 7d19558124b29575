"""Layers of the reconstruction networks, with the conventions of Keras where they differ from PyTorch's.

Images are (B, C, H, W); sequences are fed one image at a time, the state carried by the caller.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from faceviz.errors import ConfigError, nearest_name


class LstmState(NamedTuple):
    """What a ConvLSTM remembers."""

    hidden: Tensor  # (B, C, H, W)
    cell: Tensor  # (B, C, H, W)


def hard_sigmoid_keras2(x: Tensor) -> Tensor:
    """``clip(0.2 x + 0.5, 0, 1)``, the hard sigmoid of Keras up to version 2."""
    return (0.2 * x + 0.5).clamp(0.0, 1.0)


#: Recurrent activations by name; ``hard_sigmoid`` is Keras 2's, ``hard_sigmoid_keras3`` is clip(x / 6 + 0.5, 0, 1).
RECURRENT: dict[str, Callable[[Tensor], Tensor]] = {
    "hard_sigmoid": hard_sigmoid_keras2,
    "hard_sigmoid_keras3": F.hardsigmoid,
    "sigmoid": torch.sigmoid,
}


def same_padding(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """Zeros before and after an axis under ``padding="same"``: the odd one comes after.

    >>> same_padding(256, 3, 2), same_padding(11, 3, 2), same_padding(12, 3, 1)
    ((0, 1), (1, 1), (1, 1))
    """
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


class SameConv(nn.Conv2d):
    """A convolution with ``padding="same"`` as Keras understands it: ceil(size / stride), asymmetric if need be."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, **options: Any) -> None:
        super().__init__(inputs, outputs, kernel, stride, **options)

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B D h w"]:
        (top, bottom), (left, right) = (
            same_padding(size, k, s)
            for size, k, s in zip(x.shape[2:], self.kernel_size, self.stride, strict=True)
        )
        if top == bottom and left == right:
            return F.conv2d(x, self.weight, self.bias, self.stride, (top, left), groups=self.groups)
        x = F.pad(x, (left, right, top, bottom))
        return F.conv2d(x, self.weight, self.bias, self.stride, groups=self.groups)


class SameTransposed(nn.ConvTranspose2d):
    """A transposed convolution with kernel 4 and Keras's ``padding="same"``: size times stride.

    Stride 2 is padding 1; stride 1 is padding 1 with the last row and column dropped.
    """

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__(inputs, outputs, 4, stride, padding=1)

    def forward(  # type: ignore[override]  # the size of its output is no choice
        self, x: Float[Tensor, "B C H W"]
    ) -> Float[Tensor, "B D h w"]:
        y = super().forward(x)
        return y[..., :-1, :-1] if self.stride[0] == 1 else y


class ConvLstm(nn.Module):
    """A convolutional LSTM cell (Shi et al. 2015, without peepholes, as in Keras).

    ``i, f, o = s(W * x + U * h + b)``, ``g = tanh(W * x + U * h + b)``, ``c' = f c + i g``, ``h' = o tanh(c')``; the
    gates lie in the order i, f, g, o; only W is strided; the bias of f begins at one.

    Args:
        inputs, hidden: channels.
        stride: of the input convolution.
        recurrent: name of the activation ``s`` of the gates, see `RECURRENT`.
    """

    def __init__(self, inputs: int, hidden: int, stride: int = 1, recurrent: str = "hard_sigmoid") -> None:
        super().__init__()
        if recurrent not in RECURRENT:
            raise ConfigError(f"no recurrent activation {recurrent!r}{nearest_name(recurrent, RECURRENT)}")
        self.hidden, self.activation = hidden, RECURRENT[recurrent]
        self.input = SameConv(inputs, 4 * hidden, 3, stride)
        self.recurrent = SameConv(hidden, 4 * hidden, 3, bias=False)
        nn.init.xavier_uniform_(self.input.weight)
        nn.init.orthogonal_(self.recurrent.weight)
        assert self.input.bias is not None
        with torch.no_grad():
            self.input.bias.zero_()
            self.input.bias[hidden : 2 * hidden] = 1.0

    def forward(
        self, x: Float[Tensor, "B C H W"], state: LstmState | None = None
    ) -> tuple[Float[Tensor, "B D h w"], LstmState]:
        """The new hidden state, and the state to carry on; without a state all memory is zero."""
        gates = self.input(x)
        if state is None:
            i, _, g, o = gates.chunk(4, dim=1)
            cell = self.activation(i) * torch.tanh(g)
        else:
            i, f, g, o = (gates + self.recurrent(state.hidden)).chunk(4, dim=1)
            cell = self.activation(f) * state.cell + self.activation(i) * torch.tanh(g)
        hidden = self.activation(o) * torch.tanh(cell)
        return hidden, LstmState(hidden, cell)


class KerasBatchNorm(nn.BatchNorm2d):
    """Batch normalisation with the constants of Keras: eps 1e-3, momentum 0.99 (0.01 here).

    Keras keeps the biased variance of a batch in its running average, PyTorch the unbiased one: n / (n - 1) apart.
    """

    running_var: Tensor
    momentum: float

    def __init__(self, channels: int) -> None:
        super().__init__(channels, eps=1e-3, momentum=0.01)

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"]:
        if not self.training:
            return super().forward(x)
        before = self.running_var.clone()
        y = super().forward(x)
        count = x.numel() // x.shape[1]
        with torch.no_grad():
            kept = (1.0 - self.momentum) * before
            self.running_var.copy_(kept + (self.running_var - kept) * (count - 1) / count)
        return y


class SqueezeExcite(nn.Module):
    """Channels weighted by ``sigmoid(W_2 relu(W_1 mean(x)))`` (Hu et al. 2018), without biases."""

    def __init__(self, channels: int, ratio: int = 16) -> None:
        super().__init__()
        if channels < ratio:
            raise ConfigError(
                f"squeeze-and-excite of {channels} channels at ratio {ratio} would leave none; widen the network or "
                "switch it off"
            )
        self.squeeze = nn.Linear(channels, channels // ratio, bias=False)
        self.excite = nn.Linear(channels // ratio, channels, bias=False)
        for layer in (self.squeeze, self.excite):
            nn.init.kaiming_normal_(layer.weight)

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"]:
        weights = torch.sigmoid(self.excite(F.relu(self.squeeze(x.mean(dim=(2, 3))))))
        return x * weights[:, :, None, None]


class InvertedResidual(nn.Module):
    """Expand, depthwise, squeeze and excite, project (Sandler et al. 2018); added to its input where asked.

    Args:
        inputs, outputs: channels.
        expansion: factor t of the inner width; there is an expanding convolution even at 1, as in the report.
        stride: of the depthwise convolution.
        excite: whether channels are weighted.
        residual: whether the input is added.
    """

    def __init__(
        self, inputs: int, outputs: int, *, expansion: int, stride: int, excite: bool, residual: bool = False
    ) -> None:
        super().__init__()
        inner = expansion * inputs
        self.residual = residual
        self.expand, self.expand_norm = SameConv(inputs, inner, 1), KerasBatchNorm(inner)
        self.depthwise = SameConv(inner, inner, 3, stride, groups=inner)
        self.depthwise_norm = KerasBatchNorm(inner)
        self.excite = SqueezeExcite(inner) if excite else nn.Identity()
        self.project, self.project_norm = SameConv(inner, outputs, 1), KerasBatchNorm(outputs)
        for layer in (self.expand, self.depthwise, self.project):
            assert layer.bias is not None
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B D h w"]:
        y = F.relu6(self.expand_norm(self.expand(x)))
        y = F.relu6(self.depthwise_norm(self.depthwise(y)))
        y = self.project_norm(self.project(self.excite(y)))
        return x + y if self.residual else y
