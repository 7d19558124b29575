"""The network of "3D Face Reconstruction Using Facial Image Sequences" (Thomassen, NTNU 2022), Table 1, exactly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from faceviz.errors import ConfigError, ShapeError
from faceviz.models.reconstruction.layers import ConvLstm, InvertedResidual, LstmState, SameTransposed
from faceviz.models.settings import check_keys

#: Images are this many pixels wide and high; the output has 128 x 128 points.
IMAGE_SIZE = 256

_DECODER = ((512, 1), (256, 2), (128, 2), (64, 2), (32, 2), (16, 1), (8, 1), (3, 1))  # channels, stride

State = tuple[LstmState, ...]


@dataclass(frozen=True)
class Thomassen2022Config:
    """Options of the report's network.

    Attributes:
        alpha: width multiplier; as in the report's code it widens the first ConvLSTM and the inverted residuals only.
        squeeze_excite: whether the inverted residuals weight their channels.
        recurrent_activation: of the gates; the report ran Keras 2, whose default is its ``hard_sigmoid``.
    """

    alpha: float = 1.0
    squeeze_excite: bool = True
    recurrent_activation: str = "hard_sigmoid"

    def __post_init__(self) -> None:
        if not 0.0 < self.alpha <= 4.0:
            raise ConfigError(f"alpha={self.alpha}; the width multiplier lies in (0, 4]")

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Thomassen2022Config:
        """From settings by name; an unknown one is an error that names the nearest."""
        check_keys(values, cls)
        return cls(**values)


class Thomassen2022(nn.Module):
    """T images (256 x 256 x 3, values in [0, 1]) to 16,384 points in (-1, 1).

    Row by row of Table 1: ConvLSTM 32 / 2, inverted residual 16, ConvLSTM 24 / 2, 32 / 2, 64 / 2, 96, inverted
    residuals 160 / 2 twice and 320, ConvLSTM 512 twice, then eight transposed convolutions, the last with tanh. Every
    layer but the ConvLSTMs treats each image by itself, so images may come one at a time, any number of them.
    """

    def __init__(self, config: Thomassen2022Config | None = None) -> None:
        super().__init__()
        self.config = config = config or Thomassen2022Config()
        excite, gates = config.squeeze_excite, config.recurrent_activation
        first = make_divisible(32 * config.alpha, 8)
        w16, w160, w320 = (int(width * config.alpha) for width in (16, 160, 320))
        self.encoder = nn.ModuleList(
            [
                ConvLstm(3, first, 2, gates),
                InvertedResidual(first, w16, expansion=1, stride=1, excite=excite),
                ConvLstm(w16, 24, 2, gates),
                ConvLstm(24, 32, 2, gates),
                ConvLstm(32, 64, 2, gates),
                ConvLstm(64, 96, 1, gates),
                InvertedResidual(96, w160, expansion=6, stride=2, excite=excite),
                InvertedResidual(w160, w160, expansion=6, stride=1, excite=excite, residual=True),
                InvertedResidual(w160, w320, expansion=6, stride=1, excite=excite),
                ConvLstm(w320, 512, 1, gates),
                ConvLstm(512, 512, 1, gates),
            ]
        )
        widths = [512, *(channels for channels, _ in _DECODER)]
        decoder = [
            SameTransposed(inputs, outputs, stride)
            for inputs, (outputs, stride) in zip(widths, _DECODER, strict=False)
        ]
        self.decoder = nn.ModuleList(decoder)
        for layer in decoder:
            assert layer.bias is not None
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(
        self, images: Float[Tensor, "B T 3 H W"], state: State | None = None
    ) -> Float[Tensor, "B N 3"]:
        """The points after the last of the images."""
        if images.ndim != 5 or images.shape[1] == 0:
            raise ShapeError(f"images must be (B, T, 3, H, W) with T >= 1, got {tuple(images.shape)}")
        sequence = self.encoder_over_time(images, state)
        return self.decode(sequence)

    def encoder_over_time(self, images: Tensor, state: State | None = None) -> Tensor:
        """Memory (B, 512, 8, 8) after the last image; layer by layer, so that what needs no memory runs at once.

        Batch normalisation in training therefore sees the images of all times as one batch, as in Keras 2.
        """
        batch, times = images.shape[:2]
        x, memories = images, iter(state or ())
        for layer in self.encoder:
            if not isinstance(layer, ConvLstm):
                x = layer(x.flatten(0, 1)).unflatten(0, (batch, times))
                continue
            memory, outputs = next(memories, None), []
            for t in range(times):
                y, memory = layer(x[:, t], memory)
                outputs.append(y)
            x = torch.stack(outputs, dim=1)
        return x[:, -1]

    def step(
        self, image: Float[Tensor, "B 3 H W"], state: State | None = None
    ) -> tuple[Float[Tensor, "B N 3"], State]:
        """One more image: the points so far, and the state to carry on."""
        x, memories, new = image, iter(state or ()), []
        for layer in self.encoder:
            if isinstance(layer, ConvLstm):
                x, memory = layer(x, next(memories, None))
                new.append(memory)
            else:
                x = layer(x)
        return self.decode(x), tuple(new)

    def decode(self, memory: Float[Tensor, "B 512 h w"]) -> Float[Tensor, "B N 3"]:
        """Points in row order of the 128 x 128 output."""
        x = memory
        for layer in self.decoder[:-1]:
            x = F.relu(layer(x))
        x = torch.tanh(self.decoder[-1](x))
        return x.permute(0, 2, 3, 1).flatten(1, 2)


def make_divisible(value: float, divisor: int) -> int:
    """The multiple of the divisor nearest to the value, not more than a tenth below it (as in MobileNet).

    >>> make_divisible(32 * 0.35, 8), make_divisible(32 * 1.4, 8)
    (16, 48)
    """
    nearest = max(divisor, int(value + divisor / 2) // divisor * divisor)
    return nearest + divisor if nearest < 0.9 * value else nearest
