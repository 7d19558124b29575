"""Checkpoints that are whole or not there: written under another name, flushed to the disk, then renamed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from lightning.pytorch.plugins.io import TorchCheckpointIO

from faceviz.io.files import replace_file, sync_folder


class DurableCheckpoints(TorchCheckpointIO):
    """Lightning's own writer goes by way of the system's folder for temporary files, whence a move may be a copy."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        """
        Raises:
            FileFormatError: disk full, no permission.
        """
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, lambda stream: torch.save(checkpoint, stream))
        sync_folder(path.parent)


def remove_torn(folder: Path) -> None:
    """What was left of checkpoints that were being written when a run was killed."""
    for path in folder.glob(".*.part"):
        path.unlink(missing_ok=True)
