"""Small valid files that are no scans: pictures, clips, weights, settings; and how their parts are repacked."""

from __future__ import annotations

import io
import json
import pickle
import struct
import zipfile
import zlib
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from tests.hostile import scans

NETWORK = {
    "sizes": [64, 16], "k": 4, "scalars": [8, 8], "vectors": [4, 4], "value_scalars": [4, 4],
    "value_vectors": [4, 4], "encoder": [1, 1], "decoder": [1], "heads": 2, "radial": 4, "refinement": 0,
}  # fmt: skip
STREAM = {"image": 32, "widths": [4, 4, 4, 4], "memory": 4, "hidden": 8, "components": 4}


def picture(form: str) -> bytes:
    """A picture of 24 x 16 pixels, as Pillow saves it."""
    from PIL import Image

    pixels = np.random.default_rng(0).integers(0, 256, (16, 24, 3)).astype(np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, form)
    return stream.getvalue()


@cache
def clip(suffix: str, codec: str) -> bytes:
    """Six frames of 64 x 48."""
    import cv2

    with TemporaryDirectory() as folder:
        path = Path(folder) / f"clip{suffix}"
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*codec), 10.0, (64, 48))
        for number in range(6):
            writer.write(np.full((48, 64, 3), 40 * number, np.uint8))
        writer.release()
        return path.read_bytes()


def bundle_content() -> dict[str, Any]:
    """Two scans as the landmark bundles hold them."""
    points, _ = scans.grid()
    landmarks = points[np.arange(68) % len(points)]
    return {
        "point_list": np.stack([points, points + 1]),
        "landmark_list": np.stack([landmarks] * 2),
        "subject_list": ["12", "340"],
        "emotion_list": np.array(["neutral", "smile"], dtype=object),
        "scale_list": np.array([1.0, 2.0]),
    }


def bundle_pickle() -> bytes:
    return pickle.dumps(bundle_content())


def bundle_zip() -> bytes:
    stream = io.BytesIO()
    np.savez(stream, **bundle_content())
    return stream.getvalue()


@cache
def landmark_weights() -> tuple[bytes, bytes]:
    """``model.safetensors`` and ``config.json`` of a small untrained landmark network."""
    from faceviz.models.se3_unet import Se3Unet, Se3UnetConfig

    network = Se3Unet(Se3UnetConfig.from_dict(NETWORK))
    return _saved(network, {"architecture": "se3unet", "network": NETWORK})


@cache
def stream_weights() -> tuple[bytes, bytes]:
    """The same of a small untrained reconstruction network."""
    from faceviz.models.reconstruction.stream import StreamConfig, StreamNetwork

    network = StreamNetwork(StreamConfig.from_dict(STREAM))
    return _saved(network, {"architecture": "faceviz-stream", "network": STREAM})


def _saved(network: Any, description: dict[str, Any]) -> tuple[bytes, bytes]:
    from safetensors.torch import save

    return save(network.state_dict()), json.dumps(description).encode()


@cache
def checkpoint() -> bytes:
    """A ``.pth`` with two tensors."""
    import torch

    stream = io.BytesIO()
    torch.save({"epoch": 3, "model_state_dict": {"w": torch.arange(6.0), "b": torch.zeros(2)}}, stream)
    return stream.getvalue()


@cache
def session() -> bytes:
    """A session file of a small scan that was turned."""
    from faceviz.display import state
    from faceviz.display.session import Session, session_bytes
    from faceviz.display.settings import Settings
    from faceviz.testing import random_face
    from tests.truthful import TruthfulPredictor

    loaded = state.load(TruthfulPredictor(), random_face(0, 200))
    settings = Settings(rotation_deg=(10, 0, 0))
    moved = state.move(TruthfulPredictor(), loaded, settings.pose(loaded.scan.centroid))
    return session_bytes(Session(moved, settings))


def configuration() -> bytes:
    """A training's YAML."""
    return b"""name: mine
architecture: se3unet
network: &sizes
  sizes: [1024, 256, 64]
  k: 16
data:
  sources: [ict, anny]
  scans: 100
  points: [1024, 512]
  tilt: 1.5e-1
optimiser: {batch: 4, steps: 20, clip: 1.0}
loss:
  omega: 14.0
seed: 0x10
"""


def member(archive: bytes, name: str) -> bytes:
    """One file of a zip, by the end of its name."""
    with zipfile.ZipFile(io.BytesIO(archive)) as source:
        return source.read(_full_name(source, name))


def with_member(archive: bytes, name: str, content: bytes) -> bytes:
    """The zip with one file's content replaced and its checksum right, so that damage passes the zip's own check."""
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as source, zipfile.ZipFile(stream, "w") as target:
        wanted = _full_name(source, name)
        for info in source.infolist():
            fresh = zipfile.ZipInfo(info.filename)
            target.writestr(fresh, content if info.filename == wanted else source.read(info))
    return stream.getvalue()


def _full_name(archive: zipfile.ZipFile, end: str) -> str:
    return next(name for name in archive.namelist() if name.endswith(end))


def png_repaired(content: bytes) -> bytes:
    """A damaged PNG with the checksum of each chunk made right again, as far as chunks can be told."""
    found, offset = bytearray(content[:8]), 8
    while offset + 12 <= len(content):
        (length,) = struct.unpack_from(">I", content, offset)
        body = content[offset + 4 : offset + 8 + length]
        if len(body) < 4 + length:
            break
        found += struct.pack(">I", length) + body + struct.pack(">I", zlib.crc32(body))
        offset += 12 + length
    return bytes(found) + content[offset:]
