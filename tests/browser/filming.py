"""Films for the fake camera of Chromium, made from the sample sequence."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from faceviz import assets
from faceviz.io.images import read_image

SIZE = (480, 360)


def sample_pictures(count: int) -> list[np.ndarray]:
    """The first pictures of the sample, (360, 480, 3) uint8 each, between grey rims."""
    return [_framed(read_image(assets.path(f"sequences/sample/{i:02d}.jpg"))) for i in range(count)]


def write_y4m(path: Path, pictures: list[np.ndarray], *, rate: int = 10) -> Path:
    """An uncompressed film, as Chromium wants it."""
    width, height = SIZE
    with path.open("wb") as file:
        file.write(f"YUV4MPEG2 W{width} H{height} F{rate}:1 Ip A1:1 C420jpeg\n".encode())
        for picture in pictures:
            planes = cv2.cvtColor(picture, cv2.COLOR_RGB2YUV_I420)
            file.write(b"FRAME\n" + planes.tobytes())
    return path


def write_avi(path: Path, pictures: list[np.ndarray]) -> Path:
    """A Motion JPEG film."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 10, SIZE)
    for picture in pictures:
        writer.write(picture[..., ::-1])
    writer.release()
    return path


def _framed(picture: np.ndarray) -> np.ndarray:
    width, height = SIZE
    face = cv2.resize(picture, (height, height), interpolation=cv2.INTER_AREA)
    frame = np.full((height, width, 3), 128, np.uint8)
    left = (width - height) // 2
    frame[:, left : left + height] = face
    return frame
