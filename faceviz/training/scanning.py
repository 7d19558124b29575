"""Processes that fill a folder with training clouds while the network already trains."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from dataclasses import replace
from multiprocessing.process import BaseProcess
from pathlib import Path

import numpy as np

from faceviz.synth import VirtualScanner
from faceviz.synth.dataset import SyntheticScans
from faceviz.training.clouds import TrainingCloud, scan_to_clouds, write_shard
from faceviz.training.config import DataConfig
from faceviz.training.machine import single_threaded_children

SHARD_SCANS = 200
_SCAN_POINTS = 5000  # dense enough to draw the network's points from, and quick to sample


def fill(config: DataConfig, sources: tuple[str, ...], split: str) -> None:
    """Make the missing shards of a split, here and now."""
    for _ in _fill_shards(config, sources, split, 0, 1):
        pass


def start_filling(config: DataConfig, sources: tuple[str, ...], split: str) -> list[BaseProcess]:
    """Make the missing shards of a split in ``config.workers`` processes; each shard appears when it is whole."""
    context = multiprocessing.get_context("spawn")
    processes: list[BaseProcess] = [
        context.Process(
            target=_fill_as_worker, args=(config, sources, split, worker, config.workers), daemon=True
        )
        for worker in range(config.workers)
    ]
    with single_threaded_children():
        for process in processes:
            process.start()
    return processes


def shard_folder(config: DataConfig, split: str) -> Path:
    return Path(config.folder) / split


def shards_needed(config: DataConfig, split: str) -> int:
    """Files of a whole split."""
    return -(-(config.scans if split == "train" else config.validation) // SHARD_SCANS)


def shards_there(config: DataConfig, split: str) -> int:
    return len(list(shard_folder(config, split).glob("*.npz")))


def _fill_as_worker(
    config: DataConfig, sources: tuple[str, ...], split: str, worker: int, workers: int
) -> None:
    os.nice(5)
    for _ in _fill_shards(config, sources, split, worker, workers):
        if os.getppid() == 1:
            return


def _fill_shards(
    config: DataConfig, sources: tuple[str, ...], split: str, worker: int, workers: int
) -> Iterator[Path]:
    folder = shard_folder(config, split)
    folder.mkdir(parents=True, exist_ok=True)
    total = config.scans if split == "train" else config.validation
    scanner = VirtualScanner(count=_SCAN_POINTS)
    scans = SyntheticScans(split, total, config.seed, sources, config.ict_folder, scanner=scanner)
    for start in range(worker * SHARD_SCANS, total, workers * SHARD_SCANS):
        path = folder / f"{start:06d}.npz"
        if not path.exists():
            write_shard(path, _clouds(scans, range(start, min(start + SHARD_SCANS, total)), config.seed))
        yield path


def _clouds(scans: SyntheticScans, indices: range, seed: int) -> list[TrainingCloud]:
    clouds: list[TrainingCloud] = []
    for index in indices:
        rng = np.random.default_rng(np.random.SeedSequence([seed, index]))
        clouds.extend(replace(cloud, scan=index) for cloud in scan_to_clouds(scans[index], rng))
    return clouds
