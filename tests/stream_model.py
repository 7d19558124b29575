"""A reconstruction model that has learnt nothing: for tests that need a face to change with each image."""

from __future__ import annotations

from pathlib import Path

_SETTINGS = {"widths": [8, 8, 8, 8], "memory": 4, "hidden": 8, "components": 3}


def untrained_stream(folder: Path) -> Path:
    """Writes the model into a folder, and gives it back."""
    import numpy as np
    import torch

    from faceviz.geometry.geometry_image import mean_face
    from faceviz.io.weights import save_weights
    from faceviz.models.reconstruction.stream import StreamConfig, StreamNetwork

    torch.manual_seed(0)
    network = StreamNetwork(StreamConfig.from_dict(_SETTINGS))
    mean = torch.from_numpy(np.ascontiguousarray(np.moveaxis(mean_face(), -1, 0))).float()
    network.set_space(mean, torch.randn(3, 3, 64, 64), mean.mean(dim=(1, 2)), torch.tensor([1.0, 0.05]))
    save_weights(folder, network.state_dict(), {"architecture": "faceviz-stream", "network": _SETTINGS})
    return folder
