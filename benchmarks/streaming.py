"""A face from a stream without end: frames a second, and by how much the memory grows.

    python benchmarks/streaming.py                                   # faceviz-stream and its face finder, 10,000 frames
    python benchmarks/streaming.py --network small --frames 100000   # all that is carried from frame to frame
    python benchmarks/streaming.py --source FOLDER|VIDEO --json streaming.json

``small`` is an untrained network of the same kind that sees whole pictures, so that many frames take little time. The
growth is the slope of the resident memory (as Linux tells it) after a tenth of the frames, over the rest.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

FRAMES = {"default": 10_000, "small": 100_000}
SAMPLES = 200  # of the memory
_SMALL = {"image": 32, "widths": [8, 8, 8, 8], "marks": 8, "memory": 4, "hidden": 8, "components": 3}
_PICTURES = 32


class Streamed(NamedTuple):
    """What it cost."""

    network: str
    frames: int
    used: int  # those with a face
    seconds: float
    per_second: float
    memory_mb: float  # resident at the end
    growth_mb: float  # from a tenth of the frames to the end, by the slope
    objects: int  # of Python that were there more at the end than after a tenth


def stream(update: Callable[[np.ndarray], object], pictures: list[np.ndarray], frames: int) -> Streamed:
    """Give so many frames, each a little different from all before, and watch the memory.

    Args:
        update: takes the next picture (H, W, 3) uint8; what it gives tells ``used``.
    """
    begin, every = frames // 10, max(1, frames // SAMPLES)
    at, memory, step, objects = [], [], None, 0
    started = time.perf_counter()
    for number, picture in enumerate(_endless(pictures)):
        if number == begin:
            gc.collect()
            objects = len(gc.get_objects())
        if number >= begin and number % every == 0:
            at.append(number)
            memory.append(_resident_mb())
        if number == frames:
            break
        step = update(picture)
    seconds = time.perf_counter() - started
    gc.collect()
    growth = float(np.polyfit(at, memory, 1)[0]) * (frames - begin)
    used, more = getattr(step, "used", frames), len(gc.get_objects()) - objects
    return Streamed("", frames, used, seconds, frames / seconds, _resident_mb(), growth, more)


def small_reconstructor():
    """An untrained network that is quick."""
    import torch

    from faceviz.models.reconstruction.stream import StreamConfig, StreamNetwork
    from faceviz.reconstruct import FaceReconstructor

    torch.manual_seed(0)
    network = StreamNetwork(StreamConfig.from_dict(_SMALL))
    return FaceReconstructor(network, name="small", live=True, device="cpu")


def _endless(pictures: list[np.ndarray]) -> Iterator[np.ndarray]:
    """The pictures again and again, brighter and darker."""
    number = 0
    while True:
        picture = pictures[number % len(pictures)]
        yield np.clip(picture.astype(np.int16) + number % 7 - 3, 0, 255).astype(np.uint8)
        number += 1


def _resident_mb() -> float:
    """Of this process, now."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def measure(network: str, source: str | None, frames: int | None) -> Streamed:
    """The whole reconstruction of pictures, live."""
    from faceviz import assets
    from faceviz.io.frames import open_frames
    from faceviz.reconstruct import FaceReconstructor

    if network == "small":
        reconstructor = small_reconstructor()
        rng = np.random.default_rng(0)
        pictures = list(rng.integers(0, 256, (_PICTURES, 256, 256, 3), dtype=np.uint8))
        streamed = stream(
            lambda picture: reconstructor.update(picture, cropped=True), pictures, frames or FRAMES["small"]
        )
    else:
        reconstructor = FaceReconstructor.from_pretrained(live=True, device="cpu")
        with open_frames(source or assets.path("sequences/sample/clip.avi"), max_frames=_PICTURES) as opened:
            pictures = [frame.image for frame in opened]
        streamed = stream(reconstructor.update, pictures, frames or FRAMES["default"])
    return streamed._replace(network=reconstructor.name)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--network", choices=sorted(FRAMES), default="default")
    parser.add_argument("--frames", type=int, help="10,000; 100,000 of the small network")
    parser.add_argument("--source", help="pictures with a face; by default the clip that comes along")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    asked = parser.parse_args()
    from _machine import processor

    found = measure(asked.network, asked.source, asked.frames)
    print(f"{processor()}, {len(os.sched_getaffinity(0))} of {os.cpu_count()} cores may be used")
    print(
        f"{found.network}: {found.frames:,} frames, {found.used:,} with a face, {found.per_second:.1f} a second; "
        f"memory {found.memory_mb:.0f} MB, {found.growth_mb:+.1f} MB from a tenth of the frames on "
        f"({found.objects:+,} objects)"
    )
    if asked.json:
        asked.json.write_text(json.dumps({"processor": processor(), **found._asdict()}, indent=1) + "\n")


if __name__ == "__main__":
    main()
