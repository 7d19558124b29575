"""Where a network stops being equivariant: the error of every layer under one motion."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from faceviz.geometry.sampling import farthest_point_order
from faceviz.geometry.transforms import RigidTransform
from faceviz.models.architectures import graph_for
from faceviz.models.published.basis import spherical_harmonics

#: Features of one layer by degree l: (M, channels, 2 l + 1).
Features = dict[int, Tensor]

_BLOCK = re.compile(r"bottleneck|(down|up)\.\d+")
_LAYER = re.compile(
    r"shape|stem|head|((bottleneck|(down|up)\.\d+)(\.layers\.\d+)?)|(encoder|decoder|pool)(\.\d+)+"
)
_WORDS = {"shape": "Local shape", "stem": "Coordinates", "head": "Logits", "pool": "Pooling"}


@dataclass(frozen=True, slots=True)
class LayerError:
    """How far a layer is from equivariance.

    Attributes:
        layer: its name in the network.
        title: the same in words.
        error: ``|f(R x + t) - D(R) f(x)| / |f(x)|`` over all points and channels; 0 where f turns with the scan.
        degrees: the error of each degree alone.
    """

    layer: str
    title: str
    error: float
    degrees: dict[int, float]


def layer_trace(network: nn.Module, points: np.ndarray, pose: RigidTransform) -> tuple[LayerError, ...]:
    """The error of every layer under a motion, from the input to the heatmaps.

    Features of degree l should turn by the Wigner matrix ``D_l(R)``; layers of an ordinary network have no degrees, and
    count as scalars, which should not change at all.

    Args:
        network: any that ``faceviz.models.architectures`` builds.
        points: (N, 3) in the network's unit.
        pose: the motion, in the same unit.
    """
    still = points[farthest_point_order(points, len(points))]  # so that both graphs keep one order of points
    before = _features(network, still)
    after = _features(network, pose.apply(still).astype(still.dtype))
    turns = {degree: wigner_matrix(pose.rotation, degree) for degree in _degrees(before)}
    return tuple(
        _layer_error(name, before[name], after[name], turns)
        for name in before
        if name in after and _same_shapes(before[name], after[name])
    )


def wigner_matrix(rotation: np.ndarray, degree: int) -> np.ndarray:
    """``D`` (2 l + 1, 2 l + 1) float64 with ``Y_l(R x) = D Y_l(x)``, in the basis of ``faceviz.models.published``."""
    directions = np.random.default_rng(0).normal(size=(8 * degree + 4, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    before, after = (
        spherical_harmonics(torch.from_numpy(part), degree)[degree].numpy()
        for part in (directions, directions @ np.asarray(rotation).T)
    )
    return np.linalg.lstsq(before, after, rcond=None)[0].T


def _features(network: nn.Module, points: np.ndarray) -> dict[str, Features]:
    """What every layer gives, in the order of the pass."""
    seen: dict[str, Features] = {}
    parameter = next(network.parameters())
    graph = graph_for(network, points).to(parameter.device, parameter.dtype)
    with torch.inference_mode(), _listening(network, seen):
        heat = network(graph).sigmoid()
    seen["heat"] = {0: heat[0].unsqueeze(-1)}
    inner = {name.rsplit(".layers.", 1)[0] for name in seen if ".layers." in name}
    return {name: value for name, value in seen.items() if name not in inner}


@contextmanager
def _listening(network: nn.Module, seen: dict[str, Features]) -> Iterator[None]:
    hooks = []
    for name, module in network.named_modules():
        if _BLOCK.fullmatch(name):
            hooks.append(module.register_forward_pre_hook(_note_input(seen, name)))
        if _LAYER.fullmatch(name):
            hooks.append(module.register_forward_hook(_note_output(seen, name)))
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _note_input(seen: dict[str, Features], name: str) -> Callable[[nn.Module, tuple[Any, ...]], None]:
    def hook(_: nn.Module, inputs: tuple[Any, ...]) -> None:
        found = _as_features(inputs[0])
        if found:
            seen[f"into {name}"] = found

    return hook


def _note_output(seen: dict[str, Features], name: str) -> Callable[[nn.Module, tuple[Any, ...], Any], None]:
    def hook(_: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        found = _as_features(output)
        if found:
            seen[name] = found

    return hook


def _as_features(value: Any) -> Features | None:
    """Features of any of the networks, in one form."""
    if isinstance(value, dict):
        return {degree: part.clone() for degree, part in value.items()}
    if hasattr(value, "scalars") and hasattr(value, "vectors"):  # (1, M, C) and (1, M, 3, C)
        return {0: value.scalars[0].unsqueeze(-1), 1: value.vectors[0].transpose(-1, -2)}
    if isinstance(value, Tensor) and value.dim() >= 2:
        return {0: value.reshape(-1, value.shape[-1], 1)}
    return None


def _layer_error(name: str, before: Features, after: Features, turns: dict[int, np.ndarray]) -> LayerError:
    wrong, size, degrees = 0.0, 0.0, {}
    for degree, part in before.items():
        old, new = (x.to(torch.float64).cpu().numpy() for x in (part, after[degree]))
        off = float(((new - old @ turns[degree].T) ** 2).sum())
        norm = float((old**2).sum())
        degrees[degree] = _ratio(off, norm)
        wrong, size = wrong + off, size + norm
    return LayerError(name, layer_title(name), _ratio(wrong, size), degrees)


def _ratio(wrong: float, size: float) -> float:
    return float(np.sqrt(wrong / size)) if size > 0 else 0.0


def _degrees(features: dict[str, Features]) -> set[int]:
    return {degree for parts in features.values() for degree in parts}


def _same_shapes(a: Features, b: Features) -> bool:
    return a.keys() == b.keys() and all(a[degree].shape == b[degree].shape for degree in a)


def layer_title(name: str) -> str:
    """A layer's name in words; in a block, attention and norms take turns.

    >>> layer_title("down.0.layers.2"), layer_title("into bottleneck"), layer_title("encoder.1.0")
    ('Down 1, attention 2', 'After pooling', 'Encoder 2.1')
    """
    if name == "heat":
        return "Heatmaps"
    if name.startswith("into "):
        return {"d": "Input", "b": "After pooling", "u": "After upsampling"}[name[5]]
    block, _, layer = name.partition(".layers.")
    head, *numbers = block.split(".")
    words = [_WORDS.get(head, head.capitalize()), ".".join(str(int(number) + 1) for number in numbers)]
    title = " ".join(word for word in words if word)
    return f"{title}, {('attention', 'norm')[int(layer) % 2]} {int(layer) // 2 + 1}" if layer else title
