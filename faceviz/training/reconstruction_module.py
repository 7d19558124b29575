"""The reconstruction networks with their losses, their optimiser and their figures, as Lightning modules."""

from __future__ import annotations

import time
from typing import Any

import lightning as L
import numpy as np
import torch
from torch import Tensor

from faceviz.models.reconstruction.architectures import build_network, denormalised, normalised
from faceviz.models.reconstruction.stream import StreamNetwork
from faceviz.training.history import Row
from faceviz.training.reconstruction_config import ReconstructionTrainingConfig
from faceviz.training.schedule import cosine
from faceviz.training.sequences import SequenceBatch
from faceviz.training.shape_space import ShapeSpace

_MM2 = 10.0  # the unit of squared distances in the loss


class ReconstructionModule(L.LightningModule):
    """What both networks share: history, schedule, budget.

    Figures of a validation: ``val_loss``, and ``val_mm_1`` and ``val_mm``, mean distance of corresponding points of the
    shape (size and pose apart) after the first and after all images.
    """

    def __init__(
        self, config: ReconstructionTrainingConfig, epoch_steps: int, budget_seconds: float | None
    ) -> None:
        super().__init__()
        self.config, self.epoch_steps, self.budget = config, epoch_steps, budget_seconds
        self.network = build_network(config.architecture, config.network)
        self.elapsed_before = 0.0
        self.history: list[Row] = []
        self._started = time.monotonic()
        self._losses: list[float] = []
        self._validation: list[tuple[float, float, float]] = []

    @property
    def elapsed(self) -> float:
        """Seconds of training, those before a resume included."""
        return self.elapsed_before + time.monotonic() - self._started

    def loss(self, batch: SequenceBatch) -> Tensor:
        """What training makes small."""
        raise NotImplementedError

    def errors(self, batch: SequenceBatch) -> tuple[float, float]:
        """Mean distance in mm after the first and after all images of one person."""
        raise NotImplementedError

    def training_step(self, batch: SequenceBatch, _: int) -> Tensor:
        loss = self.loss(batch)
        self._losses.append(float(loss.detach()))
        self.log("loss", loss, prog_bar=True, batch_size=len(batch.codes))
        return loss

    def on_train_batch_end(self, *_: Any) -> None:
        if self.budget is not None and self.elapsed >= self.budget:
            self.trainer.should_stop = True

    def validation_step(self, batch: SequenceBatch, _: int) -> None:
        self._validation.append((float(self.loss(batch)), *self.errors(batch)))

    def on_validation_epoch_end(self) -> None:
        loss, first, last = np.mean(self._validation, axis=0).tolist()
        self._validation.clear()
        figures = {"val_loss": loss, "val_mm_1": first, "val_mm": last}
        entry = {
            "step": self.trainer.global_step,
            "minutes": self.elapsed / 60,
            "train_loss": float(np.mean(self._losses)) if self._losses else float("nan"),
            "learning_rate": self.optimizers().param_groups[0]["lr"],
            **figures,
        }
        if self.history and self.history[-1]["step"] == entry["step"]:  # the last weights once more
            entry["train_loss"] = self.history.pop()["train_loss"]
        self.history.append(entry)
        self._losses.clear()
        self.log_dict({**figures, "train_loss": entry["train_loss"]}, prog_bar=True, batch_size=1)

    def configure_optimizers(self) -> dict[str, Any]:
        o = self.config.optimiser
        if o.name == "adam":
            optimiser: torch.optim.Optimizer = torch.optim.Adam(self.parameters(), lr=o.learning_rate)
        else:
            groups = [
                {"params": [p for p in self.parameters() if p.ndim >= 2], "weight_decay": o.weight_decay},
                {"params": [p for p in self.parameters() if p.ndim < 2], "weight_decay": 0.0},
            ]
            optimiser = torch.optim.AdamW(groups, lr=o.learning_rate, betas=(0.9, 0.98))
        schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, self._rate)
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def _rate(self, step: int) -> float:
        o = self.config.optimiser
        if o.schedule == "halve":
            return 0.5 ** (step // (o.halve_every * self.epoch_steps))
        return cosine(step, o.steps, o.warmup, self.elapsed / self.budget if self.budget else 0.0)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["elapsed"] = self.elapsed

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self.elapsed_before = checkpoint["elapsed"]
        self._started = time.monotonic()


class StreamModule(ReconstructionModule):
    """``faceviz-stream``.

    The basis is orthogonal, so the mean square distance of two shapes is a weighted one of their codes,
    ``sum_k e_k (z_k - y_k)^2``, and training decodes nothing.
    """

    network: StreamNetwork

    def __init__(
        self,
        config: ReconstructionTrainingConfig,
        epoch_steps: int,
        budget_seconds: float | None,
        space: ShapeSpace,
    ) -> None:
        super().__init__(config, epoch_steps, budget_seconds)
        put_space(self.network, space)
        energy = np.append(config.loss.shape * space.energy, config.loss.size * space.size_energy) / _MM2
        self.register_buffer("energy", torch.tensor(energy, dtype=torch.float32), persistent=False)

    def loss(self, batch: SequenceBatch) -> Tensor:
        output, _ = self.network(batch.images)
        weights = self.config.loss
        distance = (output.landmarks - batch.landmarks).norm(dim=-1).mean()
        return (
            self._square(output.code, batch.codes)
            + weights.view * self._square(output.view, batch.codes)
            + weights.landmarks * distance
        )

    def _square(self, code: Tensor, truth: Tensor) -> Tensor:
        """Of (B, T, K + 1) against (B, K + 1): weighted sum over codes, mean over people and images."""
        return ((code - truth[:, None]) ** 2 @ self.energy).mean()

    def errors(self, batch: SequenceBatch) -> tuple[float, float]:
        output, _ = self.network(batch.images)
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
        return tuple(float(np.linalg.norm(x - truth, axis=-1).mean()) for x in (first, last))


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
