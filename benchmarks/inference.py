"""How long one inference takes: 1,024 points in, 68 heatmaps out, neighbour graph included.

    python benchmarks/inference.py --threads 2 --repeats 50

Quiet the machine first: other processes on the same cores change the figure more than the code does.
"""

from __future__ import annotations

import argparse
import os
import time

from _machine import processor


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="se3unet")
    parser.add_argument("--device", default=None)
    parser.add_argument("--points", type=int, default=1024)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=30)
    asked = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = str(asked.threads)

    import numpy as np
    import torch

    from faceviz.geometry.transforms import random_pose

    torch.set_num_threads(asked.threads)
    predictor = _predictor(asked.model, asked.device)
    cloud = _face_like_cloud(asked.points)
    rng = np.random.default_rng(0)
    for _ in range(5):
        predictor.heatmaps(cloud)
    seconds = []
    for _ in range(asked.repeats):
        posed = random_pose(rng).apply(cloud)
        started = time.perf_counter()
        predictor.heatmaps(posed)
        seconds.append(time.perf_counter() - started)
    milliseconds = 1000 * np.array(seconds)
    print(f"{processor()}, {os.cpu_count()} cores, {asked.threads} threads, torch {torch.__version__}")
    print(f"load before: {os.getloadavg()[0]:.2f} processes in the last minute")
    print(
        f"{predictor.name} on {predictor.device}, {asked.points} points, graph included: "
        f"median {np.median(milliseconds):.1f} ms, 90 % under {np.quantile(milliseconds, 0.9):.1f} ms "
        f"({asked.repeats} poses)"
    )


def _predictor(model: str, device: str | None):
    """The model, or an untrained network of the same shape: it takes as long."""
    from faceviz.errors import CheckpointError
    from faceviz.models.se3_unet import Se3Unet, Se3UnetConfig
    from faceviz.pipeline import LandmarkPredictor

    try:
        return LandmarkPredictor.from_pretrained(model, device=device)
    except CheckpointError as error:
        print(f"{error}; an untrained network takes its place")
        return LandmarkPredictor(Se3Unet(Se3UnetConfig()), name="untrained", device=device)


def _face_like_cloud(count: int):
    """A bumpy half ellipsoid of radius 1, in farthest-point order."""
    import numpy as np

    from faceviz.geometry.sampling import farthest_point_order

    rng = np.random.default_rng(0)
    directions = rng.normal(size=(4 * count, 3))
    directions[:, 2] = np.abs(directions[:, 2])
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    bumps = 1.0 + 0.05 * np.sin(9 * directions[:, :1]) * np.cos(7 * directions[:, 1:2])
    points = directions * bumps * [0.7, 1.0, 0.6]
    points = points[farthest_point_order(points, count)]
    points -= points.mean(axis=0)
    return points / np.linalg.norm(points, axis=1).max()


if __name__ == "__main__":
    main()
