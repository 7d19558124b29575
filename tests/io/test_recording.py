from __future__ import annotations

import numpy as np
import pytest

from faceviz.errors import FileFormatError
from faceviz.io.frames import open_frames
from faceviz.io.recording import RATE, VideoRecorder


def picture(value: int, size=(48, 64)) -> np.ndarray:
    image = np.full((*size, 3), value, np.uint8)
    image[:, : size[1] // 2] = (200, 0, 0)
    return image


@pytest.mark.parametrize("name", ["a.avi", "a.mp4"])
def test_what_was_recorded_is_read_again_in_its_colours(tmp_path, name):
    recorder = VideoRecorder(tmp_path / name)
    for i in range(10):
        recorder.write(picture(20 * i, (49, 65)), i / RATE)
    assert recorder.close()
    frames = list(open_frames(tmp_path / name))
    assert len(frames) == 10
    np.testing.assert_allclose(frames[5].image[24, 8], [200, 0, 0], atol=14)
    np.testing.assert_allclose(frames[5].image[24, 56], 100, atol=10)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_the_video_runs_as_fast_as_life_and_a_long_gap_is_cut(tmp_path):
    recorder = VideoRecorder(tmp_path / "a.avi")
    for time in (0.0, 0.5, 1.0, 61.0):
        recorder.write(picture(50), time)
    assert recorder.seconds == pytest.approx(2.0, abs=2 / RATE)
    recorder.close()


def test_a_picture_of_another_size_is_brought_to_the_first(tmp_path):
    recorder = VideoRecorder(tmp_path / "a.avi")
    recorder.write(picture(50), 0.0)
    recorder.write(picture(50, (96, 128)), 0.1)
    recorder.close()
    assert {frame.image.shape for frame in open_frames(tmp_path / "a.avi")} == {(48, 64, 3)}


def test_nothing_appears_before_the_end_and_nothing_without_a_picture(tmp_path):
    recorder = VideoRecorder(tmp_path / "a.avi")
    assert not recorder.close()
    assert list(tmp_path.iterdir()) == []
    recorder.write(picture(50), 0.0)
    assert not (tmp_path / "a.avi").exists()
    assert recorder.close()
    assert not recorder.close()


def test_what_cannot_be_written_is_said(tmp_path):
    with pytest.raises(FileFormatError, match="a.gif: .*; use .avi or .mp4"):
        VideoRecorder(tmp_path / "a.gif")
    with pytest.raises(FileFormatError, match="cannot be written; check the folder"):
        VideoRecorder(tmp_path / "none" / "a.avi")
