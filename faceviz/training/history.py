"""The figures of every validation, on disk as they come."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning as L

Row = dict[str, float]
Draw = Callable[[list[Row], Path], None]

#: Figures that come first, in this order.
_COLUMNS = ("step", "minutes", "train_loss", "val_loss", "val_iou", "val_mm", "learning_rate")


class HistoryFile(L.Callback):
    """Writes ``history.csv`` after every validation, and calls ``draw`` with the history so far."""

    def __init__(self, folder: Path, draw: Draw | None) -> None:
        self.folder, self.draw = folder, draw

    def on_validation_end(self, trainer: L.Trainer, module: Any) -> None:
        if trainer.sanity_checking or not module.history or not trainer.is_global_zero:
            return
        write_history(self.folder / "history.csv", module.history)
        if self.draw:
            self.draw(module.history, self.folder / "curves.png")


def write_history(path: Path, history: list[Row]) -> None:
    """The figures of every validation as CSV, appearing at once or not at all."""
    partial = path.with_suffix(".partial")
    with partial.open("w", newline="") as file:
        columns = [name for name in _COLUMNS if name in history[0]]
        columns += [name for name in history[0] if name not in columns]
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(history)
    partial.replace(path)


def read_history(path: Path, last_step: int) -> list[Row]:
    """The validations up to a step; none where there is no file."""
    if not path.exists():
        return []
    with path.open(newline="") as file:
        rows = [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]
    return [{**row, "step": int(row["step"])} for row in rows if row["step"] <= last_step]
