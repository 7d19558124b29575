from __future__ import annotations

import threading
import time

import pytest

from faceviz import assets
from faceviz.io.frames import FrameSource
from faceviz.io.video import CameraFeed
from tests.apps.desktop.hand import Camera, Stopwatch

CLIP = assets.path("sequences/sample/clip.avi")
TIMES = 50
MOODS = {10: "frozen", 25: "hanging", 40: "frozen"}  # at these times it is not pulled out, but falls silent


class CountedCamera(Camera):
    """Also tells how often it was taken and let go."""

    def __init__(self):
        super().__init__()
        self.taken = self.let_go = 0

    def release(self):
        self.let_go += 1

    def open(self, source):
        def take(_):
            self.taken += 1
            return self

        return FrameSource(CameraFeed(0, take))


def until(what, seconds=20.0):
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it hangs"
        time.sleep(0.002)


@pytest.mark.slow
def test_a_camera_pulled_out_50_times_is_missed_within_two_seconds_and_used_again_each_time(monkeypatch):
    from desktop import watcher as watching

    monkeypatch.setattr(watching, "RETRY", 0.01)
    camera, seen = CountedCamera(), []
    watcher = watching.SourceWatcher("camera:0", lambda frame: seen.append(frame.time), open=camera.open)
    try:
        until(lambda: seen)
        for number in range(TIMES):
            with Stopwatch() as watch:
                camera.state = MOODS.get(number, "missing")
                until(lambda: watcher.status.state == watching.LOST)
            assert watch.seconds < 2.0
            assert "camera:0" in watcher.status.text and "; " in watcher.status.text
            before = len(seen)
            camera.state = "good"
            until(lambda: watcher.status.state == watching.PLAYING and len(seen) > before)  # noqa: B023
            assert sum(thread.name == "faceviz-capture" for thread in threading.enumerate()) == 1
    finally:
        watcher.close()
    until(lambda: camera.let_go == camera.taken)
    assert camera.taken >= TIMES - len(MOODS)
    assert not any(thread.name.startswith("faceviz-watcher") for thread in threading.enumerate())


def test_a_video_waits_with_its_second_picture_for_the_network():
    from desktop import watcher as watching

    seen, there = [], threading.Event()
    watcher = watching.SourceWatcher(str(CLIP), lambda frame: seen.append(frame.index), there.is_set)
    try:
        until(lambda: seen)
        time.sleep(0.7)
        assert seen == [0]
        there.set()
        begun = time.monotonic()
        until(lambda: watcher.over)
        assert seen == list(range(len(seen))) and len(seen) > 5
        assert time.monotonic() - begun > 0.3, "it plays at its own pace"
    finally:
        watcher.close()
