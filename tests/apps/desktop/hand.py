"""A hand on the window, a camera with moods, and eyes for what is on the screen."""

from __future__ import annotations

import functools
import threading
import time

import numpy as np
import torch

from faceviz.detection import FaceBox
from faceviz.geometry.geometry_image import mean_face
from faceviz.io.frames import FrameSource
from faceviz.io.video import CameraFeed
from faceviz.models.reconstruction.stream import StreamConfig, StreamNetwork

SETTINGS = {"widths": [8, 8, 8, 8], "memory": 4, "hidden": 8, "components": 3}
BOX = FaceBox(60, 30, 80, 80, 5.0)
MEAN = mean_face().reshape(-1, 3)


@functools.cache
def network() -> StreamNetwork:
    torch.manual_seed(0)
    net = StreamNetwork(StreamConfig.from_dict(SETTINGS))
    mean = torch.from_numpy(np.ascontiguousarray(np.moveaxis(mean_face(), -1, 0))).float()
    net.set_space(mean, 0.1 * torch.randn(3, 3, 64, 64), mean.mean(dim=(1, 2)), torch.tensor([1.0, 0.05]))
    return net


class Finder:
    """A detector that finds what it is told to; ``gate`` holds it up, and ``held`` says that it does."""

    def __init__(self):
        self.faces, self.gate, self.held = [BOX], threading.Event(), False
        self.gate.set()

    def detect(self, image, near=None):
        self.held = not self.gate.is_set()
        self.gate.wait(30)
        self.held = False
        return self.faces


class Camera:
    """A camera that can be pulled out, can freeze, and can be taken by another program.

    Its pictures are red on the left; something moves on the right.
    """

    def __init__(self):
        self.state, self.shown = "good", 0

    def isOpened(self):  # noqa: N802
        return self.state != "missing"

    def read(self):
        time.sleep(0.02)
        if self.state == "hanging":
            time.sleep(0.5)
            return True, self._picture()
        if self.state == "missing":
            return False, None
        self.shown += self.state == "good"
        return True, self._picture()

    def _picture(self):
        image = np.full((150, 200, 3), 40, np.uint8)
        image[:, :100] = (0, 0, 220)
        image[:, 150 + self.shown % 40 :] = (255, 255, 255)
        return image

    def get(self, _):
        return 0.0

    def release(self):
        pass

    def open(self, source):
        return FrameSource(CameraFeed(0, lambda _: self))


class Stopwatch:
    """Seconds in which this program worked or rested, without those in which a busy machine let it stand."""

    def __enter__(self):
        self.seconds, self._running = 0.0, True
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def _run(self):
        while self._running:
            before, worked = time.monotonic(), time.process_time()
            time.sleep(0.01)
            self.seconds += min(time.monotonic() - before, 0.01 + time.process_time() - worked)

    def __exit__(self, *_):
        self._running = False
        self._thread.join()


class Hand:
    """A hand on the window."""

    def __init__(self, qtbot, window, camera, finder):
        self.qtbot, self.window, self.camera, self.finder = qtbot, window, camera, finder

    def click(self, name):
        from qtpy.QtCore import Qt

        self.qtbot.mouseClick(getattr(self.window.controls, name), Qt.MouseButton.LeftButton)

    def press(self, key):
        self.qtbot.keyClicks(self.window, key)

    def until(self, what, seconds=30):
        self.qtbot.waitUntil(lambda: bool(what()), timeout=1000 * seconds)

    @property
    def used(self):
        return int(self.window.facts.values["used"].text().replace("-", "0"))

    def see(self, images=1):
        """Until so many more images were used and drawn."""
        goal = self.used + images
        self.until(lambda: self.used >= goal)

    def hold(self):
        """Paused, and everything that was on its way is drawn."""
        self.click("start")
        self.until(lambda: self.window.network.idle)
        self.until(lambda: self.window._seen is self.window.network.seen)

    def pixels(self, widget):
        """(H, W, 3) uint8 of a widget as the window shows it."""
        whole = as_array(self.window.grab().toImage())
        corner = widget.mapTo(self.window, widget.rect().topLeft())
        x, y = corner.x(), corner.y()
        return whole[y : y + widget.height(), x : x + widget.width()].copy()

    def face(self):
        return self.pixels(self.window.face.view)


def as_array(image):
    """(H, W, 3) uint8 of a QImage."""
    image = image.convertToFormat(image.Format.Format_RGB888)
    raw = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return raw[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).copy()


def is_face(pixels):
    """A face fills its share of the view, in many colours, on a plain ground."""
    ground = pixels[2, 2].astype(int)
    other = np.abs(pixels.astype(int) - ground).max(axis=2) > 12
    colours = len(np.unique(pixels[other] // 16, axis=0))
    return 0.08 < other.mean() < 0.8 and other[:, :4].mean() < 0.05 and colours > 12


def differ(one, other):
    return np.abs(one.astype(int) - other.astype(int)).max(axis=2).__gt__(8).mean()
