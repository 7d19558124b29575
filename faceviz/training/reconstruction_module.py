"""The reconstruction networks with their losses, their optimiser and their figures, as Lightning modules."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from faceviz.models.reconstruction.architectures import build_network, denormalised, normalised
from faceviz.models.reconstruction.stream import StreamNetwork, aligned
from faceviz.training.landmark_finder import ImitatedFinder
from faceviz.training.people import People
from faceviz.training.reconstruction_config import ReconstructionTrainingConfig
from faceviz.training.schedule import cosine
from faceviz.training.sequences import SequenceBatch
from faceviz.training.shape_space import ShapeSpace
from faceviz.training.timed import TimedModule

_SPREAD = 4000  # people whose landmarks show how they spread
_MM2 = 10.0  # the unit of squared distances in the loss


class ReconstructionModule(TimedModule):
    """What both networks share: history, schedule, budget.

    Figures of a validation: ``val_loss``, and ``val_mm_1`` and ``val_mm``, mean distance of corresponding points of the
    shape (size and pose apart) after the first and after all images.
    """

    def __init__(
        self, config: ReconstructionTrainingConfig, epoch_steps: int, budget_seconds: float | None
    ) -> None:
        super().__init__(config, budget_seconds)
        self.epoch_steps = epoch_steps
        self.network = build_network(config.architecture, config.network)
        self._validation: list[tuple[float, float, float]] = []

    def loss(self, batch: SequenceBatch) -> Tensor:
        """What training makes small."""
        raise NotImplementedError

    def errors(self, batch: SequenceBatch) -> tuple[float, float]:
        """Mean distance in mm after the first and after all images of one person."""
        raise NotImplementedError

    def training_step(self, batch: SequenceBatch, _: int) -> Tensor:
        return self.log_loss(self.loss(batch), len(batch.codes))

    def validation_step(self, batch: SequenceBatch, _: int) -> None:
        self._validation.append((float(self.loss(batch)), *self.errors(batch)))

    def on_validation_epoch_end(self) -> None:
        loss, first, last = np.mean(self._validation, axis=0).tolist()
        self._validation.clear()
        figures = {"val_loss": loss, "val_mm_1": first, "val_mm": last}
        row = self.remember(figures)
        self.log_dict({**figures, "train_loss": row["train_loss"]}, prog_bar=True, batch_size=1)

    def rate(self, step: int) -> float:
        o = self.config.optimiser
        if o.schedule == "halve":
            return 0.5 ** (step // (o.halve_every * self.epoch_steps))
        return cosine(step, o.steps, o.warmup, self.spent)


class StreamModule(ReconstructionModule):
    """``faceviz-stream``.

    The basis is orthogonal, so the mean square distance of two shapes is a weighted one of their codes,
    ``sum_k e_k (z_k - y_k)^2``, and training decodes nothing.
    """

    network: StreamNetwork
    energy: Tensor

    def __init__(
        self,
        config: ReconstructionTrainingConfig,
        epoch_steps: int,
        budget_seconds: float | None,
        space: ShapeSpace,
        others: People,
    ) -> None:
        super().__init__(config, epoch_steps, budget_seconds)
        put_space(self.network, space)
        seen = torch.from_numpy(others.landmarks[:_SPREAD]).flatten(0, 1)
        self.network.set_spread(aligned(seen, self.network.template))
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        energy = np.append(config.loss.shape * space.energy, config.loss.size * space.size_energy) / _MM2
        self.register_buffer("energy", torch.tensor(energy, dtype=torch.float32), persistent=False)
        self.finder = ImitatedFinder()

    def loss(self, batch: SequenceBatch) -> Tensor:
        output, _ = (self.network if self.training else self.network.look)(batch.images)
        weights = self.config.loss
        distance = (output.landmarks - batch.landmarks).norm(dim=-1).mean()
        total = (
            self._square(output.code, batch.codes)
            + weights.view * self._square(output.view, batch.codes)
            + weights.landmarks * distance
        )
        if len(batch.more_codes):
            template = self.network.template
            self.finder.watch(*(aligned(x, template) for x in (batch.landmarks, output.landmarks.detach())))
            chance = torch.Generator().manual_seed((self.config.seed << 32) + self.global_step)
            imitated = self.finder.imitate(aligned(batch.more_landmarks, template), chance)
            told = self.network.code_of_landmarks(imitated)
            total = total + weights.geometry * self._square(told, batch.more_codes)
        return total

    def _square(self, code: Tensor, truth: Tensor) -> Tensor:
        """Of (B, T, K + 1) against (B, K + 1): weighted sum over codes, mean over people and images."""
        return ((code - truth[:, None]) ** 2 @ self.energy).mean()

    def errors(self, batch: SequenceBatch) -> tuple[float, float]:
        output, _ = self.network.look(batch.images)
        codes = output.code[0, [0, -1], :-1]
        shapes = self.network.shape(codes).permute(0, 2, 3, 1)
        distance = (shapes - batch.shapes).norm(dim=-1).mean(dim=(1, 2))
        return float(distance[0]), float(distance[1])


class ThomassenModule(ReconstructionModule):
    """The report's network: mean square error of the points after the last image."""

    def loss(self, batch: SequenceBatch) -> Tensor:
        truth = np.stack([normalised(shape) for shape in batch.shapes.cpu().numpy()])
        target = torch.from_numpy(truth).to(batch.images).flatten(1, 2)
        return ((self.network(batch.images) - target) ** 2).mean()

    def errors(self, batch: SequenceBatch) -> tuple[float, float]:
        truth = denormalised(normalised(batch.shapes[0].cpu().double().numpy()).reshape(-1, 3))
        first, last = (
            denormalised(self.network(images)[0].cpu().double().numpy())
            for images in (batch.images[:, :1], batch.images)
        )
        return _mean_distance(first, truth), _mean_distance(last, truth)


def _mean_distance(points: np.ndarray, truth: np.ndarray) -> float:
    return float(np.linalg.norm(points - truth, axis=-1).mean())


def put_space(network: StreamNetwork, space: ShapeSpace) -> None:
    """Give the network the linear space of shapes."""
    from faceviz.geometry.geometry_image import mean_face

    def tensor(array: Any) -> Tensor:
        return torch.as_tensor(np.ascontiguousarray(array), dtype=torch.float32)

    network.set_space(
        mean=tensor(np.moveaxis(space.mean, -1, 0)),
        basis=tensor(np.moveaxis(space.basis, -1, 1)),
        centre=tensor(mean_face().mean(axis=(0, 1))),
        size=tensor([space.size_mean, space.size_deviation]),
    )
