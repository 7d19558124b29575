"""Video through a process of its own (``faceviz.io.decoder``), so that no file can take the program with it.

FFmpeg parses dozens of formats in native code. Here it may open only the containers that people record in, never a
playlist, with no more than a gigabyte; what it dies of, or is silent about for long, becomes the end of the video.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np

from faceviz.io.decoder import FRAME, HEADER, MAX_PIXELS, MAX_SIDE

PATIENCE = 20.0  # seconds for the next frame; a busy machine is slow to start a process
FILE, NETWORK = "file", "http,https,tcp,tls,rtp,rtsp,rtsps,udp,crypto"

_AHEAD = 2  # frames decoded before they are asked for
_RUN = "import json, sys; sys.path[:] = json.loads(sys.argv.pop()); "
_RUN += "from faceviz.io.decoder import decode; decode(sys.argv[1], sys.argv[2], sys.stdout.buffer)"
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # whose buffers would count as its data
_CONTAINERS = (
    b"RIFF",
    b"\x1a\x45\xdf\xa3",
    b"\0\0\1\xba",
    b"\0\0\1\xb3",
    b"\xff\xd8\xff",
    b"OggS",
    b"FLV\x01",
    b"G",
)
_BOXES = (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot")


def is_container(path: Path) -> bool:
    """Does the file begin like AVI, MP4, MOV, MKV, WebM, MPEG, MJPEG, Ogg or FLV? A playlist, for one, does not."""
    with path.open("rb") as stream:
        start = stream.read(12)
    return start.startswith(_CONTAINERS) or start[4:8] in _BOXES


class DecodedVideo:
    """What ``cv2.VideoCapture`` offers, from another process. Frames are (H, W, 3) uint8 BGR.

    Attributes:
        count: how many frames the container announces; 0 where it does not.
        rate: frames a second as announced.
        broken: whether the decoder died or fell silent before its end.
    """

    def __init__(self, source: str, protocols: str = FILE, patience: float = PATIENCE) -> None:
        command = [sys.executable, "-I", "-c", _RUN, source, protocols, json.dumps(sys.path)]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=os.environ | _ONE_THREAD,
        )
        self._patience, self.broken, self._over = patience, False, False
        self._frames: queue.Queue[Any] = queue.Queue(_AHEAD)
        threading.Thread(target=self._fill, name="faceviz-decoding", daemon=True).start()
        header: tuple[bool, float, float] | None = self._take()
        self._opened, self.count, self.rate = header if header is not None else (False, 0.0, 0.0)

    def isOpened(self) -> bool:  # noqa: N802 - the name that OpenCV gives it
        return self._opened

    def read(self) -> tuple[bool, np.ndarray | None]:
        """The next frame; ``(False, None)`` at the end."""
        image = self._take() if self._opened and not self._over else None
        return image is not None, image

    def release(self) -> None:
        """End the process; may be called twice."""
        self._opened, self._over = False, True
        self._process.kill()
        self._process.wait()
        while not self._frames.empty():  # lets the thread that fills it go on to its end
            self._frames.get_nowait()

    def _take(self) -> Any:
        try:
            found = self._frames.get(timeout=self._patience)
        except queue.Empty:
            found, self.broken = None, True
        if found is None:
            self._over = True
        return found

    def _fill(self) -> None:
        """In a thread: header and frames as they come, then None."""
        stream = self._process.stdout
        assert stream is not None
        try:
            with stream:
                header = HEADER.unpack(stream.read(HEADER.size))
                self._frames.put(header)
                while (shape := FRAME.unpack(stream.read(FRAME.size))) != (0, 0):
                    self._frames.put(_frame(shape, stream))
                    if self._over:
                        return
        except Exception:  # a record cut short: the process died
            self.broken = not self._over
        self._frames.put(None)


def _frame(shape: tuple[int, int], stream: Any) -> np.ndarray:
    height, width = shape
    if max(shape) > MAX_SIDE or height * width > MAX_PIXELS:
        raise ValueError("no frame has this size")
    content = stream.read(3 * height * width)
    return np.frombuffer(content, np.uint8).reshape(height, width, 3)
