from __future__ import annotations

import threading

import cv2
import numpy as np
import pytest

from faceviz import assets
from faceviz.errors import CheckpointError
from tests.apps.desktop.hand import Camera, Stopwatch, differ


@pytest.mark.parametrize("how", ["missing", "frozen", "hanging"])
def test_a_lost_camera_is_said_within_two_seconds_and_taken_up_again(hand, how):
    notice = hand.window.notice
    with Stopwatch() as watch:
        hand.camera.state = how
        hand.until(notice.isVisible)
    assert watch.seconds < 2.0
    assert "camera:0" in notice.text() and "taken up again" in notice.text()
    assert hand.window.video._dim
    before = hand.used
    hand.camera.state = "good"
    hand.until(notice.isHidden)
    hand.until(lambda: hand.used > before)
    assert not hand.window.video._dim


def test_a_camera_that_comes_late_is_said_and_then_used(made):
    camera = Camera()
    camera.state = "missing"
    hand = made(camera=camera)
    with Stopwatch() as watch:
        hand.until(hand.window.notice.isVisible)
    assert watch.seconds < 2.0
    assert "no such camera" in hand.window.notice.text()
    assert "waiting for camera:0" in hand.window.facts.status.text() or not hand.window.network.loaded
    camera.state = "good"
    hand.see()
    assert hand.window.notice.isHidden()


def test_a_camera_that_hangs_when_opened_is_said_within_two_seconds(made):
    gate = threading.Event()
    hand = made(open=lambda _: gate.wait(30) and Camera().open(""))
    with Stopwatch() as watch:
        hand.until(hand.window.notice.isVisible)
    assert watch.seconds < 2.0
    assert "no other program" in hand.window.notice.text()
    gate.set()
    hand.see()


def test_a_slow_network_holds_up_neither_window_nor_video_and_pictures_are_dropped(hand):
    hand.finder.gate.clear()
    hand.until(lambda: hand.finder.held)
    first = hand.pixels(hand.window.video)
    shown, before = hand.camera.shown, hand.window.network.seen
    hand.until(lambda: hand.camera.shown > shown + 20)
    hand.until(lambda: differ(first, hand.pixels(hand.window.video)) > 0.001)
    hand.click("dark")
    assert hand.window.controls.dark.isChecked() and hand.window.network.seen is before
    hand.click("dark")
    hand.finder.gate.set()
    hand.until(lambda: int(hand.window.facts.values["dropped"].text()) >= 10)
    assert hand.window.network.seen.progress.used < hand.camera.shown / 2


def test_all_images_of_a_folder_are_used_and_bad_ones_named(made, tmp_path):
    rng = np.random.default_rng(0)
    for i in range(4):
        cv2.imwrite(str(tmp_path / f"{i}.png"), rng.integers(0, 256, (150, 200, 3), dtype=np.uint8))
    (tmp_path / "2b.jpg").write_bytes(b"\xff\xd8\xff no picture")
    hand = made(str(tmp_path))
    hand.until(lambda: hand.used == 4)
    hand.until(lambda: hand.window.controls.start.text() == "Start")
    assert hand.window.facts.values["dropped"].text() == "0"
    assert "2b.jpg" in hand.window.notice.text()
    hand.click("start")
    hand.until(lambda: hand.used == 8)


def test_a_source_is_chosen_from_the_menu_or_dropped(hand, tmp_path, monkeypatch):
    from qtpy.QtCore import QMimeData, QUrl
    from qtpy.QtWidgets import QFileDialog

    actions = {action.text(): action for action in hand.window.controls.source.menu().actions()}
    actions["Sample images"].trigger()
    assert hand.window.source == str(assets.path("sequences/sample"))
    hand.until(lambda: hand.used >= 1 and hand.window._frame_shown.source.endswith(".jpg"))
    clip = str(assets.path("sequences/sample/clip.avi"))
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (clip, ""))
    hand.press("o")
    assert hand.window.source == clip
    (tmp_path / "broken.mp4").write_bytes(b"no video")

    class Drop:
        def mimeData(self):  # noqa: N802
            data = QMimeData()
            data.setUrls([QUrl.fromLocalFile(str(tmp_path / "broken.mp4"))])
            return data

    hand.window.dropEvent(Drop())
    hand.until(hand.window.notice.isVisible)
    assert "broken.mp4" in hand.window.notice.text() and "; " in hand.window.notice.text()
    actions["Camera 0"].trigger()
    hand.see()
    assert hand.window.notice.isHidden()


def test_weights_that_cannot_be_read_are_said_in_the_window(made):
    def load(_):
        raise CheckpointError("faceviz-stream: has no weights; train it or name another with --model")

    hand = made(load=load)
    hand.until(hand.window.notice.isVisible)
    assert "has no weights" in hand.window.notice.text()
    assert hand.window.video.picture_place.width() > 0 or not hand.window.watcher.over
