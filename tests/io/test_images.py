from __future__ import annotations

import io
import struct
import tracemalloc
import zlib

import numpy as np
import pytest
from PIL import Image

from faceviz.errors import FileFormatError
from faceviz.io.images import read_image, read_image_bytes


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    """(40, 60, 3) uint8: a ramp in red and green, a bright corner in blue."""
    image = np.zeros((40, 60, 3), np.uint8)
    image[..., 0] = np.linspace(0, 250, 60).astype(np.uint8)
    image[..., 1] = np.linspace(0, 250, 40).astype(np.uint8)[:, None]
    image[:10, :10, 2] = 255
    return image


def saved(image: Image.Image, form: str = "PNG", **options) -> bytes:
    stream = io.BytesIO()
    image.save(stream, form, **options)
    return stream.getvalue()


def huge_png(width: int, height: int) -> bytes:
    """A PNG that announces its size and holds almost nothing."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = chunk(b"IDAT", zlib.compress(bytes(1000)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + pixels + chunk(b"IEND", b"")


def complaint(data: bytes, name: str = "face.png", **options) -> str:
    with pytest.raises(FileFormatError) as caught:
        read_image_bytes(name, data, **options)
    message = str(caught.value)
    assert message.startswith(f"{name}: ") and "; " in message and len(message.splitlines()) == 1
    return message


@pytest.mark.parametrize("form", ["PNG", "BMP", "TIFF", "PPM"])
def test_a_lossless_picture_comes_back_as_it_was(picture, form):
    np.testing.assert_array_equal(read_image_bytes("x", saved(Image.fromarray(picture), form)), picture)


def test_a_jpeg_comes_back_nearly_as_it_was(picture, tmp_path):
    (tmp_path / "a.jpg").write_bytes(saved(Image.fromarray(picture), "JPEG", quality=95))
    assert np.abs(read_image(tmp_path / "a.jpg").astype(int) - picture).mean() < 4


def test_grey_becomes_three_equal_channels(picture):
    image = read_image_bytes("x", saved(Image.fromarray(picture[..., 0])))
    assert image.shape == (40, 60, 3)
    np.testing.assert_array_equal(image[..., 2], picture[..., 0])


def test_sixteen_bits_become_eight(picture):
    deep = picture[..., 0].astype(np.uint16) * 257
    image = read_image_bytes("x", saved(Image.fromarray(deep)))
    np.testing.assert_allclose(image[..., 0], picture[..., 0], atol=1)


def test_twelve_bits_stored_in_sixteen_are_not_black(picture):
    deep = picture[..., 0].astype(np.uint16) * 16
    np.testing.assert_allclose(
        read_image_bytes("x", saved(Image.fromarray(deep)))[..., 0], picture[..., 0], atol=1
    )


def test_cmyk_becomes_rgb(picture):
    data = saved(Image.fromarray(picture).convert("CMYK"), "JPEG", quality=98)
    assert np.abs(read_image_bytes("x", data).astype(int) - picture).mean() < 6


def test_a_palette_becomes_its_colours():
    image = Image.fromarray(np.tile(np.array([[0, 1]], np.uint8), (8, 4)), "P")
    image.putpalette([255, 0, 0, 0, 0, 255])
    np.testing.assert_array_equal(read_image_bytes("x", saved(image))[0, :2], [[255, 0, 0], [0, 0, 255]])


def test_transparency_shows_white(picture):
    clear = np.dstack([picture, np.zeros((40, 60), np.uint8)])
    assert (read_image_bytes("x", saved(Image.fromarray(clear))) == 255).all()


@pytest.mark.parametrize(("orientation", "turns"), [(1, 0), (3, 2), (6, -1), (8, 1)])
def test_a_picture_is_turned_upright_as_its_exif_note_asks(picture, orientation, turns):
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = saved(Image.fromarray(picture), "JPEG", quality=95, exif=exif)
    image = read_image_bytes("x", data)
    expected = np.rot90(picture, turns)
    assert image.shape == expected.shape and np.abs(image.astype(int) - expected).mean() < 4


def test_a_truncated_jpeg_is_refused(picture):
    noisy = np.random.default_rng(0).integers(0, 255, (200, 200, 3), np.uint8)
    data = saved(Image.fromarray(noisy), "JPEG")
    assert "damaged or cut off" in complaint(data[: len(data) // 2])


@pytest.mark.parametrize(
    "data", [b"", b"hello", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"%!PS-Adobe-3.0 EPSF-3.0\n"]
)
def test_what_is_no_image_is_refused_in_one_line(data):
    complaint(data)


def test_a_hundred_megapixels_are_refused_before_they_are_decoded():
    data = huge_png(10_000, 10_000)
    tracemalloc.start()
    message = complaint(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "100 megapixels" in message and peak < 5e6


def test_a_decompression_bomb_is_refused():
    assert "megapixels" in complaint(huge_png(60_000, 60_000))


def test_a_large_jpeg_is_decoded_smaller():
    data = saved(Image.new("RGB", (800, 400), "red"), "JPEG")
    image = read_image_bytes("x", data, max_pixels=100_000)
    assert image.shape[0] * image.shape[1] <= 100_000 and abs(image.shape[1] / image.shape[0] - 2.0) < 0.1


def test_a_folder_and_a_missing_file_are_refused(tmp_path):
    for path in (tmp_path, tmp_path / "none.jpg"):
        with pytest.raises(FileFormatError):
            read_image(path)
