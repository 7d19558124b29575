"""The layers of the SE(3)-Transformer (Fuchs et al. 2020) over neighbour tables.

Features of a cloud of M points are a dictionary, degree l to (M, channels, 2 l + 1). Under a rotation R each degree
turns by its own Wigner matrix D_l(R); translations change nothing, since only differences of positions enter.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from faceviz.errors import ConfigError, nearest_name
from faceviz.models.published.attention import DglAttention, dense_attention
from faceviz.models.published.edges import GroupedEdges
from faceviz.models.published.fibers import Features, Fiber
from faceviz.models.published.in_order import linear, product
from faceviz.models.published.kernels import Kernels, messages
from faceviz.models.published.layout import Layout, packed, unpacked
from faceviz.models.published.rounding import PlainEdges, plain_attention

_TINY = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class Neighbourhoods:
    """The neighbours of M points and the geometry of the edges, shared by all layers of a level.

    Attributes:
        index: (M, k) long, the neighbour j of point i.
        window: (M, k) weight of the edge; 1, fading to 0 at the edge of the neighbourhood, 0 for an empty place.
        edges: sorted by length, with the basis of the kernels; or the edges as the original has them.
        graph: attention by another backend than dense tables, see ``DglAttention``.
    """

    index: Tensor
    window: Tensor
    edges: GroupedEdges | PlainEdges
    graph: DglAttention | None = None


class LinearMix(nn.Module):
    """``f_out^l = W^l f_in^l``: linear self-interaction, the ``1x1`` of the paper."""

    def __init__(self, source: Fiber, target: Fiber, plain: bool = False) -> None:
        super().__init__()
        self.plain = plain
        self.weight = nn.ParameterDict(
            {
                str(degree): nn.Parameter(torch.randn(count, source[degree]) / source[degree] ** 0.5)
                for degree, count in target.items()
            }
        )

    def forward(self, x: Features) -> Features:
        return {int(degree): self._mixed(weight, x[int(degree)]) for degree, weight in self.weight.items()}

    def _mixed(self, weight: Tensor, x: Tensor) -> Tensor:
        if self.plain and len(weight) > 1:  # of a single row, libraries take the inner product, not in order
            return product(weight, x)
        return weight @ x


class AttentiveMix(nn.Module):
    """``f_out^l = softmax(MLP(<f_a^l, f_b^l>)) f_in^l``: self-interaction with weights from inner products."""

    def __init__(self, source: Fiber, target: Fiber, plain: bool = False) -> None:
        super().__init__()
        self.target, self.plain = target, plain
        self.weights = nn.ModuleDict()
        for degree, count in target.items():
            square = source[degree] ** 2
            linear = nn.Linear(square, count * source[degree])
            nn.init.kaiming_uniform_(linear.weight)
            self.weights[str(degree)] = nn.Sequential(nn.LayerNorm(square), nn.LeakyReLU(), linear)

    def forward(self, x: Features) -> Features:
        out = {}
        for degree, count in self.target.items():
            value = x[degree]
            gram = (value @ value.transpose(-1, -2)).flatten(-2)
            gram = gram.sign() * gram.abs().clamp_min(_TINY)
            weights = self._weights(self.weights[str(degree)], gram)
            out[degree] = weights.unflatten(-1, (count, -1)).softmax(-1) @ value
        return out

    def _weights(self, layers: nn.Module, gram: Tensor) -> Tensor:
        assert isinstance(layers, nn.Sequential)
        last = layers[-1]
        if self.plain and isinstance(last, nn.Linear):
            return linear(last, layers[:-1](gram))
        return layers(gram)


MIXES = {"1x1": LinearMix, "att": AttentiveMix}


class NormBias(nn.Module):
    """``f -> relu(|f| + b) f / |f|`` with a bias for each channel.

    With ``softness`` s, ``|f|`` in the denominator is ``sqrt(|f|^2 + s^2)``; as published (s = 0) the direction of a
    vanishing feature, and so the output, is decided by rounding. ``plain`` divides first, as the original does.
    """

    def __init__(self, fiber: Fiber, softness: float = 0.0, plain: bool = False) -> None:
        super().__init__()
        self.softness, self.plain = softness, plain
        self.bias = nn.ParameterDict(
            {str(degree): nn.Parameter(torch.randn(count)) for degree, count in fiber.items()}
        )

    def forward(self, x: Features) -> Features:
        return {degree: self._scaled(value, self.bias[str(degree)]) for degree, value in x.items()}

    def _scaled(self, value: Tensor, bias: Tensor) -> Tensor:
        norm = value.norm(dim=-1).clamp_min(_TINY)
        below = (norm.square() + self.softness**2).sqrt() if self.softness else norm
        if self.plain:
            return (norm + bias).relu().unsqueeze(-1) * (value / below.unsqueeze(-1))
        return value * ((norm + bias).relu() / below).unsqueeze(-1)


class AttentionLayer(nn.Module):
    """Attention over neighbourhoods with a skip connection (GSE3Res).

    ``z_i = sum_j alpha_ij W_V(x_j - x_i) f_j`` with ``alpha_ij = softmax_j(q_i . k_ij / sqrt(dim))``,
    ``q_i = W_Q f_i`` and ``k_ij = W_K(x_j - x_i) f_j`` (eq. 10 to 12 of Fuchs et al. 2020); then z joins f by
    self-interaction (skip ``cat``) or by a sum after it (skip ``sum``).

    Args:
        source, target: fibers in and out.
        heads: of attention; the channels of every degree are divided among them.
        div: values and keys have ``channels / div``.
        self_interaction: ``1x1`` or ``att``.
        skip: ``cat`` or ``sum``.
        relative: ``add`` adds ``x_i - x_j`` to the first of several features of degree 1, ``cat`` makes it one more
            channel, ``none`` does without.
        hidden: width of the radial networks.
        plain: the original's order of operations, and radial networks that see the distance twice; slow.
    """

    def __init__(
        self,
        source: Fiber,
        target: Fiber,
        *,
        heads: int = 1,
        div: int = 1,
        self_interaction: str = "1x1",
        skip: str = "cat",
        relative: str = "add",
        hidden: int = 32,
        plain: bool = False,
    ) -> None:
        super().__init__()
        _check_choice("self_interaction", self_interaction, MIXES)
        _check_choice("skip", skip, ("cat", "sum"))
        _check_choice("relative", relative, ("add", "cat", "none"))
        self.skip, self.plain = skip, plain
        middle = target.divided(div, heads)
        if not set(middle) & set(source):
            raise ConfigError(
                f"keys need a degree that comes in ({list(source)}) and goes out ({list(target)})"
            )
        keys = middle.only(source)
        self.layout = Layout(source, relative, middle, keys, heads)
        inputs = 2 if plain else 1
        self.value, self.key = (Kernels(self.layout.edges, part, hidden, inputs) for part in (middle, keys))
        self.query = LinearMix(source, keys, plain)
        self.root = keys.dim**0.5
        if skip == "sum":
            _check_sum(source, target)
            self.project: nn.Module = LinearMix(middle, target, plain)
        else:
            self.project = MIXES[self_interaction](middle.joined(source), target, plain)

    def forward(self, x: Features, near: Neighbourhoods) -> Features:
        z = plain_attention(self, x, near) if self.plain else self._attended(x, near)
        if self.skip == "sum":
            return _sum(self.project(z), x)
        return self.project({d: torch.cat([part, x[d]], 1) if d in x else part for d, part in z.items()})

    def _attended(self, x: Features, near: Neighbourhoods) -> Features:
        layout, edges = self.layout, near.edges
        assert isinstance(edges, GroupedEdges)
        value, key = messages(self.value, self.key, layout, x, edges, near.index.numel())
        query = packed(_columns(self.query(x)), layout.heads) / self.root
        value, key = (part.unflatten(1, (layout.heads, -1)) for part in (value, key))
        attend = dense_attention if near.graph is None else near.graph
        return _columns(unpacked(attend(value, key, query, near.window), layout.value))


def _columns(x: Features) -> Features:
    """(M, C, 2 l + 1) as (M, 2 l + 1, C), and back."""
    return {degree: value.transpose(1, 2) for degree, value in x.items()}


def _sum(x: Features, y: Features) -> Features:
    """The sum of two features; missing channels count as zero."""
    out = dict(x)
    for degree, value in y.items():
        out[degree] = x[degree] + F.pad(value, (0, 0, 0, x[degree].shape[1] - value.shape[1]))
    return out


def _check_sum(source: Fiber, target: Fiber) -> None:
    for degree, count in source.items():
        if count > target.get(degree, 0):
            raise ConfigError(
                f"skip 'sum' cannot add {count} channels of degree {degree} to {target.get(degree, 0)}; "
                "use skip 'cat' or more channels out"
            )


def _check_choice(name: str, value: str, known: Iterable[str]) -> None:
    if value not in known:
        raise ConfigError(f"{name} cannot be {value!r}{nearest_name(value, known)}")
