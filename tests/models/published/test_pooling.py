"""Features turn with the cloud through pooling and upsampling, and follow the formulas of the report."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from faceviz.geometry.transforms import random_rotation
from faceviz.models.published.config import PublishedConfig
from faceviz.models.published.pooling import aggregate, upsample
from faceviz.models.published.pyramid import Pyramid
from faceviz.testing import random_face

CONFIG = PublishedConfig(k=8)
FIBER = {0: 2, 1: 3, 2: 1, 3: 2}


def cloud(count=60):
    face = random_face(0, count)
    return (face.points - face.centroid) / face.radius


def features(count):
    generator = torch.Generator().manual_seed(0)
    return {
        degree: torch.randn(count, channels, 2 * degree + 1, dtype=torch.float64, generator=generator)
        for degree, channels in FIBER.items()
    }


def turned(wigner, x, rotation):
    return {degree: value @ wigner(degree, rotation).T for degree, value in x.items()}


def assert_same(x, y):
    for degree in FIBER:
        torch.testing.assert_close(x[degree], y[degree], rtol=0, atol=1e-11)


@pytest.mark.parametrize("ratio", [0.0, 0.35, 0.8])
@pytest.mark.parametrize("how", ["sum", "mean", "max"])
def test_pooling_and_upsampling_turn_with_the_cloud(how, ratio, wigner, rng):
    rotation = random_rotation(rng)
    config = replace(CONFIG, pooling=how, pooling_ratio=ratio)
    still, moved = (
        Pyramid.from_points(x, config).levels[0] for x in (cloud(), cloud() @ rotation.T + [3.0, -1.0, 7.0])
    )
    x, matrix = features(60), torch.from_numpy(rotation)
    pooled = aggregate(x, still, how)
    assert_same(aggregate(turned(wigner, x, matrix), moved, how), turned(wigner, pooled, matrix))
    kept = {degree: value[still.kept] for degree, value in pooled.items()}
    carried = upsample(kept, still)
    assert_same(upsample(turned(wigner, kept, matrix), moved), turned(wigner, carried, matrix))
    assert len(still.kept) == round(60 * (1 - ratio))


@pytest.mark.parametrize("power", [1.0, 2.0, 3.5])
def test_a_dropped_point_takes_the_mean_by_inverse_distance_of_its_neighbours_that_were_kept(power):
    config = replace(CONFIG, power=power)
    level = Pyramid.from_points(cloud(), config).levels[0]
    x = features(len(level.kept))
    carried, kept, points = upsample(x, level)[1], level.kept.tolist(), cloud()
    assert torch.equal(carried[kept], x[1])
    for i in sorted(set(range(60)) - set(kept)):
        pairs = [
            (float(w) / np.linalg.norm(points[i] - points[j]) ** power, x[1][kept.index(j)])
            for j, w in zip(level.index[i].tolist(), level.window[i], strict=True)
            if j in kept
        ]
        expected = sum(w * value for w, value in pairs) / sum(w for w, _ in pairs)
        torch.testing.assert_close(carried[i], expected, rtol=1e-9, atol=1e-9)


def test_pooling_follows_its_formula_point_by_point():
    level, x = Pyramid.from_points(cloud(), CONFIG).levels[0], features(60)
    total, mean, largest = (aggregate(x, level, how)[1] for how in ("sum", "mean", "max"))
    for i in (0, 17, 59):
        weight, near = level.window[i][:, None, None], x[1][level.index[i]]
        torch.testing.assert_close(total[i], (weight * near).sum(0))
        torch.testing.assert_close(mean[i], (weight * near).sum(0) / weight.sum())
        for channel in range(3):
            weighted = (weight * near)[:, channel]
            torch.testing.assert_close(largest[i, channel], max(weighted, key=lambda v: v.norm()))
