import pytest
import torch

from faceviz.models.spatial_transformer import SpatialTransformer


@pytest.fixture
def clouds():
    return torch.randn(3, 50, 3, generator=torch.Generator().manual_seed(0))


def stirred():
    torch.manual_seed(0)
    transformer = SpatialTransformer()
    torch.nn.init.normal_(transformer.all[-1].weight, std=0.5)
    return transformer


def test_it_begins_as_the_identity(clouds):
    torch.testing.assert_close(SpatialTransformer()(clouds), clouds)


def test_each_cloud_has_its_own_matrix_whatever_the_order_of_its_points(clouds):
    transformer = stirred()
    matrices = transformer.matrix(clouds)
    assert (matrices[0] - matrices[1]).abs().max() > 1e-3
    torch.testing.assert_close(transformer.matrix(clouds.flip(1)), matrices)


def test_the_penalty_vanishes_for_rotations_alone(clouds):
    assert SpatialTransformer().penalty(clouds) == 0.0
    transformer = stirred()
    a = transformer.matrix(clouds)
    expected = torch.stack([torch.dist(torch.eye(3), m @ m.T) ** 2 for m in a]).mean()
    assert transformer.penalty(clouds) > 0.01
    torch.testing.assert_close(transformer.penalty(clouds), expected)


def test_the_penalty_leads_to_a_rotation(clouds):
    transformer = stirred()
    before = transformer.penalty(clouds).item()
    optimiser = torch.optim.Adam(transformer.parameters(), lr=0.01)
    for _ in range(60):
        optimiser.zero_grad()
        transformer.penalty(clouds).backward()
        optimiser.step()
    assert transformer.penalty(clouds) < 0.01 * before
