"""Seeded damage to valid files of every format: a scan or one line of complaint, in little time and memory."""

from __future__ import annotations

import time
import tracemalloc

import numpy as np
import pytest

from faceviz.errors import FileFormatError
from faceviz.io import read_scan_bytes

FILES = (
    "text.ply", "little.ply", "big.ply", "face.obj", "text.stl", "binary.stl", "face.off", "face.glb", "face.wrl",
    "face.npz", "face.npy", "face.xyz", "face.csv",
)  # fmt: skip
MUTATIONS = 200
MOST_SECONDS = 5.0
MOST_BYTES = 64e6


@pytest.mark.parametrize("name", FILES)
def test_damage_is_met_by_a_guard_and_never_by_a_crash(meshes, clouds, damage, name):
    data = (meshes | clouds)[name]
    refused = 0
    tracemalloc.start()
    for mutation in damage(data, MUTATIONS):
        tracemalloc.reset_peak()
        start = time.process_time()
        try:
            scan = read_scan_bytes(name, mutation)
            assert np.isfinite(scan.points).all()
        except FileFormatError as error:
            refused += 1
            assert error.__cause__ is None, f"only the last resort met it: {error.__cause__!r}"
            assert len(str(error).splitlines()) == 1 and len(str(error)) < 400
        assert time.process_time() - start < MOST_SECONDS
        assert tracemalloc.get_traced_memory()[1] < MOST_BYTES
    tracemalloc.stop()
    assert refused > MUTATIONS / 3


@pytest.mark.parametrize("name", FILES)
def test_every_beginning_of_a_file_is_refused_or_a_whole_cloud(meshes, clouds, points, name):
    """Rows of text may end anywhere; whatever announces a count or an end may not."""
    data = (meshes | clouds)[name]
    for stop in np.linspace(0, len(data) - 20, 60).astype(int):
        try:
            scan = read_scan_bytes(name, data[:stop])
        except FileFormatError:
            continue
        assert name in ("face.xyz", "face.csv", "face.obj"), f"the first {stop} bytes of {name} were accepted"
        assert len(scan.points) <= len(points)


def test_random_bytes_are_refused_whatever_their_name(rng):
    for name in FILES:
        for length in (1, 20, 84, 134, 1000):
            with pytest.raises(FileFormatError, match=f"^{name}: "):
                read_scan_bytes(name, rng.bytes(length))


def test_the_content_of_one_format_under_the_name_of_another_never_crashes(meshes, clouds):
    everything = meshes | clouds
    for name in everything:
        for content in everything.values():
            try:
                read_scan_bytes(name, content)
            except FileFormatError as error:
                assert error.__cause__ is None
