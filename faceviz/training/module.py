"""The network with its loss, its optimiser and its two figures, as a Lightning module."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from faceviz.heatmaps import heatmaps_to_landmarks
from faceviz.landmarks import INNER
from faceviz.losses import adaptive_wing, position_loss, soft_iou_loss
from faceviz.metrics import IOU_THRESHOLD, heatmap_iou
from faceviz.models.architectures import build_network
from faceviz.models.equivariant import EquivariantBlock
from faceviz.training.batches import Batch, Example
from faceviz.training.config import LandmarkTrainingConfig
from faceviz.training.schedule import cosine, restarts
from faceviz.training.timed import TimedModule


class LandmarkModule(TimedModule):
    """A network of any architecture in training: mean IoU at 0.2 and landmark error in mm are its figures.

    Args:
        config: of the run.
        steps: of the optimiser, in the whole run.
        budget_seconds: wall-clock time after which the run ends.
    """

    def __init__(self, config: LandmarkTrainingConfig, steps: int, budget_seconds: float | None) -> None:
        super().__init__(config, budget_seconds)
        self.steps = steps
        self.network: Any = build_network(config.architecture, config.network)
        self._validation: list[tuple[float, np.ndarray, np.ndarray]] = []

    def loss(self, logits: Tensor, heat: Tensor) -> Tensor:
        """Adaptive Wing plus soft IoU, of (B, N, 68)."""
        settings = self.config.loss.model_dump(include={"omega", "theta", "epsilon", "alpha", "foreground"})
        overlap, heat_predicted = self.config.loss.overlap, logits.sigmoid()
        loss = adaptive_wing(heat_predicted, heat, **settings)
        return loss + overlap * soft_iou_loss(heat_predicted, heat) if overlap else loss

    def training_step(self, batch: Batch, _: int) -> Tensor:
        if self.config.compile:  # for the most common size alone; every other would be compiled anew
            common = batch.heat.shape[1] == max(self.config.data.points)
            torch.compiler.set_stance("default" if common else "force_eager")
        return self.log_loss(self._whole_loss(batch), len(batch.heat))

    def _whole_loss(self, batch: Batch) -> Tensor:
        """With the terms of parts that only some networks have."""
        graph, heat, landmarks = batch
        weights = self.config.loss
        if getattr(self.network, "refinement", None) is not None:
            out = self.network.refined(graph)
            first = self.loss(out.first, heat[:, : out.first.shape[1]])
            loss = self.loss(out.logits, heat) + weights.first * first
            return loss + weights.position * position_loss(out.landmarks, landmarks)
        loss = self.loss(self.network(graph), heat)
        if getattr(self.network, "transformer", None) is not None:
            loss = loss + weights.orthogonal * self.network.penalty(graph)
        return loss

    def validation_step(self, batch: Example, _: int) -> None:
        graph, heat = batch.graph, batch.heat
        points, landmarks = batch.points.cpu().numpy(), batch.landmarks.cpu().numpy()
        logits = self.network(graph)
        predicted, true = (graph.scatter_back(part)[0].cpu().numpy() for part in (logits.sigmoid(), heat))
        found = heatmaps_to_landmarks(predicted, points)[0]
        error = np.linalg.norm(found - landmarks, axis=1) * float(batch.mm)
        iou = heatmap_iou(predicted, true, IOU_THRESHOLD)
        self._validation.append((float(self.loss(logits, heat)), iou, error))

    def on_fit_start(self) -> None:
        if self.config.compile:
            for module in self.network.modules():
                if isinstance(module, EquivariantBlock):
                    module.compile(dynamic=False)

    def on_validation_start(self) -> None:
        torch.compiler.set_stance("force_eager")

    def on_validation_end(self) -> None:
        torch.compiler.set_stance("default")

    def on_validation_epoch_end(self) -> None:
        losses, ious, errors = zip(*self._validation, strict=True)
        figures = {
            "val_loss": float(np.mean(losses)),
            "val_iou": float(np.nanmean(ious)),
            "val_mm": float(np.median(np.array(errors)[:, list(INNER)])),
        }
        self._validation.clear()
        self.remember(figures)
        self.log_dict(figures, prog_bar=True, batch_size=1)

    def rate(self, step: int) -> float:
        o = self.config.optimiser
        if o.schedule == "restarts":
            return restarts(step, o.restart or self.steps)
        return cosine(step, self.steps, o.warmup, self.spent)
