"""What the network is shown: batches that a step number determines, and the validation clouds."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import Dataset, IterableDataset

from faceviz.geometry.transforms import random_rotation
from faceviz.models.architectures import graph_for
from faceviz.training.clouds import CloudFolder, TrainingCloud, augment, no_face, targets
from faceviz.training.config import DataConfig, LandmarkTrainingConfig


class Batch(NamedTuple):
    """B clouds as a network takes them, and what it should make of them.

    Attributes:
        graph: see ``faceviz.models.architectures.graph_for``.
        heat: (B, N, 68) in the graph's order; zero in clouds without a face.
        landmarks: (B, 68, 3) from each cloud's centroid; NaN where there is no face.
    """

    graph: Any
    heat: Tensor
    landmarks: Tensor


class Example(NamedTuple):
    """One validation cloud."""

    graph: Any
    heat: Tensor  # (1, N, 68) in the graph's order
    points: Tensor  # (N, 3) double, as they came
    landmarks: Tensor  # (68, 3) double
    mm: float  # millimetres a unit


def make_batch(points: np.ndarray, landmarks: np.ndarray, network: nn.Module) -> Batch:
    """The graph that a network takes and the heatmaps it should give, of clouds (B, N, 3), (B, 68, 3)."""
    graph = graph_for(network, points.astype(np.float64)).to(dtype=torch.float32)
    heat = torch.from_numpy(np.stack([targets(*pair) for pair in zip(points, landmarks, strict=True)]))
    order = getattr(graph, "order", None)
    if order is not None:
        heat = heat.gather(1, order.unsqueeze(-1).expand_as(heat))
    centred = torch.from_numpy(landmarks - points.mean(axis=1, keepdims=True)).float()
    return Batch(graph, heat, centred)


def steps_in_epoch(clouds: int, batch: int) -> int:
    """Batches that show each cloud once; the last of them may repeat clouds of the next epoch."""
    return math.ceil(clouds / batch)


class Batches(IterableDataset[Any]):
    """Batches without end from number ``start`` on, every ``stride``-th.

    Batch ``i`` is drawn by ``i`` alone, so that a resumed run goes on with the batches it would have had (once all
    scans are on disk). With epochs, ``i`` has its place in the order of its epoch, else clouds are drawn at random.
    """

    def __init__(
        self,
        clouds: CloudFolder,
        config: LandmarkTrainingConfig,
        network: nn.Module,
        start: int,
        stride: int = 1,
    ) -> None:
        self.clouds, self.config, self.network = clouds, config, network
        self.start, self.stride = start, stride

    def __iter__(self) -> Iterator[Batch]:
        torch.set_num_threads(1)
        for number in itertools.count(self.start, self.stride):
            if number // self.stride % 20 == 0:
                self.clouds.refresh()
            yield self.batch(number)

    def batch(self, number: int) -> Batch:
        data, size = self.config.data, self.config.optimiser.batch
        rng = np.random.default_rng(np.random.SeedSequence([self.config.seed, number]))
        count = data.points[rng.integers(len(data.points))]
        clouds = [self._shown(rng, number, place, count) for place in range(size)]
        points, landmarks = zip(*clouds, strict=True)
        return make_batch(np.stack(points), np.stack(landmarks), self.network)

    def _shown(
        self, rng: np.random.Generator, number: int, place: int, count: int
    ) -> tuple[np.ndarray, np.ndarray]:
        data = self.config.data
        if data.faceless and rng.random() < data.faceless:
            return no_face(rng, count)
        return shown(self.clouds[self._chosen(rng, number, place)], rng, count, data)

    def _chosen(self, rng: np.random.Generator, number: int, place: int) -> int:
        total, o = len(self.clouds), self.config.optimiser
        if o.epochs is None:
            return int(rng.integers(total))
        epoch = number // steps_in_epoch(total, o.batch)
        at = (number % steps_in_epoch(total, o.batch)) * o.batch + place
        order = np.random.default_rng(np.random.SeedSequence([self.config.seed, 1, epoch])).permutation(total)
        return int(order[at % total])


def shown(
    cloud: TrainingCloud, rng: np.random.Generator, count: int, data: DataConfig
) -> tuple[np.ndarray, np.ndarray]:
    """Points (count, 3) and landmarks (68, 3) of a cloud as the configuration wants it shown."""
    if data.augment:
        return augment(cloud, rng, count, rotate=data.rotate, tilt=data.tilt)
    points, landmarks = cloud.points[:count].astype(np.float64), cloud.landmarks.astype(np.float64)
    return _turned(points, landmarks, rng) if data.rotate else (points, landmarks)


def _turned(
    points: np.ndarray, landmarks: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    rotation = random_rotation(rng)
    return points @ rotation.T, landmarks @ rotation.T


class ValidationClouds(Dataset[Any]):
    """The validation clouds with the most points that training shows, as they are, or each in its own random pose where
    the configuration rotates."""

    def __init__(self, clouds: CloudFolder, data: DataConfig, network: nn.Module) -> None:
        self.examples = [self._example(i, cloud, data, network) for i, cloud in enumerate(clouds)]

    @staticmethod
    def _example(index: int, cloud: TrainingCloud, data: DataConfig, network: nn.Module) -> Example:
        points, landmarks = (
            part.astype(np.float64) for part in (cloud.points[: max(data.points)], cloud.landmarks)
        )
        if data.rotate:
            points, landmarks = _turned(points, landmarks, np.random.default_rng(index))
        batch = make_batch(points[None], landmarks[None], network)
        return Example(
            batch.graph, batch.heat, torch.from_numpy(points), torch.from_numpy(landmarks), cloud.mm
        )

    def __len__(self) -> int:
        return len(self.examples)

    def __getitem__(self, index: int) -> Example:
        return self.examples[index]
