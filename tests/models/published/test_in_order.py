from __future__ import annotations

import numpy as np
import pytest
import torch

from faceviz.models.published.attention import windowed_softmax
from faceviz.models.published.in_order import added, dot, linear, product, root, softmax


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(0)


def test_terms_are_added_one_after_the_other():
    terms = torch.tensor([[1e8, 1.0, -1e8, 3.0]])  # 1 is lost beside 1e8
    assert added(terms).tolist() == [3.0]
    assert dot(terms, torch.ones_like(terms)).tolist() == [3.0]


def test_a_product_and_the_sum_it_joins_are_rounded_once(generator):
    x, y = (torch.randn(200, 2, generator=generator) for _ in range(2))
    found = product(x[:, None], y[..., None]).flatten().numpy()
    first, second = (x.double() * y.double()).numpy().T
    expected = (first.astype(np.float32) + second).astype(np.float32)
    np.testing.assert_array_equal(found, expected)
    assert (found != (x[:, 0] * y[:, 0] + x[:, 1] * y[:, 1]).numpy()).any()


def test_products_are_those_of_matrices(generator):
    x, y = torch.randn(3, 4, 7, generator=generator), torch.randn(3, 7, 5, generator=generator)
    torch.testing.assert_close(product(x.double(), y.double()), x.double() @ y.double())
    layer = torch.nn.Linear(7, 3)
    torch.testing.assert_close(linear(layer, x), layer(x))


def test_roots_are_the_nearest_numbers(generator):
    x = torch.rand(10_000, generator=generator)
    np.testing.assert_array_equal(root(x).numpy(), np.sqrt(x.numpy()))
    assert root(x.double()).dtype == torch.float64


def test_the_softmax_is_that_of_the_dense_attention(generator):
    logits, window = torch.randn(6, 9, 2, generator=generator), torch.rand(6, 9, generator=generator)
    window[:, 4] = 0.0
    torch.testing.assert_close(softmax(logits, window), windowed_softmax(logits, window))
    assert (softmax(logits, torch.zeros_like(window)) == 0).all()
