"""Spherical harmonics and change of basis against e3nn."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from faceviz.geometry.transforms import random_rotation
from faceviz.models.published.basis import (
    SIGNS,
    change_of_basis,
    frames_along,
    kernel_basis,
    orders,
    spherical_harmonics,
)

o3 = pytest.importorskip("e3nn.o3")
TRIPLES = [(j, i, o) for i in range(4) for o in range(4) for j in range(abs(i - o), i + o + 1)]


def directions(count=50):
    x = torch.randn(count, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    return x / x.norm(dim=-1, keepdim=True)


@pytest.mark.parametrize("degree", range(7))
def test_spherical_harmonics_are_those_of_e3nn(degree):
    expected = o3.spherical_harmonics(degree, directions(), False, normalization="integral")
    torch.testing.assert_close(spherical_harmonics(directions(), 6)[degree], expected, rtol=0, atol=1e-13)


def test_a_zero_vector_has_harmonics_of_degree_zero_alone():
    values = spherical_harmonics(torch.zeros(1, 3), 6)
    assert values[0].item() == pytest.approx(0.28209479)
    assert all(value.abs().max() == 0 for value in values[1:])


@pytest.mark.parametrize(("j", "degree_in", "degree_out"), TRIPLES)
def test_the_change_of_basis_is_wigners_symbol_up_to_sign(j, degree_in, degree_out):
    ours = change_of_basis(j, degree_in, degree_out)
    expected = o3.wigner_3j(degree_out, degree_in, j, dtype=torch.float64).numpy()
    np.testing.assert_allclose(ours * np.sign((ours * expected).sum()), expected, atol=1e-13)


@pytest.mark.parametrize("signs", SIGNS)
def test_pinned_signs_are_those_of_the_first_entry(signs):
    for j, degree_in, degree_out in TRIPLES:
        q = change_of_basis(j, degree_in, degree_out, signs)
        assert (q.flat[np.flatnonzero(q)[0]] < 0) == ((j, degree_in, degree_out) in SIGNS[signs])


def test_kernels_turn_with_the_direction(wigner, rng):
    rotation = torch.from_numpy(random_rotation(rng))
    x = directions()
    still = kernel_basis(spherical_harmonics(x, 6), 3)
    turned = kernel_basis(spherical_harmonics(x @ rotation.T, 6), 3)
    d = [wigner(degree, rotation) for degree in range(4)]
    for (degree_in, degree_out), value in still.items():
        shape = (len(x), 2 * degree_in + 1, -1, 2 * degree_out + 1)
        expected = torch.einsum("ai,bo,eijo->eajb", d[degree_in], d[degree_out], value.view(shape))
        torch.testing.assert_close(turned[degree_in, degree_out].view(shape), expected, rtol=0, atol=1e-12)


def test_frames_are_wigners_matrices_of_a_rotation_to_the_polar_axis(wigner):
    poles = torch.tensor([[0, 1, 0], [0, -1, 0], [0, 0, -1], [1, 0, 0], [0, 0, 1], [0, 0, 0]])
    x = torch.cat([poles.double(), directions()])
    frames = frames_along(x, 3)
    for e, towards in enumerate(x[:, None]):
        rotation = torch.stack([frames[1][orders(1).index(row), :, e] for row in range(3)])
        torch.testing.assert_close(rotation @ rotation.T, torch.eye(3).double(), rtol=0, atol=1e-14)
        assert torch.linalg.det(rotation) > 0
        if towards.any():
            torch.testing.assert_close(rotation @ towards[0], poles[0].double(), rtol=0, atol=1e-14)
        for degree in range(4):
            expected = wigner(degree, rotation)[orders(degree)]
            torch.testing.assert_close(frames[degree][..., e], expected, rtol=0, atol=1e-12)
