"""What a reconstruction costs: the report's network one image at a time, at once and in Keras; our own, live.

    python benchmarks/reconstruction.py --threads 2
    python benchmarks/reconstruction.py --frames FOLDER|VIDEO --live 10000

Without weights an untrained network of the same size is measured; it takes as long. Quiet the machine first. Keras runs
on its PyTorch backend and is left out where it is not installed.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the Keras network is the one of the tests


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--window", type=int, default=8, help="images that the report sees at once")
    parser.add_argument("--frames", default=None, help="pictures with a face, for the live figures")
    parser.add_argument("--live", type=int, default=300, help="live updates")
    asked = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = str(asked.threads)
    os.environ.setdefault("KERAS_BACKEND", "torch")
    import torch

    torch.set_num_threads(asked.threads)
    print(f"{asked.threads} threads, torch {torch.__version__}, load {os.getloadavg()[0]:.2f}")
    _report_network(asked.window, asked.repeats)
    if asked.frames:
        _live(asked.frames, asked.live)


def _report_network(window: int, repeats: int) -> None:
    import torch

    from faceviz.models.reconstruction.thomassen2022 import Thomassen2022

    network = Thomassen2022().eval()
    images = torch.rand(1, window, 3, 256, 256)
    with torch.inference_mode():
        _, state = network.step(images[:, 0])
        one = _best(lambda: network.step(images[:, 1], state), 3 * repeats)
        whole = _best(lambda: network(images), repeats)
    print(
        f"report's network: {1000 * one:.0f} ms for one more image, {1000 * whole:.0f} ms for {window} at once: "
        f"{whole / one:.1f} times less"
    )
    keras = _keras(images, repeats)
    if keras is not None:
        print(
            f"the same in Keras: {1000 * keras:.0f} ms for {window} at once: {keras / whole:.1f} times ours"
        )


def _keras(images, repeats: int) -> float | None:  # noqa: ANN001
    try:
        import keras  # noqa: F401
        import torch

        from tests.models.reconstruction.test_thomassen2022 import keras_network
    except ImportError as error:
        print(f"Keras is left out: {error}")
        return None
    network = keras_network(times=images.shape[1])
    channels_last = images.permute(0, 1, 3, 4, 2).contiguous()
    with torch.inference_mode():
        return _best(lambda: network(channels_last, training=False), repeats)


def _live(source: str, count: int) -> None:
    from faceviz.io.frames import open_frames

    reconstructor = _reconstructor()
    with open_frames(source, max_frames=32) as frames:
        images = [frame.image for frame in frames]
    seconds, stages = [], {}
    for i in range(count):
        started = time.perf_counter()
        step = reconstructor.update(images[i % len(images)])
        seconds.append(time.perf_counter() - started)
        for name, value in step.seconds.items():
            stages.setdefault(name, []).append(value)
        if i == min(99, count - 1):
            before = _memory_mb()
    height, width = images[0].shape[:2]
    middle = {name: sorted(values)[len(values) // 2] for name, values in stages.items()}
    typical = sorted(seconds)[len(seconds) // 2]
    print(
        f"{reconstructor.name}, live, {width} x {height}: {1000 * typical:.1f} ms an image "
        f"({', '.join(f'{name} {1000 * value:.1f}' for name, value in middle.items())}), {1 / typical:.0f} a second"
    )
    print(f"memory after 100 and after {count} images: {before:.0f} and {_memory_mb():.0f} MB")


def _reconstructor():
    from faceviz.errors import CheckpointError
    from faceviz.models.reconstruction.stream import StreamNetwork
    from faceviz.reconstruct import FaceReconstructor

    try:
        return FaceReconstructor.from_pretrained(live=True)
    except CheckpointError:
        return FaceReconstructor(StreamNetwork(), name="untrained faceviz-stream", live=True)


def _memory_mb() -> float:
    """The greatest resident memory so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _best(work: Callable[[], object], repeats: int) -> float:
    """The shortest time in seconds, after one run to warm up."""
    work()
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return min(times)


if __name__ == "__main__":
    main()
