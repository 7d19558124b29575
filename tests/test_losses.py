import math

import pytest
import torch

from faceviz.losses import adaptive_wing, soft_iou_loss


def by_hand(error, target, omega=14.0, theta=0.5, epsilon=1.0, alpha=2.1):
    """The paper's formula for one entry, in plain Python."""
    power = alpha - target
    if error < theta:
        return omega * math.log(1 + (error / epsilon) ** power)
    slope = (
        omega * (1 / (1 + (theta / epsilon) ** power)) * power * (theta / epsilon) ** (power - 1) / epsilon
    )
    return slope * error - (theta * slope - omega * math.log(1 + (theta / epsilon) ** power))


@pytest.mark.parametrize(
    ("predicted", "target"), [(0.1, 0.0), (0.9, 0.0), (0.3, 1.0), (0.8, 0.6), (0.0, 0.45)]
)
def test_an_entry_has_the_value_of_the_paper(predicted, target):
    loss = adaptive_wing(
        torch.tensor([predicted], dtype=torch.float64), torch.tensor([target], dtype=torch.float64)
    )
    assert float(loss) == pytest.approx(by_hand(abs(predicted - target), target), rel=1e-9)


def test_value_and_slope_are_continuous_where_the_pieces_meet():
    target = torch.tensor([0.2], dtype=torch.float64)
    values, slopes = [], []
    for shift in (-1e-6, 1e-6):
        x = (target + 0.5 + shift).requires_grad_()
        loss = adaptive_wing(x, target)
        (slope,) = torch.autograd.grad(loss, x)
        values.append(float(loss.detach()))
        slopes.append(float(slope))
    assert values[0] == pytest.approx(values[1], abs=1e-4)
    assert slopes[0] == pytest.approx(slopes[1], rel=1e-4)


def test_a_perfect_prediction_costs_nothing_and_has_a_finite_gradient():
    x = torch.linspace(0, 1, 5, requires_grad=True)
    loss = adaptive_wing(x, x.detach().clone())
    loss.backward()
    assert float(loss.detach()) < 1e-5 and torch.isfinite(x.grad).all()


def test_the_foreground_weight_counts_hot_targets_more():
    cold, hot = torch.tensor([0.0]), torch.tensor([1.0])
    assert adaptive_wing(cold + 0.2, cold, foreground=4.0) == adaptive_wing(cold + 0.2, cold)
    assert float(adaptive_wing(hot - 0.2, hot, foreground=4.0)) == pytest.approx(
        5 * float(adaptive_wing(hot - 0.2, hot)), rel=1e-6
    )


def test_the_soft_iou_of_sharp_heat_is_one_minus_the_iou():
    target = torch.tensor([[[1.0], [0.9], [0.0], [0.0]]])
    predicted = torch.tensor([[[1.0], [0.0], [1.0], [0.0]]])
    assert float(soft_iou_loss(predicted, target, width=1e-3)) == pytest.approx(1 - 1 / 3, abs=1e-5)
    assert float(soft_iou_loss(target, target, width=1e-3)) == pytest.approx(0.0, abs=1e-5)


def test_a_landmark_without_target_is_left_out_of_the_soft_iou():
    target = torch.tensor([[[1.0, 0.0], [0.0, 0.1]]])
    assert float(soft_iou_loss(torch.ones_like(target), target, width=1e-3)) == pytest.approx(0.5, abs=1e-5)
