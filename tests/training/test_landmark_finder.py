from __future__ import annotations

import pytest
import torch

from faceviz.training.landmark_finder import ImitatedFinder


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def imitated(finder, people):
    return finder.imitate(people, torch.Generator().manual_seed(1))


def faces(people, mean):
    return mean + 0.2 * torch.randn(people, 8, 68, 2)


@pytest.fixture
def mean():
    return torch.randn(68, 2)


def test_landmarks_that_are_found_without_error_are_left_as_they_are(mean):
    finder, people = ImitatedFinder(), faces(4, mean)
    finder.watch(people, people)
    others = faces(6, mean)
    torch.testing.assert_close(imitated(finder, others), others)


def test_a_network_that_answers_half_way_to_the_mean_is_imitated(mean):
    finder = ImitatedFinder()
    for _ in range(400):
        people = faces(4, mean)
        finder.watch(people, mean + 0.5 * (people - mean))
    others = faces(6, mean)
    torch.testing.assert_close(
        imitated(finder, others),
        mean + 0.5 * (others - mean),
        atol=0.02,
        rtol=0,
    )


def left_over(shift):
    """A finder whose errors on people are ``shift`` (P,), in all pictures and landmarks, and nothing else."""
    finder = ImitatedFinder()
    finder._left_over = shift[:, None, None].expand(-1, 8, 136)
    return finder


def test_errors_of_one_person_s_pictures_resemble_each_other(mean):
    finder, others = left_over(torch.tensor([-1.0, 0.0, 1.0])), faces(50, mean)
    added = (imitated(finder, others) - others).mean(dim=(2, 3))
    assert float(added.std(dim=1).max()) < 0.05
    assert float(added.mean(dim=1).std()) > 0.5


def test_errors_are_as_large_as_those_seen_and_never_the_same_twice(mean):
    finder, others = left_over(torch.tensor([-1.0, 1.0, 1.0])), faces(2000, mean)
    added = (imitated(finder, others) - others).mean(dim=(1, 2, 3))
    assert float((added**2).mean()) == pytest.approx(1.0, rel=0.1)
    assert len(added.unique()) == 2000
