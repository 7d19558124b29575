"""A small training, killed at random moments and resumed each time, against the same training left alone.

python benchmarks/kill_resume.py --kills 20

After each kill every checkpoint is read; at the end weights, averages and optimiser must be equal to the last bit.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import signal
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

CONFIG = """
name: tiny
network: {network}
data: {{sources: [anny], scans: 12, validation: 2, workers: 0, folder: {folder}, points: [256]}}
optimiser: {{batch: 2, steps: {steps}, warmup: 3, average: {average}, learning_rate: 0.01, accumulate: {accumulate}}}
validate_every: 5
threads: 1
"""
NETWORK = {
    "sizes": [128, 48, 16], "k": 8, "scalars": [16, 16, 16], "vectors": [4, 4, 4], "value_scalars": [4, 4, 4],
    "value_vectors": [4, 4, 4], "encoder": [1, 1, 1], "decoder": [1, 1], "heads": 2, "radial": 4, "smoothing": 0.2,
}  # fmt: skip


class Outcome(NamedTuple):
    """What came of it."""

    kills: int  # that hit a run before its end
    checkpoints: int  # that were read after kills
    torn: int  # of them, that could not be
    differing: tuple[str, ...]  # names of tensors that are not the same bits; none is right
    seconds: float  # of the run left alone


def make_clouds(folder: Path) -> Path:
    """The shards that a run would make of scans, of faces that are made at once."""
    from faceviz.testing import random_face
    from faceviz.training.clouds import whole_cloud, write_shard

    for split, count in (("train", 12), ("val", 2)):
        (folder / split).mkdir(parents=True)
        write_shard(
            folder / split / "000000.npz", [whole_cloud(random_face(i, 1100), 1100) for i in range(count)]
        )
    return folder


def write_config(path: Path, clouds: Path, steps: int, *, accumulate: int = 1, average: float = 0.5) -> Path:
    settings = {"steps": steps, "accumulate": accumulate, "average": average}
    path.write_text(CONFIG.format(network=NETWORK, folder=clouds, **settings))
    return path


def kill_and_resume(folder: Path, *, kills: int, steps: int, seed: int) -> Outcome:
    """Both trainings, in processes of their own."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["faceviz.training.landmarks"])
    config = write_config(folder / "run.yaml", make_clouds(folder / "clouds"), steps)
    idle = context.Process(target=time.time)  # the first one waits for the imports
    idle.start()
    idle.join()
    began = time.monotonic()
    _run(context, config, folder / "whole").join()
    seconds = time.monotonic() - began
    rng, hit, read, torn = random.Random(seed), 0, 0, 0
    for _ in range(kills):
        last = folder / "killed" / "checkpoints" / "last.ckpt"
        before = last.stat().st_mtime_ns if last.exists() else 0
        process = _run(context, config, folder / "killed")
        while process.is_alive() and (not last.exists() or last.stat().st_mtime_ns == before):
            time.sleep(0.001)
        process.join(rng.uniform(0.0, 5.0 / steps) * seconds)  # up to about the next checkpoint
        if process.is_alive():
            os.kill(process.pid, signal.SIGKILL)
            hit += 1
        process.join()
        found = [_readable(path) for path in (folder / "killed" / "checkpoints").glob("*.ckpt")]
        read, torn = read + len(found), torn + found.count(False)
    _run(context, config, folder / "killed").join()
    return Outcome(hit, read, torn, _differing(folder / "whole", folder / "killed"), seconds)


def _run(context, config: Path, out: Path) -> multiprocessing.Process:  # noqa: ANN001
    process = context.Process(target=_train, args=(config, out))
    process.start()
    return process


def _train(config: Path, out: Path) -> None:
    import logging

    from faceviz.training import train_landmarks

    multiprocessing.set_start_method("fork", force=True)  # of the loader's process, as in a run of its own
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    train_landmarks(config, out=out, resume=True, say=str)


def _readable(path: Path) -> bool:
    import torch

    try:
        torch.load(path, weights_only=True)
    except Exception:
        return False
    return True


def _differing(first: Path, second: Path) -> tuple[str, ...]:
    from safetensors.torch import load_file

    parts = [load_file(folder / "tiny" / "model.safetensors") for folder in (first, second)]
    names = _unequal(*parts, "exported")
    import torch

    states = [torch.load(f / "checkpoints" / "last.ckpt", weights_only=True) for f in (first, second)]
    for part in ("state_dict", "current_model_state", "optimizer_states", "lr_schedulers", "global_step"):
        names += _unequal(states[0].get(part), states[1].get(part), part)
    return tuple(names)


def _unequal(first: object, second: object, name: str) -> list[str]:
    """Where two nests of dictionaries, lists and tensors are not equal to the last bit."""
    import torch

    if isinstance(first, dict) and isinstance(second, dict):
        if first.keys() != second.keys():
            return [name]
        return [bad for key in first for bad in _unequal(first[key], second[key], f"{name}.{key}")]
    if isinstance(first, (list, tuple)) and isinstance(second, (list, tuple)) and len(first) == len(second):
        return [
            bad
            for i, pair in enumerate(zip(first, second, strict=True))
            for bad in _unequal(*pair, f"{name}.{i}")
        ]
    if isinstance(first, torch.Tensor) and isinstance(second, torch.Tensor):
        return [] if torch.equal(first, second) else [name]
    return [] if first == second else [name]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--steps", type=int, default=120)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        done = kill_and_resume(Path(folder), kills=asked.kills, steps=asked.steps, seed=asked.seed)
    print(
        f"killed {done.kills} times at random moments of a training of {asked.steps} steps and {done.seconds:.1f} s: "
        f"{done.checkpoints} checkpoints read afterwards, {done.torn} of them half-written"
    )
    print(
        "weights, averages, optimiser and schedule at the end: "
        + (f"DIFFERENT: {', '.join(done.differing[:5])}" if done.differing else "the same to the last bit")
    )
    raise SystemExit(bool(done.torn or done.differing))


if __name__ == "__main__":
    main()
