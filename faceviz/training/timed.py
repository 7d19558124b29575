"""What every network in training has: an optimiser, a budget of time, and the history of its validations."""

from __future__ import annotations

import time
from typing import Any

import lightning as L
import numpy as np
import torch
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor

from faceviz.training.history import Row


class TimedModule(L.LightningModule):
    """A network in training that counts its time over resumes and ends when a budget is spent.

    Args:
        config: of the run, with ``optimiser``.
        budget_seconds: wall-clock time after which the run ends.
    """

    def __init__(self, config: Any, budget_seconds: float | None) -> None:
        super().__init__()
        self.config, self.budget = config, budget_seconds
        self.elapsed_before = 0.0
        self.began_with: str | None = None  # checksum of the weights that the run began with
        self.history: list[Row] = []
        self._started = time.monotonic()
        self._agreed: float | None = (
            None  # seconds by the clock of the first process, where there are several
        )
        self._losses: list[float] = []

    @property
    def elapsed(self) -> float:
        """Seconds of training, those before a resume included."""
        return self.elapsed_before + time.monotonic() - self._started

    @property
    def spent(self) -> float:
        """Share of the budget, 0 without one; the same in all processes, for the learning rate follows it."""
        if not self.budget:
            return 0.0
        return self._agreed_elapsed / self.budget

    @property
    def _agreed_elapsed(self) -> float:
        return self.elapsed if self._agreed is None else self._agreed

    def rate(self, step: int) -> float:
        """Share of the learning rate at a step."""
        raise NotImplementedError

    def log_loss(self, loss: Tensor, batch_size: int) -> Tensor:
        """The loss of a training step, remembered for the history."""
        self._losses.append(float(loss.detach()))
        self.log("loss", loss, prog_bar=True, batch_size=batch_size)
        return loss

    def on_train_batch_end(self, *_: Any) -> None:
        if self.budget is None:
            return
        if self.trainer.world_size > 1:
            self._agreed = self.trainer.strategy.broadcast(self.elapsed)
        if self._agreed_elapsed >= self.budget:
            self.trainer.should_stop = True

    def remember(self, figures: Row) -> Row:
        """Put a validation into the history; the last weights, validated once more, take the place of the last row."""
        row = {
            "step": self.trainer.global_step,
            "minutes": self.elapsed / 60,
            "train_loss": float(np.mean(self._losses)) if self._losses else float("nan"),
            "learning_rate": self.trainer.optimizers[0].param_groups[0]["lr"],
            **figures,
        }
        if self.history and self.history[-1]["step"] == row["step"]:
            row["train_loss"] = self.history.pop()["train_loss"]
        self.history.append(row)
        self._losses.clear()
        return row

    def configure_optimizers(self) -> OptimizerLRScheduler:
        o = self.config.optimiser
        if o.name == "adam":
            optimiser: torch.optim.Optimizer = torch.optim.Adam(self.parameters(), lr=o.learning_rate)
        else:
            groups = [
                {"params": [p for p in self.parameters() if p.ndim >= 2], "weight_decay": o.weight_decay},
                {"params": [p for p in self.parameters() if p.ndim < 2], "weight_decay": 0.0},
            ]
            optimiser = torch.optim.AdamW(groups, lr=o.learning_rate, betas=(0.9, 0.98))
        schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, self.rate)
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["elapsed"] = self.elapsed
        checkpoint["began_with"] = self.began_with

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self.elapsed_before = checkpoint["elapsed"]
        self.began_with = checkpoint.get("began_with")
        self._started = time.monotonic()
