"""The reconstruction networks by the name of their architecture, behind one streaming interface."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from faceviz.errors import ConfigError, nearest_name
from faceviz.geometry.geometry_image import mean_face
from faceviz.models.reconstruction.stream import StreamConfig, StreamNetwork
from faceviz.models.reconstruction.thomassen2022 import IMAGE_SIZE, Thomassen2022, Thomassen2022Config

ARCHITECTURES: tuple[str, ...] = ("faceviz-stream", "thomassen2022")


class Seen(NamedTuple):
    """What a network makes of the images so far."""

    points: np.ndarray  # (16384, 3) float64 mm, canonical frame
    landmarks: np.ndarray | None  # (68, 2) of the last image, in shares of its side


class Streaming(Protocol):
    """A network fed one image at a time."""

    @property
    def network(self) -> nn.Module: ...

    def step(self, image: Tensor, state: Any) -> tuple[Seen, Any]:
        """The face after one more image (1, 3, 256, 256) in [0, 1], and the state to carry."""

    def mean_points(self) -> np.ndarray:
        """The face (16384, 3) mm that is meant before any image."""


def build_network(architecture: str | None, settings: Mapping[str, Any] | None = None) -> nn.Module:
    """An untrained network, its settings checked.

    Raises:
        ConfigError: the architecture is not known, or a setting does not exist or does not fit.
    """
    settings = dict(settings or {})
    if architecture == "faceviz-stream":
        return StreamNetwork(StreamConfig.from_dict(settings))
    if architecture == "thomassen2022":
        return Thomassen2022(Thomassen2022Config.from_dict(settings))
    raise ConfigError(
        f"architecture {architecture!r} is not known{nearest_name(str(architecture), ARCHITECTURES)}"
    )


def image_size(network: nn.Module) -> int:
    """Pixels a side of the images that a network works on."""
    return network.config.image if isinstance(network, StreamNetwork) else IMAGE_SIZE


def streaming(network: nn.Module) -> Streaming:
    """The network with its streaming interface."""
    if isinstance(network, StreamNetwork):
        return _Stream(network)
    assert isinstance(network, Thomassen2022)
    return _Thomassen(network)


class _Stream:
    def __init__(self, network: StreamNetwork) -> None:
        self.network = network

    def step(self, image: Tensor, state: Any) -> tuple[Seen, Any]:
        output, state = self.network.step(image, state)
        return Seen(_mm(self.network.points(output.code)), output.landmarks[0].cpu().double().numpy()), state

    def mean_points(self) -> np.ndarray:
        with torch.inference_mode():
            return _mm(
                self.network.points(self.network.log_prior.new_zeros(1, self.network.config.components + 1))
            )


class _Thomassen:
    """Its output has centroid 0 and radius 1; the size of the mean face is given to it."""

    def __init__(self, network: Thomassen2022) -> None:
        self.network = network

    def step(self, image: Tensor, state: Any) -> tuple[Seen, Any]:
        points, state = self.network.step(image, state)
        return Seen(denormalised(points[0].cpu().double().numpy()), None), state

    def mean_points(self) -> np.ndarray:
        return np.array(mean_face().reshape(-1, 3))


def normalised(shape: np.ndarray) -> np.ndarray:
    """The report's truth of a face (..., 3): centred, its farthest point at distance 1."""
    offset = shape - shape.reshape(-1, 3).mean(axis=0)
    return offset / np.linalg.norm(offset, axis=-1).max()


def denormalised(points: np.ndarray) -> np.ndarray:
    """Points (16384, 3) of centroid 0 and radius 1 at the place and size of the mean face, mm."""
    mean = mean_face().reshape(-1, 3)
    return mean.mean(axis=0) + points * np.linalg.norm(mean - mean.mean(axis=0), axis=1).max()


def _mm(points: Tensor) -> np.ndarray:
    return points[0].cpu().double().numpy()
