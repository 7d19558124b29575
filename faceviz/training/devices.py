"""Training on several devices or machines by Lightning's own strategies; each process has its share of the batches."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import lightning as L
from lightning.pytorch.utilities import rank_zero_only

from faceviz.errors import ConfigError

_WAIT_S = 2.0


@dataclass(frozen=True, slots=True)
class Devices:
    """What a run is spread over.

    Attributes:
        devices: of each machine; ``num_nodes`` machines. One process drives each device.
        strategy: as of ``lightning.Trainer``: ``auto``, ``ddp``, ``fsdp`` and so on.
    """

    devices: int = 1
    num_nodes: int = 1
    strategy: str = "auto"

    def check(self) -> None:
        """
        Raises:
            ConfigError: a strategy that begins its processes in the middle of the program.
        """
        if "spawn" in self.strategy or "fork" in self.strategy or "notebook" in self.strategy:
            raise ConfigError(
                f"--strategy {self.strategy}: begins its processes too late; use ddp, or begin them with torchrun"
            )


ONE = Devices()


def is_first() -> bool:
    """Is this the process that makes the data, writes files and speaks? Known before the trainer is made."""
    return bool(rank_zero_only.rank == 0)  # type: ignore[attr-defined]  # Lightning sets it on the function


def wait_until(ready: Callable[[], bool]) -> None:
    """For what the first process makes."""
    while not ready():
        time.sleep(_WAIT_S)


@dataclass(frozen=True, slots=True)
class Share:
    """Which batches a process takes: those from ``start`` on, every ``stride``-th.

    All processes together take each number once, so that a step of P processes is a step of one process that
    accumulates P batches.
    """

    start: int
    stride: int

    @classmethod
    def of(cls, trainer: L.Trainer, batches_done: int) -> Share:
        """Of this process, where each has taken ``batches_done``."""
        world = trainer.world_size
        return cls(batches_done * world + trainer.global_rank, world)
