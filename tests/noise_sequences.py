"""Sequences with true neutral faces whose pictures are noise: for tests that need no rendering."""

from __future__ import annotations

import numpy as np

from faceviz.synth.dataset import cached_head
from faceviz.synth.sequences import FaceSequence

_FRAMES = 2


def noise_sequence(person, rng):
    head = cached_head("anny", None)
    identity = head.sample_identity(rng)
    return FaceSequence(
        images=rng.integers(0, 256, (_FRAMES, 64, 64, 3), dtype=np.uint8),
        vertices=head.mesh(identity).vertices.astype(np.float32),
        head="anny",
        identity=identity,
        expressions=np.zeros((_FRAMES, 3), dtype=np.float32),
        poses=np.tile(np.eye(4, dtype=np.float32), (_FRAMES, 1, 1)),
        intrinsics=np.tile(np.eye(3, dtype=np.float32), (_FRAMES, 1, 1)),
        landmarks2d=rng.uniform(10, 50, (_FRAMES, 68, 2)).astype(np.float32),
        person=person,
    )
