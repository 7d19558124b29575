"""Pictures in: any ordinary image file to RGB bytes, upright; sizes are checked before a pixel is decoded."""

from __future__ import annotations

import io
import logging
import os
import struct
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from faceviz.io.files import read_bytes
from faceviz.io.problems import Limits, Problem, file_error

if TYPE_CHECKING:
    from PIL.Image import Image

#: Extensions of the images that ``read_image`` reads, in lower case.
IMAGE_EXTENSIONS: tuple[str, ...] = (
    ".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".ppm", ".pgm", ".gif",
)  # fmt: skip

MAX_PIXELS = 50_000_000
MAX_IMAGE_BYTES = 256 * 1024**2
_FORMATS = ("JPEG", "PNG", "BMP", "TIFF", "WEBP", "PPM", "GIF")
_SMALLEST = 8  # pixels a side
_BAND = 256  # rows that are converted at once

logging.getLogger("PIL").addHandler(
    logging.NullHandler()
)  # what it says of damaged files comes as an error too


def read_image(path: str | os.PathLike[str], *, max_pixels: int = MAX_PIXELS) -> np.ndarray:
    """A picture as (H, W, 3) uint8 RGB, turned upright by its EXIF note; transparency over white.

    Grey, 16-bit, CMYK and palette pictures are converted; of an animation the first picture is taken.

    Args:
        path: the file.
        max_pixels: larger pictures are refused before decoding; JPEGs are decoded smaller instead.

    Raises:
        FileFormatError: ``<file>: <cause>; <what to do>``, in one line.
    """
    path = Path(path)
    try:
        data = read_bytes(path, MAX_IMAGE_BYTES)
    except Problem as problem:
        raise file_error(path.name, problem) from None
    return read_image_bytes(path.name, data, max_pixels=max_pixels)


def read_image_bytes(name: str, data: bytes, *, max_pixels: int = MAX_PIXELS) -> np.ndarray:
    """``read_image`` for an upload or a web camera's frame: the file's name and content.

    Raises:
        FileFormatError: ``<file>: <cause>; <what to do>``, in one line.
    """
    try:
        Limits(bytes=MAX_IMAGE_BYTES).check_bytes(len(data))
        return _decoded(bytes(data), max_pixels)
    except Problem as problem:
        raise file_error(name, problem) from None


def _decoded(data: bytes, max_pixels: int) -> np.ndarray:
    from PIL import Image, ImageOps, UnidentifiedImageError

    if not data:
        raise Problem("is empty", "save it again")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of sizes and odd metadata; what matters is checked here
            with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
                _check_size(image, max_pixels)
                image.load()
                return _rgb(ImageOps.exif_transpose(image))
    except Problem:
        raise
    except UnidentifiedImageError:
        raise Problem("is no image", f"give one of {', '.join(IMAGE_EXTENSIONS)}") from None
    except Image.DecompressionBombError:
        raise Problem(f"has more than the {max_pixels / 1e6:g} megapixels allowed", "scale it down") from None
    except MemoryError:
        raise Problem("needs more memory than there is", "scale it down") from None
    except (
        OSError,
        SyntaxError,
        ValueError,
        EOFError,
        struct.error,
        KeyError,
        IndexError,
        TypeError,
        OverflowError,
    ):
        raise Problem("is damaged or cut off", "save or copy it again") from None


def _check_size(image: Image, max_pixels: int) -> None:
    """Refuse what is too large or too small; ask the JPEG decoder for a smaller picture instead."""
    width, height = image.size
    if min(width, height) < _SMALLEST:
        raise Problem(f"has {width} x {height} pixels", f"give a picture of at least {_SMALLEST} a side")
    if width * height <= max_pixels:
        return
    if image.format in ("JPEG", "MPO"):
        shrink = (max_pixels / (width * height)) ** 0.5 / 2.0
        image.draft("RGB", (int(width * shrink), int(height * shrink)))
    if image.size[0] * image.size[1] > max_pixels:
        raise Problem(
            f"has {width * height / 1e6:.0f} megapixels, more than the {max_pixels / 1e6:g} allowed",
            "scale it down",
        )


def _rgb(image: Image) -> np.ndarray:
    """Any mode to (H, W, 3) uint8; in bands, so that no copy of the whole picture is made on the way."""
    width, height = image.size
    convert = _converter(image)
    pixels = np.empty((height, width, 3), np.uint8)
    for top in range(0, height, _BAND):
        bottom = min(top + _BAND, height)
        pixels[top:bottom] = convert(image.crop((0, top, width, bottom)))
    return pixels


def _converter(image: Image) -> Callable[[Image], np.ndarray]:
    """What turns a band of the picture into RGB."""
    from PIL import Image as Images

    if image.mode.startswith(("I", "F")):
        scale = _full_scale(image)
        return lambda band: np.repeat(_eight_bits(np.asarray(band), scale)[..., None], 3, axis=2)
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:

        def over_white(band: Image) -> np.ndarray:
            band.info = image.info
            band = band.convert("RGBA")
            return np.array(Images.alpha_composite(Images.new("RGBA", band.size, "white"), band))[..., :3]

        return over_white
    return lambda band: np.asarray(band.convert("RGB"))


def _full_scale(image: Image) -> float:
    """Of grey with more than eight bits: the power of two above the brightest pixel."""
    width, height = image.size
    bands = (image.crop((0, top, width, min(top + _BAND, height))) for top in range(0, height, _BAND))
    brightest = max(float(_finite(np.asarray(band)).max()) for band in bands)
    return 2.0 ** np.ceil(np.log2(brightest + 1.0)) if brightest > 1.0 else 1.0


def _eight_bits(grey: np.ndarray, full_scale: float) -> np.ndarray:
    return np.clip(_finite(grey) * (256.0 / full_scale), 0, 255).astype(np.uint8)


def _finite(grey: np.ndarray) -> np.ndarray:
    return np.nan_to_num(np.asarray(grey, dtype=np.float64), posinf=0.0, neginf=0.0)
