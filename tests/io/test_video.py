from __future__ import annotations

import functools
import http.server
import threading
import time

import cv2
import numpy as np
import pytest

from faceviz.errors import CameraError, FileFormatError
from faceviz.io.frames import open_frames
from faceviz.io.video import CameraFeed


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """12 frames of 64 x 48 at 10 a second, the n-th of brightness 20 n, a red left half."""
    path = tmp_path_factory.mktemp("clip") / "clip.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 10.0, (64, 48))
    for number in range(12):
        image = np.full((48, 64, 3), 20 * number, np.uint8)
        image[:, :32] = (0, 0, 200)
        writer.write(image)
    writer.release()
    return path


class FakeCamera:
    """A capture that gives what ``picture(n)`` gives: an image, None for the end."""

    def __init__(self, picture, opened: bool = True) -> None:
        self.picture, self.opened, self.reads, self.released = picture, opened, 0, threading.Event()

    def isOpened(self) -> bool:  # noqa: N802
        return self.opened

    def read(self):
        time.sleep(0.005)
        self.reads += 1
        image = self.picture(self.reads)
        return image is not None, image

    def get(self, _: int) -> float:
        return 0.0

    def release(self) -> None:
        self.released.set()


def moving(number: int) -> np.ndarray:
    return np.full((8, 8, 3), number % 250, np.uint8)


def test_a_video_gives_its_frames_in_rgb_with_their_times(clip):
    with open_frames(clip) as frames:
        assert frames.count == 12 and not frames.live
        found = list(frames)
    assert [frame.index for frame in found] == list(range(12))
    np.testing.assert_allclose([frame.time for frame in found], np.arange(12) / 10.0)
    assert found[5].image.shape == (48, 64, 3)
    np.testing.assert_allclose(found[5].image[24, 8], [200, 0, 0], atol=12)
    np.testing.assert_allclose(found[5].image[24, 56], 100, atol=8)


def test_a_video_can_be_read_again(clip):
    frames = open_frames(clip, max_frames=3)
    assert len(list(frames)) == 3
    frames.close()
    assert [frame.index for frame in frames] == [0, 1, 2]


def test_a_video_without_frames_is_refused(tmp_path):
    path = tmp_path / "none.avi"
    cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 10.0, (64, 48)).release()
    with pytest.raises(FileFormatError, match="none.avi: .*; "):
        list(open_frames(path))


@pytest.mark.parametrize("content", [b"", b"hello", bytes(5000)])
def test_what_is_no_video_is_refused(tmp_path, content):
    (tmp_path / "x.mp4").write_bytes(content)
    with pytest.raises(FileFormatError, match="x.mp4: .*; "):
        list(open_frames(tmp_path / "x.mp4"))


def test_a_video_that_is_cut_off_gives_what_it_holds_and_says_so(tmp_path):
    path, rng = tmp_path / "cut.avi", np.random.default_rng(0)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 10.0, (160, 120))
    for _ in range(20):
        writer.write(rng.integers(0, 255, (120, 160, 3), np.uint8))
    writer.release()
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    frames = open_frames(path)
    assert 5 <= len(list(frames)) < 15
    assert all("cut off" in note for note in frames.skipped)


def test_a_video_comes_from_an_address_too(clip):
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(clip.parent))
    handler.log_message = lambda *_: None
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        address = f"http://127.0.0.1:{server.server_port}"
        assert len(list(open_frames(f"{address}/clip.avi"))) == 12
        with pytest.raises(FileFormatError, match="cannot be opened"):
            open_frames(f"{address}/none.avi")
    finally:
        server.shutdown()
        server.server_close()


def test_an_address_shows_no_password():
    with pytest.raises(FileFormatError) as caught:
        open_frames("http://user:secret@127.0.0.1:9/x.mp4")
    assert "secret" not in str(caught.value)


def test_a_camera_that_is_not_there_is_said_so_at_once():
    with pytest.raises(CameraError, match="camera:87: there is no such camera"):
        open_frames("camera:87")


def test_a_camera_gives_its_latest_picture_to_a_slow_reader():
    camera = FakeCamera(moving)
    feed = CameraFeed(0, lambda _: camera)
    frames = iter(feed)
    first = next(frames)
    time.sleep(0.3)
    second = next(frames)
    feed.close()
    assert feed.live and second.index == first.index + 1
    assert int(second.image[0, 0, 0]) - int(first.image[0, 0, 0]) > 10, "pictures in between are dropped"
    assert camera.released.wait(1.0)


@pytest.mark.parametrize("ending", ["unplugged", "frozen", "hanging"])
def test_a_lost_camera_is_said_within_two_seconds(ending):
    release = threading.Event()

    def picture(number: int):
        if number <= 3:
            return moving(number)
        if ending == "unplugged":
            return None
        if ending == "hanging":
            release.wait(10.0)
        return moving(3)

    feed = CameraFeed(0, lambda _: FakeCamera(picture))
    frames, start = iter(feed), time.monotonic()
    with pytest.raises(CameraError, match="camera:0: was lost"):
        for _ in frames:
            start = time.monotonic()
    assert time.monotonic() - start < 2.5
    release.set()
    feed.close()


def test_a_camera_that_sends_nothing_is_refused():
    with pytest.raises(CameraError, match="sends no picture"):
        CameraFeed(0, lambda _: FakeCamera(lambda _: None), lost_after=0.2)
