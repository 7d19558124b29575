"""``faceviz-stream``: images of a face come one at a time, and the face after each of them comes out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from faceviz.errors import ConfigError, ShapeError, nearest_name
from faceviz.geometry.geometry_image import GRID, landmarks, mean_face
from faceviz.landmarks import LANDMARK_COUNT, MIRROR
from faceviz.models.reconstruction.layers import ConvLstm, LstmState
from faceviz.models.settings import check_keys

#: How what the images say is joined.
FUSIONS: tuple[str, ...] = ("confidence", "mean", "last")
BASIS_GRID = GRID // 2

_DOWN = 16  # the encoder's last map is this much smaller than the image
_FLOOR = 1e-4  # variance of whitened landmarks below which they are noise, in units of the template
_SQUARE_MIDDLE, _SQUARE_SIDE = (0.0, 0.1), 3.5  # of what is looked at, in units of the template


@dataclass(frozen=True)
class StreamConfig:
    """Sizes of the network.

    Attributes:
        image: pixels a side that images are reduced to.
        widths: channels at 1/2, 1/4, 1/8 and 1/16 of that.
        marks: channels of the maps, at 1/4, that landmarks are found in.
        memory: channels of the ConvLSTM; 0 leaves it out.
        hidden: of the layers that read landmarks and maps.
        features: numbers that an image is turned into, and that are summed over the images.
        components: of the shape's linear space.
        fusion: ``confidence``: mean of the images' features weighted by their learned confidence; ``mean``: unweighted;
            ``last``: the plain ConvLSTM, which has only its memory of former images.
        correlation: of what the images of one person say wrongly: n of them weigh as much as ``n / (1 + (n - 1) rho)``
            that have nothing to do with each other.
        focus: whether ``look`` and ``step`` look twice: at the whole image, then at the square that its landmarks fill.
        mirror: whether they then find landmarks in that square and in its mirror image, and take the mean.
    """

    image: int = 128
    widths: tuple[int, ...] = (24, 40, 80, 128)
    marks: int = 48
    memory: int = 64
    hidden: int = 384
    features: int = 256
    components: int = 80
    fusion: str = "confidence"
    correlation: float = 0.2
    focus: bool = True
    mirror: bool = True

    def __post_init__(self) -> None:
        if self.fusion not in FUSIONS:
            raise ConfigError(f"no fusion named {self.fusion!r}{nearest_name(self.fusion, FUSIONS)}")
        if self.image % _DOWN or self.image < 2 * _DOWN or len(self.widths) != 4:
            raise ConfigError(
                f"image={self.image}, widths={self.widths}; a multiple of {_DOWN}, and four widths"
            )
        if not 0.0 <= self.correlation < 1.0:
            raise ConfigError(f"correlation={self.correlation}; at least 0, less than 1")
        if self.fusion == "last" and not self.memory:
            raise ConfigError("fusion 'last' sees former images through the memory alone; give it channels")

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> StreamConfig:
        """From settings by name; an unknown one is an error that names the nearest."""
        check_keys(values, cls)
        if isinstance(values.get("widths"), Sequence):
            values = {**values, "widths": tuple(values["widths"])}
        return cls(**values)


class StreamState(NamedTuple):
    """What is carried from image to image; its size does not depend on their number."""

    memory: LstmState | None
    total: Tensor  # (B, F) sum of weighted features
    weight: Tensor  # (B, F) sum of weights
    images: Tensor  # (B, 1) how many


class StreamOutput(NamedTuple):
    """What is known after an image; leading axes (B) or (B, T)."""

    code: Tensor  # (..., K + 1) whitened coefficients of the shape, and of the size
    view: Tensor  # (..., K + 1) the same from this image and the memory alone
    landmarks: Tensor  # (..., 68, 2) of this image, x and y as shares of its side


class StreamNetwork(nn.Module):
    """Encoder, landmarks, ConvLSTM memory, confidence-weighted fusion, decoder.

    Each image gives features ``f_t`` and weights ``w_t = exp s_t``. Both are the sum of what its 68 landmarks say,
    brought onto a template by a similarity of the plane, and of what its maps and the memory add. After t images
    ``m_t = sum w_i f_i / (p (1 + (t - 1) rho) + sum w_i)`` is known, ``p`` the learned weight of the mean face: a sum
    forgets nothing, and the order of its terms does not matter. But the errors of one person's images resemble each
    other (``rho``, an effective sample size after Kish, 1965), so the mean face never loses all its weight. The code is
    read from all of it at once, ``z_t = g(m_t) - g(0)`` (after "Deep Sets", Zaheer et al., 2017), and the face is
    ``size(z) (mean + sum_k z_k b_k)``.

    The space (``mean``, ``basis``, ``size``) and what landmarks are whitened by are data, put in by ``set_space`` and
    ``set_spread``.
    """

    template: Tensor
    middle: Tensor
    whitening: Tensor
    mean: Tensor
    basis: Tensor
    centre: Tensor
    size: Tensor

    def __init__(self, config: StreamConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or StreamConfig()
        self.encoder = _encoder(config.widths)
        last, cells = config.widths[-1], (config.image // _DOWN) ** 2
        codes = config.components + 1
        self.marks = _Landmarks(config.widths, config.marks)
        self.memory = ConvLstm(last, config.memory, recurrent="sigmoid") if config.memory else None
        seen = config.memory if config.fusion == "last" else last + config.memory
        self.geometry = _read(2 * LANDMARK_COUNT, config.hidden, 2 * config.features, gain=1.0)
        self.appearance = nn.Sequential(
            nn.Conv2d(seen, 32, 1),
            nn.ReLU(),
            nn.Flatten(),
            _read(32 * cells, config.hidden, 2 * config.features, gain=0.01),
        )
        self.log_prior = nn.Parameter(torch.zeros(config.features))
        self.linear = nn.Linear(config.features, codes, bias=False)
        self.bent = _read(config.features, config.hidden, codes, gain=0.1)
        self.register_buffer("template", face_template().clone())
        self.register_buffer("middle", face_template().flatten().clone())
        self.register_buffer("whitening", torch.eye(2 * LANDMARK_COUNT))
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

    def set_spread(self, landmarks: Float[Tensor, "N 68 2"]) -> None:
        """Learn how landmarks on the template spread, from those of many pictures.

        What tells one face from another moves them by a hundredth of what a turn of the head does. They are read as
        ``(x - m) U (l + e)^-1/2``, with mean ``m``, and ``U`` and ``l`` the covariance's eigenvectors and eigenvalues.
        """
        flat = landmarks.flatten(1).double()
        mean = flat.mean(dim=0)
        values, vectors = torch.linalg.eigh((flat - mean).T @ (flat - mean) / len(flat))
        self.middle.copy_(mean)
        self.whitening.copy_(vectors / (values.clamp_min(0.0) + _FLOOR).sqrt())

    def forward(
        self, images: Float[Tensor, "B T 3 H W"], state: StreamState | None = None
    ) -> tuple[StreamOutput, StreamState]:
        """The codes after each of the images, leading axes (B, T), and the state after the last; one look at each."""
        if images.ndim != 5 or images.shape[1] == 0:
            raise ShapeError(f"images must be (B, T, 3, H, W) with T >= 1, got {tuple(images.shape)}")
        marks, added, memory = self.seen(images, None if state is None else state.memory)
        return self.fused(marks, added, memory, state)

    def seen(
        self, images: Float[Tensor, "B T 3 H W"], memory: LstmState | None = None
    ) -> tuple[Float[Tensor, "B T 68 2"], Float[Tensor, "B T C"], LstmState | None]:
        """Landmarks of the images, what maps and memory add to their features, and the memory after the last."""
        batch, times = images.shape[:2]
        maps = self.features(images.flatten(0, 1))
        marks = self.marks(maps).unflatten(0, (batch, times))
        read, memory = self._remember(maps[-1].unflatten(0, (batch, times)), memory)
        return marks, self.appearance(read.flatten(0, 1)).unflatten(0, (batch, times)), memory

    def fused(
        self, marks: Tensor, added: Tensor, memory: LstmState | None = None, state: StreamState | None = None
    ) -> tuple[StreamOutput, StreamState]:
        """What ``forward`` returns, from what ``seen`` does."""
        features, log_weight = self._weighed(self._told(marks.detach()) + added)
        weight = log_weight.exp()
        view = self._code(weight * features / self.with_prior(weight, torch.ones_like(weight[..., :1])))
        total, weight, count = self._sums(features, weight, state)
        code = view if self.config.fusion == "last" else self._code(total / self.with_prior(weight, count))
        return StreamOutput(code, view, marks), StreamState(memory, total[:, -1], weight[:, -1], count[:, -1])

    def with_prior(
        self, weight: Float[Tensor, "... F"], count: Float[Tensor, "... 1"]
    ) -> Float[Tensor, "... F"]:
        """What the features' sum over so many images is divided by: ``p (1 + (t - 1) rho) + sum w_i``."""
        return self.log_prior.exp() * (1.0 + (count - 1.0) * self.config.correlation) + weight

    def look(
        self, images: Float[Tensor, "B T 3 H W"], state: StreamState | None = None
    ) -> tuple[StreamOutput, StreamState]:
        """As ``forward``, of faces that lie anyhow in their images: a first look finds the landmarks of each, and what
        is read is the square about them, upright (``square_about``)."""
        if not self.config.focus:
            return self(images, state)
        squares, linear, corner = self.squares(images)
        marks, added, memory = self.read(squares, None if state is None else state.memory)
        output, state = self.fused(marks, added, memory, state)
        marks = marks.flatten(0, 1) @ linear.mT + corner[:, None]
        return output._replace(landmarks=marks.unflatten(0, images.shape[:2])), state

    def read(
        self, squares: Float[Tensor, "B T 3 S S"], memory: LstmState | None = None
    ) -> tuple[Float[Tensor, "B T 68 2"], Float[Tensor, "B T C"], LstmState | None]:
        """As ``seen``, of what ``squares`` gives; landmarks are the mean of those in it and in its mirror image."""
        marks, added, memory = self.seen(squares, memory)
        if self.config.mirror:
            other = self.marks(self.features(squares.flatten(0, 1).flip(-1)))[:, MIRROR.tolist()]
            other = torch.stack([1.0 - other[..., 0], other[..., 1]], dim=-1)
            marks = 0.5 * (marks + other.unflatten(0, marks.shape[:2]))
        return marks, added, memory

    def squares(self, images: Float[Tensor, "B T 3 H W"]) -> tuple[Tensor, Tensor, Tensor]:
        """What the second look sees, (B, T, 3, S, S), and A and b of ``square_about`` for each of the B T images."""
        flat = images.flatten(0, 1)
        linear, corner = square_about(self.marks(self.features(flat)), self.template)
        squares = _sampled(flat, linear, corner, self.config.image)
        return squares.unflatten(0, images.shape[:2]), linear, corner

    def code_of_landmarks(self, marks: Float[Tensor, "B T 68 2"]) -> Float[Tensor, "B T K"]:
        """The codes after each of several images, as far as their landmarks alone tell."""
        return self.fused(marks, marks.new_zeros(()))[0].code

    def step(
        self, image: Float[Tensor, "B 3 H W"], state: StreamState | None = None
    ) -> tuple[StreamOutput, StreamState]:
        """One more image: what is known after it, leading axis (B), and the state to carry on."""
        output, state = self.look(image[:, None], state)
        return StreamOutput(*(part[:, 0] for part in output)), state

    def features(self, images: Float[Tensor, "N 3 H W"]) -> list[Float[Tensor, "N C h w"]]:
        """Maps at 1/2 to 1/16 of images with values in [0, 1], each brought to mean zero and variance one before."""
        if images.shape[-1] != self.config.image:
            images = F.interpolate(images, (self.config.image,) * 2, mode="area")
        middle = images.mean(dim=(1, 2, 3), keepdim=True)
        spread = images.std(dim=(1, 2, 3), keepdim=True)
        x, maps = (images - middle) / (spread + 0.02), []
        for stage in self.encoder:
            x = stage(x)
            maps.append(x)
        return maps

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

    def _remember(self, maps: Tensor, memory: LstmState | None) -> tuple[Tensor, LstmState | None]:
        """What the reader sees at each time (B, T, C, h, w), and the memory after the last."""
        if self.memory is None:
            return maps, None
        hidden = []
        for t in range(maps.shape[1]):
            h, memory = self.memory(maps[:, t], memory)
            hidden.append(h)
        remembered = torch.stack(hidden, dim=1)
        if self.config.fusion == "last":
            return remembered, memory
        return torch.cat([maps, remembered], dim=2), memory

    def _told(self, marks: Tensor) -> Tensor:
        return self.geometry((aligned(marks, self.template).flatten(-2) - self.middle) @ self.whitening)

    def _weighed(self, read: Tensor) -> tuple[Tensor, Tensor]:
        features, log_weight = read.chunk(2, dim=-1)
        if self.config.fusion == "mean":
            return features, torch.zeros_like(features)
        return features, 6.0 * torch.tanh(log_weight / 6.0)

    def _code(self, known: Tensor) -> Tensor:
        """``g(m) - g(0)``: that of the mean face where nothing is known."""
        return self.linear(known) + self.bent(known) - self.bent(known.new_zeros(known.shape[-1]))

    def _sums(
        self, features: Tensor, weight: Tensor, state: StreamState | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Sums of weighted features and of weights up to each time, (B, T, F), and the count of images, (B, T, 1)."""
        count = torch.ones_like(weight[..., :1]).cumsum(dim=1)
        total, weight = (weight * features).cumsum(dim=1), weight.cumsum(dim=1)
        if state is None:
            return total, weight, count
        return total + state.total[:, None], weight + state.weight[:, None], count + state.images[:, None]


def aligned(marks: Float[Tensor, "... N 2"], template: Float[Tensor, "N 2"]) -> Float[Tensor, "... N 2"]:
    """Landmarks turned, scaled and shifted onto a centred template: with points as complex numbers z about their mean
    and t, ``a z`` with the ``a = sum conj(z) t / sum |z|^2`` that makes ``sum |a z - t|^2`` least.
    """
    real, imaginary = similarity(marks, template)
    x, y = (marks - marks.mean(dim=-2, keepdim=True)).unbind(-1)
    return torch.stack([real * x - imaginary * y, imaginary * x + real * y], dim=-1)


def square_about(
    marks: Float[Tensor, "B N 2"], template: Float[Tensor, "N 2"]
) -> tuple[Float[Tensor, "B 2 2"], Float[Tensor, "B 2"]]:
    """The upright square that a face fills: A and b of ``z = A u + b`` from shares u of its side to the coordinates z
    of the landmarks. It is one square of the template, brought back by the similarity of ``aligned``.
    """
    real, imaginary = (part / part.new_tensor(_SQUARE_SIDE) for part in similarity(marks, template))
    square = real * real + imaginary * imaginary
    c, s = (real / square)[:, 0], (imaginary / square)[:, 0]  # S / a = S conj(a) / |a|^2
    linear = torch.stack([torch.stack([c, s], -1), torch.stack([-s, c], -1)], -2)
    middle = marks.new_tensor(_SQUARE_MIDDLE) / _SQUARE_SIDE - 0.5
    return linear, marks.mean(dim=-2) + linear @ middle


def similarity(marks: Tensor, template: Tensor) -> tuple[Tensor, Tensor]:
    """Real and imaginary part (..., 1) of the ``a`` of ``aligned``."""
    x, y = (marks - marks.mean(dim=-2, keepdim=True)).unbind(-1)
    u, v = template.unbind(-1)
    square = (x * x + y * y).sum(-1, keepdim=True).clamp_min(1e-8)
    real = (x * u + y * v).sum(-1, keepdim=True) / square
    imaginary = (x * v - y * u).sum(-1, keepdim=True) / square
    return real, imaginary


def _sampled(images: Tensor, linear: Tensor, corner: Tensor, size: int) -> Tensor:
    """The squares of images (B, 3, H, W), (B, 3, size, size), each pixel the mean of four samples."""
    at = (torch.arange(2 * size, device=images.device, dtype=images.dtype) + 0.5) / (2 * size)
    shares = torch.stack(torch.meshgrid(at, at, indexing="xy"), -1).flatten(0, 1)
    grid = 2.0 * (shares @ linear.mT + corner[:, None]) - 1.0
    grid = grid.unflatten(1, (2 * size, 2 * size))
    return F.avg_pool2d(F.grid_sample(images, grid, padding_mode="border", align_corners=False), 2)


@lru_cache(maxsize=1)
def face_template() -> Tensor:
    """Landmarks (68, 2) of the mean face from the front, y downwards, centred, at a mean distance of 1 from it."""
    flat = landmarks(mean_face())[:, :2] * [1.0, -1.0]
    flat = flat - flat.mean(axis=0)
    return torch.from_numpy(flat / np.linalg.norm(flat, axis=1).mean()).float()


class _Landmarks(nn.Module):
    """The 68 places of landmarks in an image: means over the cells at 1/4, each weighted by a softmax of its own."""

    def __init__(self, widths: Sequence[int], channels: int) -> None:
        super().__init__()
        self.lateral = nn.ModuleList(nn.Conv2d(width, channels, 1) for width in widths[1:])
        self.smooth = _Convolution(channels, channels)
        self.heat = nn.Conv2d(channels, LANDMARK_COUNT, 1)

    def forward(self, maps: Sequence[Tensor]) -> Float[Tensor, "N 68 2"]:
        """x and y as shares of the image's side."""
        *finer, x = (lateral(part) for lateral, part in zip(self.lateral, maps[1:], strict=True))
        for part in reversed(finer):
            x = part + F.interpolate(F.relu(x), scale_factor=2, mode="nearest")
        share = self.heat(self.smooth(F.relu(x))).flatten(2).softmax(-1).unflatten(2, x.shape[2:])
        cells = (torch.arange(x.shape[-1], device=x.device, dtype=x.dtype) + 0.5) / x.shape[-1]
        return torch.stack([share.sum(2) @ cells, share.sum(3) @ cells], dim=-1)


def _read(inputs: int, hidden: int, outputs: int, gain: float) -> nn.Sequential:
    last = nn.Linear(hidden, outputs)
    with torch.no_grad():
        last.weight.mul_(gain)
    return nn.Sequential(nn.Linear(inputs, hidden), nn.GELU(), nn.Linear(hidden, hidden), nn.GELU(), last)


def _encoder(widths: Sequence[int]) -> nn.ModuleList:
    """A stem and three stages, each halving the size; residual blocks of plain convolutions, quick on a CPU."""
    stages: list[nn.Sequential] = [_Convolution(3, widths[0], 2, kernel=5)]
    for inputs, outputs in zip(widths, widths[1:], strict=False):
        stages.append(nn.Sequential(_Convolution(inputs, outputs, 2), _Residual(outputs)))
    stages[-1].append(_Residual(widths[-1]))
    return nn.ModuleList(stages)


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
