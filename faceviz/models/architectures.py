"""The networks by the name of their architecture: built from plain settings, each with the graph it takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from faceviz.errors import ConfigError, nearest_name
from faceviz.graph import SurfaceGraph

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor, nn

ARCHITECTURES = ("se3unet", "ordinary", "ferraretto2024")


def build_network(architecture: str | None, settings: Mapping[str, Any] | None = None) -> nn.Module:
    """An untrained network, its settings checked.

    Raises:
        ConfigError: the architecture is not known, or a setting does not exist or does not fit.
    """
    settings = dict(settings or {})
    if architecture == "se3unet":
        from faceviz.models.se3_unet import Se3Unet, Se3UnetConfig

        return Se3Unet(Se3UnetConfig.from_dict(settings))
    if architecture == "ordinary":
        from faceviz.models.ordinary import OrdinaryConfig, OrdinaryNet

        return OrdinaryNet(OrdinaryConfig.from_dict(settings))
    if architecture == "ferraretto2024":
        from faceviz.models.published.config import PublishedConfig
        from faceviz.models.published.unet import PublishedUnet

        return PublishedUnet(PublishedConfig.from_dict(settings))
    hint = nearest_name(str(architecture), ARCHITECTURES)
    raise ConfigError(f"architecture {architecture!r} is not known{hint}")


def graph_for(network: Any, points: np.ndarray | Tensor) -> Any:
    """The graph that a network takes, of a cloud (N, 3) or of clouds (B, N, 3): its own kind, if it has one.

    What comes back has ``to(device, dtype)`` and ``scatter_back(values)``, which restores the order of the points.
    """
    if hasattr(network, "graph_from_points"):
        return network.graph_from_points(points)
    return SurfaceGraph.from_points(points, network.config.graph)


def network_settings(network: Any) -> dict[str, Any]:
    """The settings of a network as plain values, for ``config.json``."""
    from dataclasses import asdict

    return asdict(network.config)
