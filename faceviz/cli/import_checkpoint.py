"""``faceviz import-checkpoint``: a published PyTorch checkpoint as a model folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from faceviz.cli.output import check_folder


def import_checkpoint(
    file: Annotated[
        Path, typer.Argument(metavar="FILE.pth", help="What torch.save wrote.", show_default=False)
    ],
    out: Annotated[
        Path, typer.Option("-o", "--out", metavar="DIR", help="Folder of the model.", show_default=False)
    ],
) -> None:
    """Convert the weights of the SE(3)-Transformer U-Net of Ferraretto (2024) to a model folder.

    Nothing in the file is executed. The network behaves as published, with its mistakes; each has a name in config.json
    and is mended by setting it to false.

    \b
    Examples:
      faceviz import-checkpoint checkpoint-35-v0.3.0.7.pth -o models/published
      faceviz landmarks cloud.npy --model models/published --raw --heatmaps heat.npz
    """
    check_folder(str(out))
    from faceviz.errors import CheckpointError
    from faceviz.io.torch_checkpoint import read_torch_checkpoint
    from faceviz.io.weights import save_weights
    from faceviz.models.published.config import AS_PUBLISHED
    from faceviz.models.published.original import from_original
    from faceviz.models.published.unet import PublishedUnet

    weights = read_torch_checkpoint(file)
    network = PublishedUnet(AS_PUBLISHED)
    try:
        converted = from_original(weights, network.state_dict())
    except CheckpointError as error:
        raise CheckpointError(f"{file}: {error}") from None
    description = {"architecture": "ferraretto2024", "network": AS_PUBLISHED.to_dict(), "source": file.name}
    save_weights(out, converted, description)
    print(f"{sum(value.numel() for value in converted.values()):,} parameters: {out}")
