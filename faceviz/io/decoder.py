"""The process that decodes a video for ``faceviz.io.decoding``: what kills a decoder ends it alone.

Standard output carries a header, then one record a frame: ``HEADER`` (opened, frames announced, frames a second), and
``FRAME`` (height, width) with the pixels, BGR, row by row; after the last one a FRAME of zeros.
"""

from __future__ import annotations

import os
import struct
import sys
from typing import Any, BinaryIO

HEADER = struct.Struct("<?dd")
FRAME = struct.Struct("<II")
MAX_SIDE = 16_384
MAX_PIXELS = 50_000_000
_MEMORY = 1 << 30  # bytes that the decoder may take for its data
_TIMEOUT_MS = 8000  # of an address that does not answer


def decode(source: str, protocols: str, out: BinaryIO) -> None:
    """Write the frames of a file or address to ``out``; ``protocols`` are those that FFmpeg may use, and no other."""
    _restrict(protocols)
    capture = opened(source)
    _write(out, HEADER.pack(capture.isOpened(), *announced(capture)))
    while (image := next_frame(capture)) is not None:
        _write(out, FRAME.pack(*image.shape[:2]))
        _write(out, image.data)
    _write(out, FRAME.pack(0, 0))


def opened(source: str) -> Any:
    """The ``cv2.VideoCapture`` of a file or address."""
    import cv2

    limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, _TIMEOUT_MS, cv2.CAP_PROP_READ_TIMEOUT_MSEC, _TIMEOUT_MS]
    return cv2.VideoCapture(source, cv2.CAP_FFMPEG, limits)


def announced(capture: Any) -> tuple[float, float]:
    """How many frames the container says it has, and how many a second."""
    import cv2

    return capture.get(cv2.CAP_PROP_FRAME_COUNT), capture.get(cv2.CAP_PROP_FPS)


def _write(out: BinaryIO, content: Any) -> None:
    out.write(content)
    out.flush()


def next_frame(capture: Any) -> Any:
    """(H, W, 3) uint8 BGR, contiguous; None at the end."""
    import numpy as np

    good, image = capture.read()
    if not good or image is None or image.ndim not in (2, 3) or not 0 < max(image.shape[:2]) <= MAX_SIDE:
        return None
    if image.shape[0] * image.shape[1] > MAX_PIXELS or image.dtype != np.uint8:
        return None
    if image.ndim == 2:
        image = np.repeat(image[..., None], 3, axis=2)
    return np.ascontiguousarray(image[..., :3])


def _restrict(protocols: str) -> None:
    """Little memory, few threads, no word on standard error, and no file or address but those allowed."""
    options = f"protocol_whitelist;{protocols}|threads;2|rtsp_transport;tcp"
    os.environ["OPENCV_FFMPEG_CAPTURE_OPTIONS"] = options
    os.environ["OPENCV_FFMPEG_LOGLEVEL"] = "-8"
    os.environ["OPENCV_LOG_LEVEL"] = "SILENT"
    try:
        import resource
    except ImportError:  # Windows
        return
    for kind, most in ((resource.RLIMIT_CORE, 0), (resource.RLIMIT_DATA, _MEMORY)):
        hard = resource.getrlimit(kind)[1]
        allowed = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (allowed, hard))


if __name__ == "__main__":
    decode(sys.argv[1], sys.argv[2], sys.stdout.buffer)
