"""SE(3)-equivariant layers on scalars and vectors (type-0 and type-1 features) over dense neighbour tables.

Under ``x -> R x + t`` scalars stay and vectors turn with R; nothing depends on t, because only differences of positions
enter. Mirror images are told apart, since cross products mix polar and axial vectors: the group is SE(3), not E(3).

Layout: scalars (B, N, C), vectors (B, N, 3, C).
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Features(NamedTuple):
    """Type-0 and type-1 features of a cloud."""

    scalars: Tensor  # (B, N, C0)
    vectors: Tensor  # (B, N, 3, C1)

    def prefix(self, count: int) -> Features:
        """The features of the first ``count`` points: pooling, where points are in farthest-point order."""
        return Features(self.scalars[:, :count], self.vectors[:, :count])


class Neighbourhood(NamedTuple):
    """The geometry of M points' neighbourhoods, computed once and shared by all layers of a level."""

    index: Tensor  # type: ignore[assignment]  # and not the method of tuples; (B, M, k) long, into the B * N flattened source points
    keys: Tensor  # (B, M, R + 3, k) radial basis of the distance, and the unit vector to the neighbour
    log_window: Tensor  # (B, M, 1, k) log of the weight that fades to zero at the edge of the neighbourhood

    def prefix(self, count: int) -> Neighbourhood:
        return Neighbourhood(*(part[:, :count] for part in self))

    @property
    def radial(self) -> Tensor:
        """(B, M, R, k)."""
        return self.keys[:, :, :-3]

    @property
    def direction(self) -> Tensor:
        """(B, M, 3, k); zero where points coincide."""
        return self.keys[:, :, -3:]


class RadialBasis(nn.Module):
    """``phi_r(d) = exp(-((s(d) - c_r) / w)^2)`` with s(d) = log(1 + d / scale), R bumps evenly spaced in s."""

    centres: Tensor

    def __init__(self, count: int, scale: float, reach: float) -> None:
        super().__init__()
        self.scale = scale
        centres = torch.linspace(0.0, float(torch.log1p(torch.tensor(reach / scale))), count)
        self.register_buffer("centres", centres, persistent=False)
        self.inverse_width = float(1.0 / (centres[1] - centres[0]))

    def forward(self, distance: Tensor) -> Tensor:
        """(...) distances to (..., R)."""
        stretched = torch.log1p(distance / self.scale).unsqueeze(-1)
        return torch.exp(-(((stretched - self.centres) * self.inverse_width) ** 2))


def neighbourhood(
    points: Tensor, table: Tensor, basis: RadialBasis, *, windowed: bool = True
) -> Neighbourhood:
    """Distances, directions and fading weights of a neighbour table.

    The window is ``(1 - (d / D)^4)^2``, D the distance of the last neighbour, which is only used for this: when two
    points swap places at the edge, both weigh nothing.

    Args:
        points: (B, N, 3).
        table: (B, N, k + 1) long, each row sorted by distance if ``windowed``.
        windowed: False where the table holds all points, so that there is no edge: all k + 1 are used.
    """
    batch, count = points.shape[:2]
    offset = torch.arange(batch, device=points.device).view(-1, 1, 1) * count
    index = table + offset
    delta = F.embedding(index, points.reshape(-1, 3)) - points[:, : table.shape[1]].unsqueeze(2)
    distance = (inner(delta, delta, dim=-1) + _tiny(points.dtype)).sqrt()
    if windowed:
        reach = distance[..., -1:].clamp_min(1e-9)
        index, delta, distance = index[..., :-1], delta[..., :-1, :], distance[..., :-1]
        window = (1.0 - (distance / reach).clamp_max(1.0) ** 4) ** 2
    else:
        window = torch.ones_like(distance)
    direction = (delta / distance.unsqueeze(-1)).transpose(-1, -2)
    return Neighbourhood(
        index,
        torch.cat([basis(distance).transpose(-1, -2), direction], -2),
        window.clamp_min(_tiny(points.dtype)).log().unsqueeze(-2),
    )


def _tiny(dtype: torch.dtype) -> float:
    return 1e-24 if dtype == torch.float64 else 1e-14


def gather(features: Tensor, index: Tensor) -> Tensor:
    """Rows of (B, N, C) picked by flat indices (B, M, k): (B, M, k, C)."""
    return F.embedding(index, features.reshape(-1, features.shape[-1]))


def inner(left: Tensor, right: Tensor, dim: int = -2) -> Tensor:
    """Inner products (B, N, C) of vectors (B, N, 3, C); axis by axis, which is quicker than a sum over three."""
    (a, b, c), (x, y, z) = left.unbind(dim), right.unbind(dim)
    return torch.addcmul(torch.addcmul(a * x, b, y), c, z)


def vector_norm(vectors: Tensor) -> Tensor:
    """Lengths (B, N, C) of vectors (B, N, 3, C), smooth at zero."""
    return (inner(vectors, vectors) + 1e-6).sqrt()


class FeatureNorm(nn.Module):
    """Layer norm of the scalars; vectors divided by the root mean square length of their point's channels."""

    def __init__(self, scalars: int, vectors: int) -> None:
        super().__init__()
        self.scalars = nn.LayerNorm(scalars)
        self.gain = nn.Parameter(torch.ones(vectors))

    def forward(self, x: Features) -> Features:
        mean_square = inner(x.vectors, x.vectors).mean(-1, keepdim=True).unsqueeze(-2)
        return Features(self.scalars(x.scalars), x.vectors * (self.gain * (mean_square + 1e-3).rsqrt()))


class Moments(NamedTuple):
    """Sums over a neighbourhood; ``alpha_ij`` the weights of H heads (G of them for u v), ``u_ij`` the direction."""

    s: Tensor  # (B, M, H, Cs) sum_j alpha s_j
    us: Tensor  # (B, M, 3 H, Cs) sum_j alpha u s_j
    v: Tensor  # (B, M, H, 3 Cv) sum_j alpha v_j
    uv: Tensor  # (B, M, 3 G, 3 Cv) sum_j alpha u (x) v_j


class MomentMixing(nn.Module):
    """Mixes moments into scalars (from s, u.v) and vectors (from u s, v, u x v).

    The paths of ``v`` and ``u (x) v`` are laid out as one matrix each, with zeros where an axis does not enter: a point
    costs four dense products, and no tensor is taken apart.
    """

    def __init__(self, heads: tuple[int, int], values: tuple[int, int], channels: tuple[int, int]) -> None:
        super().__init__()
        (h, g), (cs, cv), (scalars, vectors) = heads, values, channels
        to_scalars, to_vectors = h * cs + g * cv, h * cs + h * cv + g * cv
        self.bias = nn.Parameter(torch.zeros(scalars))
        self.scalar = _weight(h * cs, scalars, to_scalars)
        self.ray = _weight(h * cs, vectors, to_vectors)
        self.carry = _weight(h, cv, vectors, to_vectors)
        self.dot = _weight(g, cv, scalars, to_scalars)
        self.cross = _weight(g, cv, vectors, to_vectors)
        self._kept: tuple[object, tuple[Tensor, Tensor]] | None = None

    def forward(self, moments: Moments) -> Features:
        """Features of M points."""
        vectors = self.ray.shape[-1]
        carry, product = self._matrices()
        scalars = moments.s.flatten(-2) @ self.scalar + self.bias
        rays = moments.us.unflatten(-2, (3, -1)).flatten(-2) @ self.ray  # (B, M, 3, C1)
        carried = moments.v.flatten(-2) @ carry  # (B, M, 3 C1)
        products = moments.uv.flatten(-2) @ product  # (B, M, C0 + 3 C1)
        dots, crosses = products.split([self.dot.shape[-1], 3 * vectors], -1)
        return Features(scalars + dots, rays + (carried + crosses).unflatten(-1, (3, vectors)))

    def _matrices(self) -> tuple[Tensor, Tensor]:
        """Both matrices; without gradients they are laid out once, and anew when a weight has changed."""
        weights = (self.carry, self.dot, self.cross)
        if torch.is_grad_enabled() or torch.compiler.is_compiling() or self.carry.is_inference():
            return self._carry_matrix(), self._product_matrix()
        state = [(weight.data_ptr(), weight.dtype, weight._version) for weight in weights]
        if self._kept is None or self._kept[0] != state:
            self._kept = state, (self._carry_matrix(), self._product_matrix())
        return self._kept[1]

    def _carry_matrix(self) -> Tensor:
        """(H 3 Cv, 3 C1): v_b to axis b."""
        none = torch.zeros_like(self.carry)
        rows = [torch.cat([self.carry if b == c else none for c in range(3)], -1) for b in range(3)]
        return torch.stack(rows, 1).flatten(0, 2)

    def _product_matrix(self) -> Tensor:
        """(3 G 3 Cv, C0 + 3 C1): u_a v_b to the inner product if a = b, to the cross product by epsilon_abc."""
        none, flat = torch.zeros_like(self.cross), torch.zeros_like(self.dot)
        signed = {0: none, 1: self.cross, -1: -self.cross}
        rows = []
        for a in range(3):
            blocks = []
            for b in range(3):
                epsilon = [(a - b) * (b - c) * (c - a) // 2 for c in range(3)]  # the Levi-Civita symbol
                blocks.append(torch.cat([self.dot if a == b else flat, *(signed[e] for e in epsilon)], -1))
            rows.append(torch.stack(blocks, 1))
        return torch.stack(rows).flatten(0, 3)


def _weight(*shape: int) -> nn.Parameter:
    """A parameter of ``shape[:-1]``, uniform within ``shape[-1]`` (the fan in) to the power -1/2."""
    bound = shape[-1] ** -0.5
    return nn.Parameter(torch.empty(shape[:-1]).uniform_(-bound, bound))


class EquivariantAttention(nn.Module):
    """Attention over neighbourhoods, aggregated before the channels are mixed.

    ``alpha_ij = softmax_j(q_i . k_ij + b_j)`` and ``f_i += W sum_j alpha_ij (1, u_ij) (x) f_j`` (Fuchs et al. 2020,
    eq. 10, with the sum over neighbours first). The keys ``k_ij = (phi(d_ij), u_ij)`` are a radial basis and the
    direction; the query is a radial profile (type 0) and a vector (type 1) of the receiving point, so that their
    product is a scalar; the sender adds a bias.

    Args:
        scalars, vectors: channels in and out.
        heads: attention heads H; half of them also form products of the direction with vectors.
        value_scalars, value_vectors: channels that travel along the edges.
        radial: size R of the radial basis.
    """

    def __init__(
        self, scalars: int, vectors: int, *, heads: int, value_scalars: int, value_vectors: int, radial: int
    ) -> None:
        super().__init__()
        self.heads, self.product_heads = heads, max(heads // 2, 1)
        self.norm = FeatureNorm(scalars, vectors)
        self.query_radial = nn.Linear(scalars, heads * radial)
        self.query_vector = nn.Linear(vectors, heads, bias=False)
        self.source_bias = nn.Linear(scalars, heads, bias=False)
        self.value_scalar = nn.Linear(scalars, value_scalars)
        self.value_vector = nn.Linear(vectors, value_vectors, bias=False)
        self.mix = MomentMixing(
            (heads, self.product_heads), (value_scalars, value_vectors), (scalars, vectors)
        )

    def forward(self, x: Features, near: Neighbourhood) -> Features:
        """Features at the first M of N points from all N; M is the neighbourhood's."""
        source, kept = self.norm(x), x.prefix(near.index.shape[1])
        alpha = self._alpha(source, near)
        change = self.mix(self._moments(alpha, source, near))
        return Features(kept.scalars + change.scalars, kept.vectors + change.vectors)

    def _alpha(self, source: Features, near: Neighbourhood) -> Tensor:
        """Weights of the neighbours, (B, M, H, k), that add up to one."""
        target = source.prefix(near.index.shape[1])
        profile = self.query_radial(target.scalars).unflatten(-1, (self.heads, -1))
        pull = self.query_vector(target.vectors).transpose(-1, -2)
        logits = torch.cat([profile, pull], -1) @ near.keys
        bias = gather(self.source_bias(source.scalars), near.index).transpose(-1, -2)
        return (logits + bias + near.log_window).softmax(dim=-1)

    def _moments(self, alpha: Tensor, source: Features, near: Neighbourhood) -> Moments:
        s = gather(self.value_scalar(source.scalars), near.index)  # (B, M, k, Cs)
        v = gather(self.value_vector(source.vectors).flatten(-2), near.index)  # (B, M, k, 3 Cv)
        direction = near.direction.unsqueeze(-2)  # (B, M, 3, 1, k)
        turned = (alpha.unsqueeze(-3) * direction).flatten(-3, -2)  # (B, M, 3 H, k)
        some = (alpha[..., : self.product_heads, :].unsqueeze(-3) * direction).flatten(-3, -2)
        return Moments(alpha @ s, turned @ s, alpha @ v, some @ v)


class PointwiseMixing(nn.Module):
    """What a point does with its own features: an MLP on invariants, gates on vectors, products of vectors.

    Invariants are the scalars, lengths ``|v|``, and inner products ``p . r``; the cross products ``p x r`` join the
    vectors, so that triple products, which change sign in the mirror, can form.
    """

    def __init__(self, scalars: int, vectors: int, *, products: int, hidden: int) -> None:
        super().__init__()
        self.norm = FeatureNorm(scalars, vectors)
        self.factors = nn.Linear(vectors, 2 * products, bias=False)
        self.expand = nn.Linear(scalars + vectors + products, hidden)
        self.contract = nn.Linear(hidden, scalars + vectors)
        self.mix_vector = nn.Linear(vectors + products, vectors, bias=False)

    def forward(self, x: Features) -> Features:
        scalars, vectors = self.norm(x)
        left, right = self.factors(vectors).chunk(2, -1)
        invariants = torch.cat([scalars, vector_norm(vectors), inner(left, right)], -1)
        update = self.contract(F.silu(self.expand(invariants)))
        change, gate = update.split([x.scalars.shape[-1], x.vectors.shape[-1]], -1)
        mixed = self.mix_vector(torch.cat([vectors, torch.linalg.cross(left, right, dim=-2)], -1))
        return Features(x.scalars + change, x.vectors + gate.unsqueeze(-2) * mixed)


class EquivariantBlock(nn.Module):
    """Attention, then pointwise mixing, both residual."""

    def __init__(
        self, scalars: int, vectors: int, *, heads: int, value_scalars: int, value_vectors: int, radial: int
    ) -> None:
        super().__init__()
        self.attention = EquivariantAttention(
            scalars,
            vectors,
            heads=heads,
            value_scalars=value_scalars,
            value_vectors=value_vectors,
            radial=radial,
        )
        self.mixing = PointwiseMixing(scalars, vectors, products=vectors // 2, hidden=2 * scalars)

    def forward(self, x: Features, near: Neighbourhood) -> Features:
        return self.mixing(self.attention(x, near))


class LocalShape(nn.Module):
    """The first features of a bare cloud: ``m_r = sum_j w_ij phi_r(d_ij) u_ij`` and invariants of these moments."""

    def __init__(self, scalars: int, vectors: int, radial: int) -> None:
        super().__init__()
        self.vectors = nn.Linear(radial, vectors, bias=False)
        self.scalars = nn.Sequential(
            nn.Linear(radial + radial * radial, scalars), nn.SiLU(), nn.Linear(scalars, scalars)
        )

    def forward(self, near: Neighbourhood) -> Features:
        weight = near.log_window.exp() * near.radial / near.index.shape[-1]  # (B, M, R, k)
        moments = near.direction @ weight.transpose(-1, -2)  # (B, M, 3, R)
        gram = moments.transpose(-1, -2) @ moments
        invariants = torch.cat([weight.sum(-1), gram.flatten(-2)], -1)
        return Features(self.scalars(invariants), self.vectors(moments))


class Resize(nn.Module):
    """Linear change of channels, type by type."""

    def __init__(self, scalars: tuple[int, int], vectors: tuple[int, int]) -> None:
        super().__init__()
        self.scalars = nn.Linear(*scalars)
        self.vectors = nn.Linear(*vectors, bias=False)

    def forward(self, x: Features) -> Features:
        return Features(self.scalars(x.scalars), self.vectors(x.vectors))


def interpolate(values: Tensor, points: Tensor, table: Tensor, queries: Tensor) -> Tensor:
    """Values (B, M, C) at points (B, M, 3) carried to queries (B, Q, 3) by local inverse-distance weights, power 2.

    ``w_j ~ ((D - d_j) / (D d_j))^2`` with D the distance of the last neighbour in ``table`` (B, Q, k + 1): Shepard's
    weights that fade at the edge (Franke and Nielson 1980).
    """
    count = points.shape[1]
    index = table + torch.arange(len(points), device=points.device).view(-1, 1, 1) * count
    delta = F.embedding(index, points.reshape(-1, 3)) - queries.unsqueeze(2)
    distance = (inner(delta, delta, dim=-1) + _tiny(points.dtype)).sqrt()
    reach, near = distance[..., -1:], distance[..., :-1]
    weights = ((reach - near).clamp_min(1e-7) / (reach * near)) ** 2
    weights = weights / weights.sum(-1, keepdim=True)
    return (weights.unsqueeze(-2) @ gather(values, index[..., :-1])).squeeze(-2)
