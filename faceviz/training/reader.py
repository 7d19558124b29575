"""The reader of landmarks of ``faceviz-stream``, fitted anew to what the trained network finds in pictures.

While a network learns to find landmarks, its reader runs after it. Found landmarks are a few numbers a picture, so that
at the end the reader alone can be fitted within minutes, to those found and to what would be found of people without
pictures.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from faceviz.models.reconstruction.stream import StreamNetwork, aligned
from faceviz.training.landmark_finder import ImitatedFinder
from faceviz.training.people import People
from faceviz.training.pictures import PictureChanges, cut
from faceviz.training.schedule import cosine
from faceviz.training.sequences import SequenceFolder

_DECAY, _WARMUP = 0.02, 20
# People a step: with what was found, soon known by heart, and with what would be found.
_SEEN, _UNSEEN = 24, 136
_PICTURES = 16  # shown of each; networks are trained with fewer, and must learn that more say little new
_AVERAGE = 0.99
_LOOKED_AT = 512  # people whose pictures are looked at

#: The parts of a network that ``fit_reader`` fits.
READER = ("geometry", "log_prior", "linear", "bent")


class Found(NamedTuple):
    """What a network sees in the pictures of P people."""

    landmarks: Tensor  # (P, T, 68, 2) found, on the template
    true: Tensor  # (P, T, 68, 2) likewise
    added: Tensor  # (P, T, C) what maps and memory add to the view
    codes: Tensor  # (P, K + 1)


class Unseen(NamedTuple):
    """P people without pictures."""

    true: Tensor  # (P, T, 68, 2) landmarks on the template
    codes: Tensor  # (P, K + 1)

    @classmethod
    def of(cls, people: People, network: StreamNetwork) -> Unseen:
        """People on a network's template."""
        return cls(
            aligned(torch.from_numpy(people.landmarks), network.template), torch.from_numpy(people.codes)
        )


def find_all(network: StreamNetwork, folder: SequenceFolder, changes: PictureChanges, seed: int) -> Found:
    """What the network sees in a folder's pictures, changed at random, of half a thousand people at most."""
    rng, parts = np.random.default_rng(np.random.SeedSequence([seed, 7])), []
    frames = min(shard.frames for shard, _, _ in folder.people)
    for shard, index, truth in folder.people[:: -(-len(folder) // _LOOKED_AT)]:
        mirror = bool(rng.random() < 0.5)
        size = 2 * network.config.image
        pictures = [
            cut(shard.image(index, t), shard.landmarks2d[index, t], size, changes, rng, mirror)
            for t in range(frames)
        ]
        images, true = (torch.from_numpy(np.stack(part))[None] for part in zip(*pictures, strict=True))
        with torch.inference_mode():
            images = images.permute(0, 1, 4, 2, 3)
            focus = network.config.focus
            marks, added, _ = network.read(network.squares(images)[0]) if focus else network.seen(images)
            marks, true = (aligned(part, network.template)[0].clone() for part in (marks, true))
        code = torch.from_numpy(truth.mirrored_code if mirror else truth.code)
        parts.append((marks, true, added[0].clone(), code))
    return Found(*(torch.stack(part) for part in zip(*parts, strict=True)))


def fit_reader(
    network: StreamNetwork,
    found: Found,
    others: Unseen,
    energy: Tensor,
    view: float,
    steps: int,
    seed: int,
    say: Callable[[str], None] = print,
    *,
    rate: float = 2e-4,
) -> None:
    """Fit what reads landmarks and what decodes the code (``READER``), in place; all else stays.

    Args:
        others: people without pictures.
        energy: (K + 1,) what a squared error of each coefficient weighs.
        view: what the error of each image's own view weighs.
        steps: of AdamW, with a cosine to 1 %; the weights are their moving average.
        rate: small, since the reader has learnt beside the network.
    """
    generator = torch.Generator().manual_seed(seed)
    weights = [value for name, value in network.named_parameters() if name.split(".")[0] in READER]
    optimiser = torch.optim.AdamW(weights, rate, betas=(0.9, 0.98), weight_decay=_DECAY)
    average = [weight.detach().clone() for weight in weights]
    finder = ImitatedFinder.of(found.true, found.landmarks)
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = rate * cosine(step, steps, _WARMUP)
        own = Found(*_chosen(found, _SEEN, generator))
        unseen = Unseen(*_chosen(others, _UNSEEN, generator))
        seen = network.fused(own.landmarks, own.added)[0]
        told = network.code_of_landmarks(finder.imitate(unseen.true, generator))
        loss = _loss(seen.code, own.codes, energy) + view * _loss(seen.view, own.codes, energy)
        loss = torch.lerp(_loss(told, unseen.codes, energy), loss, _SEEN / (_SEEN + _UNSEEN))
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


def _chosen(people: tuple[Tensor, ...], count: int, generator: torch.Generator) -> list[Tensor]:
    """People at random, and pictures of each, some of them twice; the codes, last, have none."""
    *pictured, codes = people
    chosen = torch.randint(len(codes), (count,), generator=generator)
    times = torch.randint(pictured[0].shape[1], (count, _PICTURES), generator=generator)
    return [*(part[chosen[:, None], times] for part in pictured), codes[chosen]]


def _loss(code: Tensor, truth: Tensor, energy: Tensor) -> Tensor:
    return ((code - truth[:, None]) ** 2 @ energy).mean()
