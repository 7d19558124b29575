"""The layers of the SE(3)-Transformer (Fuchs et al. 2020) over neighbour tables.

Features of a cloud of M points are a dictionary, degree l to (M, channels, 2 l + 1). Under a rotation R each degree
turns by its own Wigner matrix D_l(R); translations change nothing, since only differences of positions enter.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from faceviz.errors import ConfigError, nearest_name
from faceviz.models.published.basis import KernelBasis
from faceviz.models.published.fibers import Features, Fiber
from faceviz.models.published.radial import RadialNetwork, evaluate_together
from faceviz.models.published.rounding import dot, kernel_messages

_TINY = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class Neighbourhoods:
    """The neighbours of M points and the geometry of the edges, shared by all layers of a level.

    Attributes:
        index: (M, k) long, the neighbour j of point i.
        window: (M, k) weight of the edge; 1, fading to 0 at the edge of the neighbourhood, 0 for an empty place.
        distance: (M k,) that the radial functions see.
        offset: (M, k, 3) ``x_i - x_j``, which is added to features of degree 1.
        basis: ``Q_J Y_J`` of the directions from i to j.
    """

    index: Tensor
    window: Tensor
    distance: Tensor
    offset: Tensor
    basis: KernelBasis


class LinearMix(nn.Module):
    """``f_out^l = W^l f_in^l``: linear self-interaction, the ``1x1`` of the paper."""

    def __init__(self, source: Fiber, target: Fiber) -> None:
        super().__init__()
        self.weight = nn.ParameterDict(
            {
                str(degree): nn.Parameter(torch.randn(count, source[degree]) / source[degree] ** 0.5)
                for degree, count in target.items()
            }
        )

    def forward(self, x: Features) -> Features:
        return {int(degree): weight @ x[int(degree)] for degree, weight in self.weight.items()}


class AttentiveMix(nn.Module):
    """``f_out^l = softmax(MLP(<f_a^l, f_b^l>)) f_in^l``: self-interaction with weights from inner products."""

    def __init__(self, source: Fiber, target: Fiber) -> None:
        super().__init__()
        self.target = target
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
            weights = self.weights[str(degree)](gram).unflatten(-1, (count, -1)).softmax(-1)
            out[degree] = weights @ value
        return out


MIXES = {"1x1": LinearMix, "att": AttentiveMix}


class NormBias(nn.Module):
    """``f -> relu(|f| + b) f / |f|`` with a bias for each channel.

    With ``softness`` s, ``|f|`` in the denominator is ``sqrt(|f|^2 + s^2)``; as published (s = 0) the direction of a
    vanishing feature, and so the output, is decided by rounding.
    """

    def __init__(self, fiber: Fiber, softness: float = 0.0) -> None:
        super().__init__()
        self.softness = softness
        self.bias = nn.ParameterDict(
            {str(degree): nn.Parameter(torch.randn(count)) for degree, count in fiber.items()}
        )

    def forward(self, x: Features) -> Features:
        return {degree: self._scaled(value, self.bias[str(degree)]) for degree, value in x.items()}

    def _scaled(self, value: Tensor, bias: Tensor) -> Tensor:
        norm = value.norm(dim=-1).clamp_min(_TINY)
        below = (norm.square() + self.softness**2).sqrt() if self.softness else norm
        return value * ((norm + bias).relu() / below).unsqueeze(-1)


class Kernels(nn.Module):
    """The kernels ``W^{lk}`` between two fibers: one radial network for each pair of degrees."""

    def __init__(self, source: Fiber, target: Fiber, hidden: int, inputs: int = 1) -> None:
        super().__init__()
        self.source, self.target = source, target

        def outputs(k: int, j: int) -> int:
            return target[j] * source[k] * (2 * min(k, j) + 1)

        self.radial = nn.ModuleDict(
            {f"{k}_{j}": RadialNetwork(outputs(k, j), hidden, inputs) for k in source for j in target}
        )

    def messages(self, radial: dict[str, Tensor], contracted: dict[tuple[int, int], Tensor]) -> Features:
        """``W^{lk} f_j`` summed over k, by l: (E, channels, 2 l + 1)."""
        out = {}
        for degree, count in self.target.items():
            terms = []
            for source in self.source:
                weights = radial[f"{source}_{degree}"].unflatten(-1, (count, -1))  # (E, C_out, C_in n_J)
                terms.append(weights @ contracted[source, degree])
            out[degree] = torch.stack(terms).sum(0) if len(terms) > 1 else terms[0]
        return out


class AttentionLayer(nn.Module):
    """Attention over neighbourhoods with a skip connection (GSE3Res).

    ``z_i = sum_j alpha_ij W_V(x_j - x_i) f_j`` with ``alpha_ij = softmax_j(q_i . k_ij / sqrt(dim))``,
    ``q_i = W_Q f_i`` and ``k_ij = W_K(x_j - x_i) f_j`` (eq. 10 to 12 of Fuchs et al. 2020); then z joins f by
    self-interaction (skip ``cat``) or by a sum after it (skip ``sum``).

    The basis is contracted with the features first, ``T_J = (Q_J Y_J) f_j``, and the radial weights act on T: no kernel
    of an edge is ever formed, and values and keys share T.

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
        self.heads, self.skip, self.relative, self.plain = heads, skip, relative, plain
        middle = target.divided(div, heads)
        if not set(middle) & set(source):
            raise ConfigError(
                f"keys need a degree that comes in ({list(source)}) and goes out ({list(target)})"
            )
        keys = middle.only(source)
        edges = Fiber({**source, 1: source.get(1, 0) + 1}) if relative == "cat" else source
        self.value, self.key = (Kernels(edges, part, hidden, 2 if plain else 1) for part in (middle, keys))
        self.query = LinearMix(source, keys)
        self.root = keys.dim**0.5
        if skip == "sum":
            _check_sum(source, target)
            self.project = LinearMix(middle, target)
        else:
            self.project = MIXES[self_interaction](middle.joined(source), target)

    def forward(self, x: Features, near: Neighbourhoods) -> Features:
        value, key = self._messages(x, near)
        z = self._attended(value, key, self.query(x), near)
        if self.skip == "sum":
            return _sum(self.project(z), x)
        return self.project({d: torch.cat([part, x[d]], 1) if d in x else part for d, part in z.items()})

    def _messages(self, x: Features, near: Neighbourhoods) -> tuple[Features, Features]:
        sent = self._sent(x, near)
        if self.plain:
            value, key = (
                kernel_messages(part, sent, near.distance, near.basis) for part in (self.value, self.key)
            )
            return value, key
        names = [(part, name) for part in ("value", "key") for name in getattr(self, part).radial]
        networks = [getattr(self, part).radial[name] for part, name in names]
        radial: dict[str, dict[str, Tensor]] = {"value": {}, "key": {}}
        for (part, name), out in zip(names, evaluate_together(networks, near.distance), strict=True):
            radial[part][name] = out
        contracted = self._contracted(sent, near.basis)
        return self.value.messages(radial["value"], contracted), self.key.messages(radial["key"], contracted)

    def _sent(self, x: Features, near: Neighbourhoods) -> Features:
        """Features of the neighbours, (E, C, 2 l + 1), with the relative position."""
        sent = {degree: value[near.index.flatten()] for degree, value in x.items()}
        offset = near.offset.reshape(-1, 1, 3)
        if self.relative == "cat":
            sent[1] = torch.cat([sent[1], offset], 1) if 1 in sent else offset
        elif self.relative == "add" and 1 in sent and sent[1].shape[1] > 1:
            sent[1] = torch.cat([sent[1][:, :1] + offset, sent[1][:, 1:]], 1)
        return sent

    def _contracted(self, sent: Features, basis: KernelBasis) -> dict[tuple[int, int], Tensor]:
        """``T`` by (degree in, degree out): (E, C_in n_J, 2 l_out + 1)."""
        out = {}
        for source in self.value.source:
            for target in self.value.target:
                product = sent[source] @ basis[source, target]  # (E, C_in, n_J (2 l_out + 1))
                out[source, target] = product.reshape(len(product), -1, 2 * target + 1)
        return out

    def _attended(self, value: Features, key: Features, query: Features, near: Neighbourhoods) -> Features:
        count, k = near.index.shape
        q = torch.cat([part.reshape(count, 1, self.heads, -1) for part in query.values()], -1)
        k_ij = torch.cat([key[degree].reshape(count, k, self.heads, -1) for degree in query], -1)
        products = dot(k_ij, q) if self.plain else (q * k_ij).sum(-1)
        alpha = windowed_softmax(products / self.root, near.window)  # (M, k, heads)
        out = {}
        for degree, message in value.items():
            heads = message.reshape(count, k, self.heads, -1)
            z = torch.einsum("mkh,mkhc->mhc", alpha, heads)
            out[degree] = z.reshape(count, -1, 2 * degree + 1)
        return out


def windowed_softmax(logits: Tensor, window: Tensor) -> Tensor:
    """``w_j exp(l_j) / sum_j w_j exp(l_j)`` over axis 1 of (M, k, heads); zeros where all weights w (M, k) are zero."""
    weight = window.unsqueeze(-1)
    logits = logits.masked_fill(weight == 0, torch.finfo(logits.dtype).min)
    raised = weight * (logits - logits.amax(1, keepdim=True)).exp()
    return raised / raised.sum(1, keepdim=True).clamp_min(torch.finfo(logits.dtype).tiny)


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


def _check_choice(name: str, value: str, known) -> None:  # noqa: ANN001
    if value not in known:
        raise ConfigError(f"{name} cannot be {value!r}{nearest_name(value, known)}")
