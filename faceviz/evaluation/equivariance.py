"""How much a network's heatmaps depend on what they should not: the pose, the order of points, the place in a batch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import torch
from torch import nn

from faceviz.geometry.transforms import random_rotation
from faceviz.metrics import IOU_THRESHOLD, heatmap_iou, invariance_error
from faceviz.models.architectures import graph_for
from faceviz.models.published.config import Compat, PublishedConfig
from faceviz.models.published.unet import PublishedUnet

ANGLES_DEG = (30.0, 90.0, 180.0)


@dataclass(frozen=True, slots=True, eq=False)
class SphereErrors:
    """What rotations about many axes do to the heatmaps.

    Attributes:
        axes: (A, 3) unit vectors, spread evenly over the sphere.
        angles_deg: (B,) of the turn about each.
        change: (B, A) largest change of a heatmap value against the unturned scan; NaN where not measured yet.
        iou: (B, A) mean IoU with the truth, or with the unturned prediction where there is no truth; NaN likewise.
    """

    axes: np.ndarray
    angles_deg: np.ndarray
    change: np.ndarray
    iou: np.ndarray

    @property
    def done(self) -> int:
        """How many rotations have been measured."""
        return int(np.isfinite(self.change).sum())

    @property
    def total(self) -> int:
        return self.change.size


def sphere_axes(count: int) -> np.ndarray:
    """Unit vectors (count, 3) spread evenly over the sphere: a Fibonacci lattice, the first near +y."""
    i = np.arange(count) + 0.5
    y, turn = 1.0 - 2.0 * i / count, np.pi * (1.0 + 5.0**0.5) * i
    around = np.sqrt(1.0 - y**2)
    return np.column_stack([around * np.sin(turn), y, around * np.cos(turn)])


def measure_sphere(
    heatmaps: Any,
    points: np.ndarray,
    truth_heat: np.ndarray | None = None,
    *,
    axes: int = 48,
    angles_deg: tuple[float, ...] = ANGLES_DEG,
    threshold: float = IOU_THRESHOLD,
) -> Iterator[SphereErrors]:
    """Turns the cloud about each axis by each angle; gives what is known so far after every turn, so stop at will.

    Args:
        heatmaps: (N, 3) points to heatmaps (N, L), such as ``LandmarkPredictor.heatmaps``.
        points: (N, 3) in the network's unit, centred.
        truth_heat: (N, L) on the points.
    """
    from scipy.spatial.transform import Rotation

    still = heatmaps(points)
    truth = still if truth_heat is None else truth_heat
    shape = (len(angles_deg), axes)
    found = SphereErrors(
        sphere_axes(axes), np.array(angles_deg, dtype=float), np.full(shape, np.nan), np.full(shape, np.nan)
    )
    for j in range(axes):
        for i, angle in enumerate(np.deg2rad(found.angles_deg)):
            rotation = Rotation.from_rotvec(angle * found.axes[j]).as_matrix()
            turned = heatmaps((points @ rotation.T).astype(points.dtype))
            change, iou = found.change.copy(), found.iou.copy()
            change[i, j] = invariance_error(still, turned)
            iou[i, j] = _mean(heatmap_iou(turned, truth, threshold))
            found = replace(found, change=change, iou=iou)
            yield found


def rotation_sphere(
    heatmaps: Any, points: np.ndarray, truth_heat: np.ndarray | None = None, **options: Any
) -> SphereErrors:
    """The last word of ``measure_sphere``."""
    return [*measure_sphere(heatmaps, points, truth_heat, **options)][-1]


@dataclass(frozen=True, slots=True)
class InvarianceErrors:
    """Largest change of a heatmap value, 0 to 1, when something changes that should not matter.

    Attributes:
        rotation, translation: of the whole cloud.
        order: of the points.
        batch: being the second cloud of a batch instead of alone.
    """

    rotation: float
    translation: float
    order: float
    batch: float


def invariance_errors(network: nn.Module, points: np.ndarray, *, seed: int = 0) -> InvarianceErrors:
    """Measured with one random rotation, one shift of length 5, one shuffle, and a mirrored copy as batch mate.

    Args:
        points: (N, 3) in the network's unit.
    """
    rng = np.random.default_rng(seed)
    still = network_heatmaps(network, points[None])[0]
    turned = (points @ random_rotation(rng).T).astype(points.dtype)
    shift = rng.normal(size=3)
    shifted = (points + 5.0 * shift / np.linalg.norm(shift)).astype(points.dtype)
    shuffle = rng.permutation(len(points))
    mate = (points * [-1.0, 1.0, 1.0]).astype(points.dtype)
    return InvarianceErrors(
        invariance_error(still, network_heatmaps(network, turned[None])[0]),
        invariance_error(still, network_heatmaps(network, shifted[None])[0]),
        invariance_error(still[shuffle], network_heatmaps(network, points[shuffle][None])[0]),
        invariance_error(still, network_heatmaps(network, np.stack([mate, points]))[1]),
    )


def network_heatmaps(network: nn.Module, clouds: np.ndarray) -> np.ndarray:
    """Heatmaps (B, N, L) of clouds (B, N, 3) as they are, in the order of their points."""
    parameter = next(network.parameters())
    graph = graph_for(network, clouds).to(parameter.device, parameter.dtype)
    with torch.inference_mode():
        return graph.scatter_back(network(graph).sigmoid()).cpu().numpy()


@dataclass(frozen=True, slots=True)
class MistakeEffect:
    """What a network does with some of the published mistakes.

    Attributes:
        title: which.
        mistakes: names of ``Compat`` that are switched on.
        errors: see ``InvarianceErrors``.
    """

    title: str
    mistakes: tuple[str, ...]
    errors: InvarianceErrors


#: Those that move heatmaps by more than rounding, in the order in which the lesson mends them.
MENDED_IN_TURN = (
    "absolute_input",
    "vector_head",
    "mistaken_pool_positions",
    "aggregated_skip",
    "mistaken_up_distances",
    "known_by_value",
)


def mend_in_turn(network: PublishedUnet, points: np.ndarray) -> Iterator[MistakeEffect]:
    """The same weights with all mistakes of ``MENDED_IN_TURN``, then one less at a time, until none is left."""
    left = _possible(network)
    yield _effect("as published", left, network, points)
    while left:
        mended = left.pop(0)
        yield _effect(f"{_words(mended)} mended", left, network, points)


def each_alone(network: PublishedUnet, points: np.ndarray) -> Iterator[MistakeEffect]:
    """The same weights with one mistake at a time, all else as it should be."""
    for name in _possible(network):
        yield _effect(f"only {_words(name)}", [name], network, points)


def with_mistakes(network: PublishedUnet, mistakes: tuple[str, ...] | list[str]) -> PublishedUnet:
    """A copy with the same weights that makes these mistakes and no other.

    Its other switches (rounding, starts, edges) are off, so that what is left is theirs.
    """
    wanted = Compat(**{entry.name: entry.name in mistakes for entry in fields(Compat)})
    other = PublishedUnet(replace(network.config, compat=wanted)).to(next(network.parameters()).dtype)
    other.load_state_dict(network.state_dict())
    return other.eval()


def random_published(points: np.ndarray, *, seed: int = 0) -> PublishedUnet:
    """The published network with random weights in double precision, every mistake mended: for lessons without data.

    Its logits are spread as a trained network's are, so that errors can be read on the scale from 0 to 1.

    Args:
        points: (N, 3) a cloud such as it will see, in the network's unit; fewer points are quicker.
    """
    torch.manual_seed(seed)
    config = PublishedConfig(points=len(points), k=min(40, len(points) // 6))
    network = PublishedUnet(config).double().eval()
    last = network.head[-1]
    assert isinstance(last, nn.Linear)
    with torch.no_grad():
        logits = network(graph_for(network, points.astype(np.float64)))
        last.weight *= 2.0 / logits.std()
        last.bias.zero_()
    return network


def _possible(network: PublishedUnet) -> list[str]:
    """A head that reads more than one vector cannot read its raw components."""
    raw = network.config.head_scalars == 0 and network.config.head_vectors == 1
    return [name for name in MENDED_IN_TURN if raw or name != "vector_head"]


def _effect(title: str, mistakes: list[str], network: PublishedUnet, points: np.ndarray) -> MistakeEffect:
    return MistakeEffect(title, tuple(mistakes), invariance_errors(with_mistakes(network, mistakes), points))


def _words(name: str) -> str:
    return name.replace("_", " ")


def _mean(values: np.ndarray) -> float:
    return float(np.nanmean(values)) if np.isfinite(values).any() else float("nan")
