from __future__ import annotations

import pytest
import torch


@pytest.fixture
def wigner():
    """``D_l`` of a rotation, from ``Y_l(R x) = D_l Y_l(x)`` with the harmonics of e3nn."""
    o3 = pytest.importorskip("e3nn.o3")
    x = torch.randn(40, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(3))

    def matrix(degree, rotation):
        still, turned = (
            o3.spherical_harmonics(degree, y, True, normalization="integral") for y in (x, x @ rotation.T)
        )
        return torch.linalg.lstsq(still, turned).solution.T

    return matrix
