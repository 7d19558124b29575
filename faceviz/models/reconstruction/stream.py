"""``faceviz-stream``: images of a face come one at a time, and the face after each of them comes out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from faceviz.errors import ConfigError, ShapeError, nearest_name
from faceviz.geometry.geometry_image import GRID
from faceviz.landmarks import LANDMARK_COUNT
from faceviz.models.reconstruction.layers import ConvLstm, LstmState
from faceviz.models.settings import check_keys

#: How the images' views of the face are joined.
FUSIONS: tuple[str, ...] = ("confidence", "mean", "last")
BASIS_GRID = GRID // 2

_DOWN = 16  # the encoder's last map is this much smaller than the image


@dataclass(frozen=True)
class StreamConfig:
    """Sizes of the network.

    Attributes:
        image: pixels a side that images are reduced to.
        widths: channels at 1/2, 1/4, 1/8 and 1/16 of that.
        memory: channels of the ConvLSTM; 0 leaves it out.
        hidden: of the layers that read the maps.
        components: of the shape's linear space.
        fusion: ``confidence``: mean of the images' views weighted by their learned confidence; ``mean``: unweighted;
            ``last``: the plain ConvLSTM, which has only its memory of former images.
    """

    image: int = 128
    widths: tuple[int, ...] = (24, 40, 80, 128)
    memory: int = 64
    hidden: int = 256
    components: int = 80
    fusion: str = "confidence"

    def __post_init__(self) -> None:
        if self.fusion not in FUSIONS:
            raise ConfigError(f"no fusion named {self.fusion!r}{nearest_name(self.fusion, FUSIONS)}")
        if self.image % _DOWN or self.image < 2 * _DOWN or len(self.widths) != 4:
            raise ConfigError(
                f"image={self.image}, widths={self.widths}; a multiple of {_DOWN}, and four widths"
            )
        if self.fusion == "last" and not self.memory:
            raise ConfigError("fusion 'last' sees former images through the memory alone; give it channels")

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> StreamConfig:
        """From settings by name; an unknown one is an error that names the nearest."""
        check_keys(values, cls)
        return cls(
            **{k: tuple(v) if isinstance(v, Sequence) and k == "widths" else v for k, v in values.items()}
        )


class StreamState(NamedTuple):
    """What is carried from image to image; its size does not depend on their number."""

    memory: LstmState | None
    total: Tensor  # (B, K + 1) sum of weighted views
    weight: Tensor  # (B, K + 1) sum of weights


class StreamOutput(NamedTuple):
    """What is known after an image; leading axes (B) or (B, T)."""

    code: Tensor  # (..., K + 1) whitened coefficients of the shape, and of the size
    view: Tensor  # (..., K + 1) the same from this image and the memory alone
    log_weight: Tensor  # (..., K + 1)
    landmarks: Tensor  # (..., 68, 2) of this image, x and y as shares of its side


class StreamNetwork(nn.Module):
    """Encoder, ConvLSTM memory, confidence-weighted fusion, linear decoder.

    Each image gives a view ``v_t`` of the face's code and weights ``w_t = exp s_t``, both from its own features and the
    memory. The code after t images is ``z_t = sum w_i v_i / (p + sum w_i)``, ``p`` the learned weight of the mean face:
    a sum forgets nothing, and the order of its terms does not matter. The face is ``size(z) (mean + sum_k z_k b_k)``.

    The space (``mean``, ``basis``, ``size``) is data, put in by ``set_space``.
    """

    def __init__(self, config: StreamConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or StreamConfig()
        self.encoder = _encoder(config.widths)
        last, cells = config.widths[-1], (config.image // _DOWN) ** 2
        codes = config.components + 1
        self.memory = ConvLstm(last, config.memory, recurrent="sigmoid") if config.memory else None
        self.marks = nn.Sequential(
            nn.Conv2d(last, 32, 1), nn.ReLU(), nn.Flatten(), nn.Linear(32 * cells, 2 * LANDMARK_COUNT)
        )
        seen = config.memory if config.fusion == "last" else last + config.memory
        self.squeeze = nn.Sequential(nn.Conv2d(seen, 32, 1), nn.ReLU(), nn.Flatten())
        own_marks = 0 if config.fusion == "last" else 2 * LANDMARK_COUNT
        self.reader = nn.Sequential(
            nn.Linear(32 * cells + own_marks, config.hidden),
            nn.ReLU(),
            nn.Linear(config.hidden, config.hidden),
            nn.ReLU(),
            nn.Linear(config.hidden, 2 * codes),
        )
        self.log_prior = nn.Parameter(torch.zeros(codes))
        with torch.no_grad():
            self.reader[-1].weight.mul_(0.1)
            self.marks[-1].weight.mul_(0.1)
        self.register_buffer("mean", torch.zeros(3, GRID, GRID))
        self.register_buffer("basis", torch.zeros(config.components, 3, BASIS_GRID, BASIS_GRID))
        self.register_buffer("centre", torch.zeros(3))
        self.register_buffer("size", torch.tensor([1.0, 0.0]))  # mean and standard deviation

    def set_space(self, mean: Tensor, basis: Tensor, centre: Tensor, size: Tensor) -> None:
        """Put in the linear space of shapes.

        Args:
            mean: (3, 128, 128) mm; ``basis`` (K, 3, 64, 64) mm per unit of a coefficient whose variance is one.
            centre: (3,) about which the size scales; ``size`` mean and standard deviation.
        """
        for name, values in (("mean", mean), ("basis", basis), ("centre", centre), ("size", size)):
            buffer = getattr(self, name)
            if buffer.shape != values.shape:
                raise ShapeError(f"{name} must be {tuple(buffer.shape)}, got {tuple(values.shape)}")
            buffer.copy_(values)

    def forward(
        self, images: Float[Tensor, "B T 3 H W"], state: StreamState | None = None
    ) -> tuple[StreamOutput, StreamState]:
        """The codes after each of the images, leading axes (B, T), and the state after the last."""
        if images.ndim != 5 or images.shape[1] == 0:
            raise ShapeError(f"images must be (B, T, 3, H, W) with T >= 1, got {tuple(images.shape)}")
        batch, times = images.shape[:2]
        maps = self.features(images.flatten(0, 1))
        marks = self._marks(maps)
        seen, memory = self._remember(maps.unflatten(0, (batch, times)), state)
        view, log_weight = self._read(seen.flatten(0, 1), marks)
        view, log_weight, marks = (x.unflatten(0, (batch, times)) for x in (view, log_weight, marks))
        total, weight = self._sums(view, log_weight, state)
        code = view if self.config.fusion == "last" else total / (self.log_prior.exp() + weight)
        return StreamOutput(code, view, log_weight, marks), StreamState(memory, total[:, -1], weight[:, -1])

    def step(
        self, image: Float[Tensor, "B 3 H W"], state: StreamState | None = None
    ) -> tuple[StreamOutput, StreamState]:
        """One more image: what is known after it, leading axis (B), and the state to carry on."""
        output, state = self(image[:, None], state)
        return StreamOutput(*(part[:, 0] for part in output)), state

    def features(self, images: Float[Tensor, "N 3 H W"]) -> Float[Tensor, "N C h w"]:
        """Maps of images with values in [0, 1], each image brought to mean zero and variance one before."""
        if images.shape[-1] != self.config.image:
            images = F.interpolate(images, (self.config.image,) * 2, mode="area")
        middle = images.mean(dim=(1, 2, 3), keepdim=True)
        spread = images.std(dim=(1, 2, 3), keepdim=True)
        return self.encoder((images - middle) / (spread + 0.02))

    def points(self, code: Float[Tensor, "B K"]) -> Float[Tensor, "B N 3"]:
        """The face (16384, 3) mm of a code, in the canonical frame."""
        shape = self.shape(code[:, :-1])
        size = self.size[0] + self.size[1] * code[:, -1]
        centre = self.centre[:, None, None]
        face = centre + size[:, None, None, None] * (shape - centre)
        return face.permute(0, 2, 3, 1).flatten(1, 2)

    def shape(self, coefficients: Float[Tensor, "B K"]) -> Float[Tensor, "B 3 G G"]:
        """``mean + sum_k z_k b_k``, the basis enlarged from half the resolution."""
        residual = (coefficients @ self.basis.flatten(1)).unflatten(1, self.basis.shape[1:])
        return self.mean + F.interpolate(residual, (GRID, GRID), mode="bicubic", align_corners=False)

    def _marks(self, maps: Tensor) -> Tensor:
        return 0.5 + self.marks(maps).unflatten(1, (LANDMARK_COUNT, 2))

    def _remember(self, maps: Tensor, state: StreamState | None) -> tuple[Tensor, LstmState | None]:
        """What the reader sees at each time (B, T, C, h, w), and the memory after the last."""
        if self.memory is None:
            return maps, None
        memory, hidden = state.memory if state else None, []
        for t in range(maps.shape[1]):
            h, memory = self.memory(maps[:, t], memory)
            hidden.append(h)
        remembered = torch.stack(hidden, dim=1)
        if self.config.fusion == "last":
            return remembered, memory
        return torch.cat([maps, remembered], dim=2), memory

    def _read(self, seen: Tensor, marks: Tensor) -> tuple[Tensor, Tensor]:
        read = self.squeeze(seen)
        if self.config.fusion != "last":
            read = torch.cat([read, marks.flatten(1) - 0.5], dim=1)
        view, log_weight = self.reader(read).chunk(2, dim=-1)
        if self.config.fusion == "mean":
            return view, torch.zeros_like(view)
        return view, 6.0 * torch.tanh(log_weight / 6.0)

    def _sums(self, view: Tensor, log_weight: Tensor, state: StreamState | None) -> tuple[Tensor, Tensor]:
        """Sums of weighted views and of weights up to each time, (B, T, K + 1)."""
        weight = log_weight.exp()
        total, weight = (weight * view).cumsum(dim=1), weight.cumsum(dim=1)
        if state is None:
            return total, weight
        return total + state.total[:, None], weight + state.weight[:, None]


def _encoder(widths: Sequence[int]) -> nn.Sequential:
    """A stem and three stages, each halving the size; residual blocks of plain convolutions, quick on a CPU."""
    layers: list[nn.Module] = [_Convolution(3, widths[0], 2, kernel=5)]
    for inputs, outputs in zip(widths, widths[1:], strict=False):
        layers += [_Convolution(inputs, outputs, 2), _Residual(outputs)]
    return nn.Sequential(*layers, _Residual(widths[-1]))


class _Convolution(nn.Sequential):
    """Convolution, batch normalisation, ReLU."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1, kernel: int = 3) -> None:
        convolution = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
        super().__init__(convolution, nn.BatchNorm2d(outputs), nn.ReLU())


class _Residual(nn.Module):
    """``relu(x + f(x))``, f two convolutions."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = _Convolution(channels, channels)
        self.second = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.norm(self.second(self.first(x))))
