import numpy as np
import pytest
import torch

from faceviz.training.schedule import cosine, restarts


def test_a_cosine_warms_up_and_falls_to_a_hundredth():
    factors = [cosine(step, 100, 10) for step in range(101)]
    assert factors[0] == pytest.approx(0.1) and factors[9] == 1.0
    assert factors[-1] == pytest.approx(0.01)
    assert np.all(np.diff(factors[10:]) < 0)


def test_a_budget_that_runs_out_first_brings_the_rate_down():
    assert cosine(50, 100, 0, spent=1.0) == pytest.approx(0.01)
    assert cosine(50, 100, 0, spent=0.1) == cosine(50, 100, 0)


@pytest.mark.parametrize("period", [7, 20])
def test_restarts_are_those_of_torch(period):
    optimiser = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.3)
    reference = torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(optimiser, period)
    for step in range(45):
        assert 0.3 * restarts(step, period) == pytest.approx(reference.get_last_lr()[0])
        optimiser.step()
        reference.step()
