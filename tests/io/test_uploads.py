from __future__ import annotations

import io
import tempfile
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from faceviz.errors import FileFormatError
from faceviz.io import uploads
from faceviz.io.uploads import open_uploads


def png(value: int) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(np.full((20, 30, 3), value, np.uint8)).save(stream, "PNG")
    return stream.getvalue()


def zipped(members: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


def values(frames) -> list[int]:
    return [int(frame.image[0, 0, 0]) for frame in frames]


@pytest.fixture
def film(tmp_path) -> bytes:
    path = tmp_path / "film.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 10.0, (64, 48))
    for value in (40, 120, 200):
        writer.write(np.full((48, 64, 3), value, np.uint8))
    writer.release()
    return path.read_bytes()


@pytest.fixture
def temporary(tmp_path, monkeypatch) -> Path:
    """Where temporary files go."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def test_images_come_in_the_order_people_count_whatever_order_they_were_dropped_in():
    with open_uploads({"a10.png": png(10), "a2.png": png(2), "a1.png": png(1)}) as frames:
        assert frames.count == 3 and values(frames) == [1, 2, 10]


def test_a_zip_gives_its_images_and_leaves_the_rest(temporary):
    content = zipped(
        {
            "b/2.png": png(2),
            "b/1.png": png(1),
            "__MACOSX/1.png": b"",
            ".hidden.png": b"",
            "notes.txt": b"no image",
            "../../outside.png": png(3),
        }
    )
    with open_uploads({"faces.zip": content}) as frames:
        found = list(frames)
    assert sorted(values(found)) == [1, 2, 3]
    assert "faces.zip/1.png" in [frame.source for frame in found]
    assert list(temporary.iterdir()) == [], "a zip is never unpacked to a path"


def test_images_that_cannot_be_read_are_named_and_the_rest_is_used():
    with open_uploads({"1.png": png(1), "2.png": b"no image", "3.png": png(3)[:60]}) as frames:
        assert values(frames) == [1]
        assert [text.partition(":")[0] for text in frames.skipped] == ["2.png", "3.png"]


def test_a_film_is_read_and_leaves_no_file_behind(film, temporary):
    with open_uploads({"film.avi": film}) as frames:
        found = list(frames)
        assert frames.count == 3
    assert found[0].source == "film.avi#0" and np.diff(values(found)).min() > 40
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({}, "nothing was dropped"),
        ({"f.mp4": b"no film at all"}, "f.mp4: .*video"),
        ({"f.mp4": b""}, "f.mp4: is empty"),
        ({"f.mp4": b"x", "a.png": png(1)}, "f.mp4: is a video among other files; drop it alone"),
        ({"z.zip": b"PK\x03\x04 and nothing more"}, "z.zip: is a damaged zip"),
        ({"z.zip": zipped({"a.txt": b"no image"})}, "z.zip: holds no image"),
        ({"a\nb.png": b"no image"}, r"a\\nb.png: is no image"),
    ],
)
def test_what_cannot_be_used_is_one_line_that_says_what_to_do(files, says, temporary):
    with pytest.raises(FileFormatError, match=says) as caught:
        list(open_uploads(files))
    assert "\n" not in str(caught.value) and "; " in str(caught.value)
    assert list(temporary.iterdir()) == []


def test_a_zip_bomb_is_refused_before_it_is_unpacked():
    bomb = zipped({"1.png": bytes(1 << 25), "2.png": png(2)})
    assert len(bomb) < 1_000_000
    with open_uploads({"bomb.zip": bomb}) as frames:
        assert values(frames) == [2]
        assert "bomb" in frames.skipped[0]


def test_more_images_than_anybody_needs_are_refused(monkeypatch):
    monkeypatch.setattr(uploads, "MAX_IMAGES", 2)
    with pytest.raises(FileFormatError, match="3 images are more than the 2 allowed"):
        open_uploads({f"{i}.png": png(i) for i in range(3)})
    with pytest.raises(FileFormatError, match="more than the 2 allowed"):
        open_uploads({"z.zip": zipped({f"{i}.png": png(i) for i in range(3)})})
