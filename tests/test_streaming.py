"""A stream without end: what is carried from frame to frame, over fewer frames than ``benchmarks/streaming.py``."""

from __future__ import annotations

import mmap

import numpy as np
import pytest

from benchmarks.streaming import small_reconstructor, stream

FRAMES = 2000


@pytest.mark.slow
def test_the_memory_does_not_grow_with_the_frames(rng):
    reconstructor = small_reconstructor()
    pictures = list(rng.integers(0, 256, (8, 64, 64, 3), dtype=np.uint8))
    seen = stream(lambda picture: reconstructor.update(picture, cropped=True), pictures, FRAMES)
    assert seen.used == FRAMES
    assert seen.growth_mb < 8.0, "a face (16384, 3) of each frame would be 700 MB"
    assert seen.objects < 200


def test_memory_that_does_grow_is_seen(rng):
    kept = []

    def keep(_):  # pages of their own: memory that was freed before may be taken without a growth
        pages = mmap.mmap(-1, 160_000)
        pages.write(b"1" * 160_000)
        kept.append([pages])

    seen = stream(keep, [np.zeros((4, 4, 3), np.uint8)], 1000)
    assert seen.growth_mb == pytest.approx(0.9 * 1000 * 160_000 / 2**20, rel=0.2)
    assert seen.objects > 890
