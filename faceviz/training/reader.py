"""The reader of landmarks of ``faceviz-stream``, fitted anew to what the trained network finds in pictures.

While a network learns to find landmarks, its reader runs after it. Found landmarks are a few numbers a picture, so that
at the end the reader alone can be fitted to all of them within minutes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from faceviz.models.reconstruction.stream import StreamNetwork, aligned
from faceviz.training.landmark_finder import ImitatedFinder
from faceviz.training.pictures import PictureChanges, cut
from faceviz.training.schedule import cosine
from faceviz.training.sequences import SequenceFolder

_RATE, _DECAY, _WARMUP = 1e-3, 0.02, 100
_SEEN, _UNSEEN = 64, 192  # people a step: with what was found, and with what would be found
_AVERAGE = 0.998


class Found(NamedTuple):
    """What a network sees in the pictures of P people."""

    landmarks: Tensor  # (P, T, 68, 2) found, on the template
    true: Tensor  # (P, T, 68, 2) likewise
    added: Tensor  # (P, T, C) what maps and memory add to the view
    codes: Tensor  # (P, K + 1)


def find_all(
    network: StreamNetwork, folder: SequenceFolder, changes: PictureChanges, frames: int, seed: int
) -> Found:
    """What the network sees in a folder's pictures, changed at random."""
    rng, parts = np.random.default_rng(np.random.SeedSequence([seed, 7])), []
    for shard, index, truth in folder.people:
        mirror = bool(rng.random() < 0.5)
        order = rng.permutation(shard.frames)[:frames]
        size = 2 * network.config.image
        pictures = [
            cut(shard.image(index, t), shard.landmarks2d[index, t], size, changes, rng, mirror) for t in order
        ]
        images, true = (torch.from_numpy(np.stack(part))[None] for part in zip(*pictures, strict=True))
        with torch.inference_mode():
            images = images.permute(0, 1, 4, 2, 3)
            seen = network.squares(images)[0] if network.config.focus else images
            marks, added, _ = network.seen(seen)
            marks, true = (aligned(part, network.template)[0].clone() for part in (marks, true))
        code = torch.from_numpy(truth.mirrored_code if mirror else truth.code)
        parts.append((marks, true, added[0].clone(), code))
    return Found(*(torch.stack(part) for part in zip(*parts, strict=True)))


def fit_reader(
    network: StreamNetwork,
    found: Found,
    energy: Tensor,
    view: float,
    steps: int,
    seed: int,
    say: Callable[[str], None] = print,
) -> None:
    """Fit ``geometry`` and ``log_prior`` of the network, in place; all else stays.

    Args:
        energy: (K + 1,) what a squared error of each coefficient weighs.
        view: what the error of each image's own view weighs.
        steps: of AdamW, with a cosine to 1 %; the weights are their moving average.
    """
    generator = torch.Generator().manual_seed(seed)
    weights = [*network.geometry.parameters(), network.log_prior]
    optimiser = torch.optim.AdamW(weights, _RATE, betas=(0.9, 0.98), weight_decay=_DECAY)
    average = [weight.detach().clone() for weight in weights]
    finder = ImitatedFinder.of(found.true, found.landmarks)
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = _RATE * cosine(step, steps, _WARMUP)
        own, others = (_chosen(found, count, generator) for count in (_SEEN, _UNSEEN))
        seen = network.fused(own.landmarks, own.added)[0]
        told = network.code_of_landmarks(finder.imitate(others.true, generator))
        loss = _loss(seen.code, own, energy) + view * _loss(seen.view, own, energy)
        loss = loss + _loss(told, others, energy)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        share = min(_AVERAGE, (step + 1) / (step + 10))
        for kept, weight in zip(average, weights, strict=True):
            kept.lerp_(weight.detach(), 1.0 - share)
        if (step + 1) % max(1, steps // 5) == 0:
            say(f"reader: step {step + 1} of {steps}, loss {loss.item():.3f}")
    with torch.no_grad():
        for kept, weight in zip(average, weights, strict=True):
            weight.copy_(kept)


def _chosen(found: Found, count: int, generator: torch.Generator) -> Found:
    """People at random, their pictures in random order."""
    people = torch.randint(len(found.codes), (count,), generator=generator)
    times = torch.rand(count, found.true.shape[1], generator=generator).argsort(1)
    landmarks, true, added = (part[people[:, None], times] for part in found[:3])
    return Found(landmarks, true, added, found.codes[people])


def _loss(code: Tensor, people: Found, energy: Tensor) -> Tensor:
    return ((code - people.codes[:, None]) ** 2 @ energy).mean()
