from __future__ import annotations

import pytest
import torch

from faceviz.models.reconstruction.stream import StreamConfig, StreamNetwork
from faceviz.training.reader import READER, Found, Unseen, fit_reader

_SMALL = {"widths": (8, 8, 8, 8), "memory": 4, "hidden": 32, "features": 8, "components": 2}
_ENERGY = torch.tensor([1.0, 0.5, 0.2])


@pytest.fixture
def network():
    torch.manual_seed(0)
    return StreamNetwork(StreamConfig(**_SMALL)).eval()


@pytest.fixture
def found(network):
    """People whose code is how wide, how high and how bent their landmarks are; a network that sees half of it."""
    generator = torch.Generator().manual_seed(1)
    codes = torch.randn(200, 3, generator=generator)
    x, y = network.template.unbind(-1)
    ways = torch.stack([torch.stack(way, -1) for way in ((x * y, 0 * x), (0 * x, y * y), (x * x, 0 * y))])
    change = 0.1 * torch.einsum("pk,kjc->pjc", codes, ways - ways.mean(dim=1, keepdim=True))
    true = (network.template + change)[:, None].expand(-1, 4, -1, -1)
    seen = network.template + 0.5 * change[:, None] + 0.01 * torch.randn(200, 4, 68, 2, generator=generator)
    return Found(seen, true, torch.zeros(200, 4, 16), codes)


@pytest.fixture
def others(found):
    return Unseen(found.true, found.codes)


def error(network, found):
    with torch.no_grad():
        code = network.fused(found.landmarks, found.added)[0].code[:, -1]
    return float(((code - found.codes) ** 2 @ _ENERGY).mean())


def test_the_reader_learns_what_found_landmarks_tell(network, found, others):
    before = error(network, found)
    said = []
    fit_reader(network, found, others, _ENERGY, 0.3, steps=500, seed=0, say=said.append, rate=1e-3)
    assert error(network, found) < 0.3 * before
    assert len(said) == 5 and "500 of 500" in said[-1]


def test_all_but_the_reader_stays_as_it_is(network, found, others):
    before = {name: value.clone() for name, value in network.state_dict().items()}
    fit_reader(network, found, others, _ENERGY, 0.3, steps=3, seed=0, say=lambda _: None)
    changed = {name for name, value in network.state_dict().items() if not torch.equal(value, before[name])}
    assert changed == {name for name in before if name.split(".")[0] in READER}


def test_the_same_seed_fits_the_same_reader(found, others):
    weights = []
    for state in range(2):
        torch.manual_seed(0)
        network = StreamNetwork(StreamConfig(**_SMALL)).eval()
        torch.manual_seed(state)  # a run that was resumed
        fit_reader(network, found, others, _ENERGY, 0.3, steps=3, seed=5, say=lambda _: None)
        weights.append(network.geometry[0].weight.detach())
    assert torch.equal(*weights)
