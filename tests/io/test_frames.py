from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from faceviz.errors import ConfigError, FileFormatError
from faceviz.io.frames import open_frames


def save(path, value: int = 0) -> None:
    Image.fromarray(np.full((20, 30, 3), value, np.uint8)).save(path)


@pytest.fixture
def folder(tmp_path):
    """Images 1, 2, 10 with their number as brightness, and a text beside them."""
    for number in (10, 2, 1):
        save(tmp_path / f"frame{number}.png", number)
    (tmp_path / "notes.txt").write_text("no image")
    (tmp_path / ".hidden.png").write_bytes(b"")
    return tmp_path


def test_images_of_a_folder_come_in_the_order_people_count(folder):
    with open_frames(folder) as frames:
        assert frames.count == 3 and not frames.live
        found = list(frames)
    assert [frame.source for frame in found] == ["frame1.png", "frame2.png", "frame10.png"]
    assert [int(frame.image[0, 0, 0]) for frame in found] == [1, 2, 10]
    assert [frame.index for frame in found] == [0, 1, 2] and found[0].image.shape == (20, 30, 3)


def test_a_source_can_be_read_twice(folder):
    frames = open_frames(str(folder))
    assert len(list(frames)) == len(list(frames)) == 3


def test_max_frames_ends_the_sequence(folder):
    frames = open_frames(folder, max_frames=2)
    assert len(list(frames)) == frames.count == 2


def test_a_damaged_image_is_skipped_and_said_so(folder):
    (folder / "frame3.jpg").write_bytes(b"\xff\xd8\xff\xe0 cut off")
    frames = open_frames(folder)
    assert [frame.index for frame in frames] == [0, 1, 3]
    assert len(frames.skipped) == 1 and frames.skipped[0].startswith("frame3.jpg: ")


def test_a_folder_of_damaged_images_is_refused_at_the_end(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"x")
    (tmp_path / "b.jpg").write_bytes(b"y")
    with pytest.raises(FileFormatError, match="no image could be read: a.jpg: .* and 1 more"):
        list(open_frames(tmp_path))


def test_a_folder_without_images_says_what_it_takes(tmp_path):
    with pytest.raises(FileFormatError, match="is empty; put images there"):
        open_frames(tmp_path)
    (tmp_path / "notes.txt").write_text("no image")
    with pytest.raises(FileFormatError, match="holds 1 file, none of them an image"):
        open_frames(tmp_path)


def test_one_image_is_a_sequence_of_one_whatever_its_name(tmp_path):
    save(tmp_path / "face.png", 7)
    (tmp_path / "face.bin").write_bytes((tmp_path / "face.png").read_bytes())
    for name in ("face.png", "face.bin"):
        assert [int(frame.image[0, 0, 0]) for frame in open_frames(tmp_path / name)] == [7]


def test_several_images_come_in_the_order_given(folder):
    frames = open_frames([folder / "frame10.png", folder / "frame1.png"])
    assert [int(frame.image[0, 0, 0]) for frame in frames] == [10, 1]


@pytest.mark.parametrize(
    "source", ["nowhere", "x" * 5000, "a\0b", "file:///etc/passwd", "concat:a.mp4|b.mp4", "ftp://x/y.mp4"]
)
def test_what_is_not_there_or_not_allowed_is_refused(source):
    with pytest.raises(FileFormatError, match="; (give|check)|give one of"):
        open_frames(source)


@pytest.mark.parametrize("source", ["camera:", "camera:x", "camera:-1", "camera:9999"])
def test_a_camera_without_a_number_is_refused(source):
    with pytest.raises(ConfigError, match="camera:0"):
        open_frames(source)


def test_no_frames_at_all_cannot_be_asked_for(folder):
    with pytest.raises(ConfigError, match="at least one"):
        open_frames(folder, max_frames=0)
    with pytest.raises(FileFormatError, match="at least one"):
        open_frames([])
