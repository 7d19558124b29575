"""Real spherical harmonics and the change of basis that makes equivariant kernels of them.

``W^{lk}(x) = sum_J phi_J(|x|) sum_M Q_J[:, :, M] Y_{JM}(x / |x|)``, J from ``|l - k|`` to ``l + k`` (Fuchs et al. 2020,
eq. 8). ``Q_J`` intertwines ``D_J`` with ``D_l (x) D_k`` and is unique up to its sign: Wigner's 3j symbol in the real
basis. Components of degree 1 are (x, y, z); the polar axis is y, as in e3nn.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from math import factorial, pi, sqrt

import numpy as np
import torch
from torch import Tensor

_SVD = frozenset(
    [
        (1, 0, 1),
        (2, 0, 2),
        (1, 1, 0),
        (2, 1, 1),
        (1, 1, 2),
        (2, 1, 2),
        (3, 1, 2),
        (1, 2, 1),
        (2, 2, 1),
        (3, 2, 1),
    ]
)
_TURNED = frozenset([(2, 2, 0), (2, 2, 1), (3, 2, 1), (2, 2, 2), (3, 2, 2), (4, 2, 2)])

#: Which Q_J are negative, by (J, degree in, degree out): those whose first entry that is not zero is.
#:
#: The original takes Q_J from a singular value decomposition at every forward pass, and the sign it finds depends on
#: the machine. Two outcomes are pinned: ``svd``, and ``checkpoint``, with which the published weights give the
#: published heatmaps. ``positive`` is ours; beyond degree 2, where nothing was published, all three agree.
SIGNS: dict[str, frozenset[tuple[int, int, int]]] = {
    "positive": frozenset(),
    "svd": _SVD,
    "checkpoint": _SVD ^ _TURNED,
}

#: By (degree in, degree out): (E, 2 l_in + 1, n_J (2 l_out + 1)), the last axis J by J.
KernelBasis = dict[tuple[int, int], Tensor]


def spherical_harmonics(directions: Tensor, max_degree: int) -> list[Tensor]:
    """``Y_J`` (..., 2 J + 1) of unit vectors (..., 3) for J = 0 to ``max_degree``, with unit norm on the sphere.

    ``Y_{l,m} = N_{lm} P_{lm}(y) Re (z + i x)^m`` for m >= 0, the imaginary part of ``(z + i x)^{|m|}`` for m < 0.
    A zero vector, which has no direction, gives zero for every J > 0.
    """
    x, y, z = directions.unbind(-1)
    square = (directions * directions).sum(-1)
    cosine, sine = [torch.ones_like(x)], [torch.zeros_like(x)]
    for _ in range(max_degree):
        c, s = cosine[-1], sine[-1]
        cosine.append(c * z - s * x)
        sine.append(c * x + s * z)
    columns: list[list[Tensor]] = [[torch.empty(0)] * (2 * degree + 1) for degree in range(max_degree + 1)]
    for m in range(max_degree + 1):
        for degree, polynomial in enumerate(_legendre(m, max_degree, y, square), start=m):
            scaled = _norm(degree, m) * polynomial
            columns[degree][degree + m] = scaled * cosine[m]
            if m:
                columns[degree][degree - m] = scaled * sine[m]
    return [torch.stack(column, -1) for column in columns]


def _legendre(m: int, max_degree: int, y: Tensor, square: Tensor) -> list[Tensor]:
    """``P_{lm} / sin^m`` for l = m to ``max_degree``, as homogeneous polynomials of degree l - m."""
    start = 1.0
    for odd in range(1, 2 * m, 2):
        start *= odd
    values = [torch.full_like(y, start)]
    for degree in range(m + 1, max_degree + 1):
        value = (2 * degree - 1) * y * values[-1]
        if len(values) > 1:
            value = value - (degree + m - 1) * square * values[-2]
        values.append(value / (degree - m))
    return values


def _norm(degree: int, m: int) -> float:
    return sqrt((2 * degree + 1) / (4 * pi) * factorial(degree - m) / factorial(degree + m) * (2 if m else 1))


@lru_cache(maxsize=512)
def change_of_basis(j: int, degree_in: int, degree_out: int, signs: str = "positive") -> np.ndarray:
    """``Q_J`` (2 l_out + 1, 2 l_in + 1, 2 J + 1) float64 of Frobenius norm 1, with its sign as in ``SIGNS``."""
    u_out, u_in, u_j = (_complex_to_real(degree) for degree in (degree_out, degree_in, j))
    tensor = np.einsum("am,bn,cp,mnp->abc", u_out, u_in, u_j, _three_j(degree_out, degree_in, j))
    real = tensor.real if np.abs(tensor.real).max() > np.abs(tensor.imag).max() else tensor.imag
    real = np.where(np.abs(real) < 1e-14, 0.0, real)
    first = real.flat[np.flatnonzero(real)[0]]
    sign = -1.0 if (j, degree_in, degree_out) in SIGNS[signs] else 1.0
    real = real * (sign * np.sign(first) / np.linalg.norm(real))
    real.setflags(write=False)
    return real


def _complex_to_real(degree: int) -> np.ndarray:
    """Rows: real harmonics m = -l..l in terms of the complex ones with Condon and Shortley's phase."""
    matrix = np.zeros((2 * degree + 1, 2 * degree + 1), dtype=complex)
    matrix[degree, degree] = 1.0
    for m in range(1, degree + 1):
        matrix[degree + m, [degree + m, degree - m]] = (-1) ** m / sqrt(2), 1 / sqrt(2)
        matrix[degree - m, [degree + m, degree - m]] = -1j * (-1) ** m / sqrt(2), 1j / sqrt(2)
    return matrix


def _three_j(a: int, b: int, c: int) -> np.ndarray:
    """Wigner's 3j symbols (2 a + 1, 2 b + 1, 2 c + 1) by Racah's formula."""
    symbols = np.zeros((2 * a + 1, 2 * b + 1, 2 * c + 1))
    for m in range(-a, a + 1):
        for n in range(-b, b + 1):
            if abs(m + n) <= c:
                symbols[a + m, b + n, c - m - n] = _racah(a, b, c, m, n)
    return symbols


def _racah(a: int, b: int, c: int, m: int, n: int) -> float:
    p = -m - n
    triangle = factorial(a + b - c) * factorial(a - b + c) * factorial(-a + b + c) / factorial(a + b + c + 1)
    spread = 1
    for degree, order in ((a, m), (b, n), (c, p)):
        spread *= factorial(degree + order) * factorial(degree - order)
    total = 0.0
    for t in range(max(0, b - c - m, a - c + n), min(a + b - c, a - m, b + n) + 1):
        parts = (t, c - b + t + m, c - a + t - n, a + b - c - t, a - t - m, b - t + n)
        total += (-1) ** t / np.prod([float(factorial(part)) for part in parts])
    return (-1) ** (a - b - p) * sqrt(triangle * spread) * total


def kernel_basis(
    harmonics: Sequence[Tensor],
    max_degree: int,
    signs: str = "positive",
    product: Callable[[Tensor, Tensor], Tensor] = torch.matmul,
) -> KernelBasis:
    """``Q_J Y_J`` of every pair of degrees up to ``max_degree`` from harmonics (E, 2 J + 1), J up to twice that."""
    basis = {}
    for degree_in in range(max_degree + 1):
        for degree_out in range(max_degree + 1):
            js = range(abs(degree_in - degree_out), degree_in + degree_out + 1)
            shape = (-1, 2 * degree_in + 1, 2 * degree_out + 1)
            parts = (
                product(harmonics[j], _matrix(change_of_basis(j, degree_in, degree_out, signs), harmonics[j]))
                for j in js
            )
            basis[degree_in, degree_out] = torch.cat([part.view(shape) for part in parts], -1)
    return basis


def frames_along(directions: Tensor, max_degree: int) -> list[Tensor]:
    """``D_l`` (2 l + 1, 2 l + 1, E), l = 0 to ``max_degree``, of rotations of unit vectors (E, 3) to the polar axis.

    Rows are components along the direction by order, m = 0, -1, 1, -2, 2 ..., columns components as they come. Which of
    the rotations it is, is free. A zero vector stands for (0, 0, 1).
    """
    x, y, z = directions.unbind(-1)
    z = z + ((x == 0) & (y == 0) & (z == 0)).to(z)
    sign = torch.where(z < 0, -1.0, 1.0).to(z)  # Duff et al. 2017, "Building an orthonormal basis, revisited"
    a = -1.0 / (sign + z)
    b = x * y * a
    first = torch.stack([torch.stack([b, sign + y * y * a, -y]), torch.stack([x, y, z])])
    turn = torch.cat([first, torch.stack([1.0 + sign * x * x * a, sign * b, -sign * x])[None]])
    found = [torch.ones_like(turn[:1, :1]), turn]
    for degree in range(2, max_degree + 1):
        product = found[-1][:, None, :, None] * turn[None, :, None, :]  # of degrees l - 1 and 1
        matrix = torch.from_numpy(_highest(degree)).to(product)
        found.append((matrix @ product.flatten(0, 3)).unflatten(0, (2 * degree + 1, -1)))
    return [matrix[orders(degree)] for degree, matrix in enumerate(found[: max_degree + 1])]


def orders(degree: int) -> list[int]:
    """Where the components of order m = 0, -1, 1, -2, 2 ... lie."""
    return [degree + sign * m for m in range(degree + 1) for sign in ((-1, 1) if m else (0,))]


@lru_cache(maxsize=16)
def _highest(degree: int) -> np.ndarray:
    """``D_l`` of ``D_{l-1} (x) D_1``: ((2 l + 1)^2, 9 (2 l - 1)^2)."""
    q = change_of_basis(degree, 1, degree - 1)
    return (2 * degree + 1) * np.einsum("acm,bdn->mnacbd", q, q).reshape((2 * degree + 1) ** 2, -1)


@lru_cache(maxsize=64)
def polar_kernels(degree_in: int, degree_out: int, signs: str = "positive") -> np.ndarray:
    """``Q_J Y_J`` along the polar axis, (n_J, cells): there, orders m and -m mix with each other alone.

    The cells are, one |m| after the other up to the lower degree, those of (order out, order in), -|m| before |m|.
    """
    blocks = []
    for j in range(abs(degree_in - degree_out), degree_in + degree_out + 1):
        along = change_of_basis(j, degree_in, degree_out, signs)[..., j] * sqrt((2 * j + 1) / (4 * pi))
        ordered = along[np.ix_(orders(degree_out), orders(degree_in))]
        rows = [slice(max(2 * m - 1, 0), 2 * m + 1) for m in range(min(degree_in, degree_out) + 1)]
        blocks.append(np.concatenate([ordered[row, row].ravel() for row in rows]))
    return np.stack(blocks)


def _matrix(q: np.ndarray, like: Tensor) -> Tensor:
    """``Q_J`` as (2 J + 1, (2 l_in + 1) (2 l_out + 1))."""
    matrix = q.transpose(2, 1, 0).reshape(q.shape[2], -1)
    return torch.from_numpy(matrix.copy()).to(like)
