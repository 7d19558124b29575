"""A camera that goes once about the scan, as MP4 or GIF: each frame is the scene's own picture from another side."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from faceviz.display.colormaps import lookup_table
from faceviz.display.scene import SceneSpec
from faceviz.errors import ConfigError, FileFormatError
from faceviz.io import files
from faceviz.view.render import scene_plotter
from faceviz.view.shots import check_size, shot

if TYPE_CHECKING:
    import pyvista as pv
    from PIL import Image

ENDINGS = (".gif", ".mp4")
_GREYS = 32  # colours of a GIF's palette that are kept for paper, text and landmarks
_SHADES = 6  # brightnesses of the colour map in it
_CODECS = ("vp09", "mp4v")  # the first plays in browsers; every OpenCV has the second


@dataclass(frozen=True, slots=True)
class Turntable:
    """How a scan is shown from all sides.

    Args:
        size: width and height in pixels, both even for a video.
        seconds: of one turn.
        fps: frames a second.

    Raises:
        ConfigError: a length or a rate that makes no film.
        ShapeError: a size that is too small or too large.
    """

    size: tuple[int, int] = (960, 640)
    seconds: float = 6.0
    fps: int = 20

    def __post_init__(self) -> None:
        check_size(self.size)
        if not 0.5 <= self.seconds <= 60:
            raise ConfigError(f"a turn of {self.seconds:g} s cannot be made; take 0.5 to 60 s")
        if not 1 <= self.fps <= 60:
            raise ConfigError(f"{self.fps} frames a second cannot be made; take 1 to 60")

    @property
    def frames(self) -> int:
        return max(2, round(self.seconds * self.fps))


def check_ending(path: str | os.PathLike[str]) -> str:
    """The film's format by its name.

    Raises:
        FileFormatError: none that can be written.
    """
    return files.check_ending(path, ENDINGS, "a turntable is an .mp4 or a .gif")


def write_turntable(
    path: str | os.PathLike[str],
    spec: SceneSpec,
    turntable: Turntable | None = None,
    *,
    progress: Callable[[int, int], None] = lambda done, total: None,
    ending: str | None = None,
) -> None:
    """Writes the film; an MP4 is VP9, which browsers and players show, a GIF turns for ever.

    Args:
        path: of the film, which is left incomplete where an error ends the work: write to a scratch path.
        spec: the scene, under the pose that it has.
        turntable: size, length and rate.
        progress: called with the frames done and their total.
        ending: ``".mp4"`` or ``".gif"``, where the path does not tell it.

    Raises:
        FileFormatError: another ending, or the file cannot be written.
    """
    turntable = turntable or Turntable()
    ending = ending or check_ending(path)
    if ending == ".mp4":
        width, height = (side - side % 2 for side in turntable.size)
        turntable = Turntable((width, height), turntable.seconds, turntable.fps)
    images = _counted(turntable_frames(spec, turntable), turntable.frames, progress)
    write = _write_gif if ending == ".gif" else _write_mp4
    write(Path(path), images, spec, turntable)


def turntable_frames(spec: SceneSpec, turntable: Turntable) -> Iterator[np.ndarray]:
    """The pictures of one turn, each (height, width, 3) uint8, from the front to the subject's left and on."""
    plotter = scene_plotter(spec, turntable.size)
    try:
        yield shot(plotter, turntable.size)
        for _ in range(turntable.frames - 1):
            for pane in plotter.renderers[: len(spec.panes)]:
                _turn(pane, 360.0 / turntable.frames)
            yield shot(plotter, turntable.size)
    finally:
        plotter.close()


def _turn(pane: pv.Renderer, degrees: float) -> None:
    pane.camera.Azimuth(degrees)
    pane.ResetCameraClippingRange()


def _counted(
    images: Iterator[np.ndarray], total: int, progress: Callable[[int, int], None]
) -> Iterator[np.ndarray]:
    for done, image in enumerate(images, 1):
        yield image
        progress(done, total)


def _write_gif(path: Path, images: Iterator[np.ndarray], spec: SceneSpec, turntable: Turntable) -> None:
    """All frames with one palette, made of the colour map in several shades: heat keeps its colours."""
    palette = gif_palette(spec)
    first, *rest = (_with_palette(image, palette) for image in images)
    duration = max(
        20, round(100 / turntable.fps) * 10
    )  # milliseconds; a GIF counts in hundredths of a second
    first.save(
        path,
        format="gif",
        save_all=True,
        append_images=rest,
        duration=duration,
        loop=0,
        optimize=False,
        disposal=1,
    )


def gif_palette(spec: SceneSpec) -> np.ndarray:
    """(256, 3) uint8: the colour map as lit from straight ahead down to its shadows, and greys."""
    count = 256 - _GREYS
    heat = np.linspace(0, 255, count // _SHADES).round().astype(int)
    light = np.linspace(1.0, 0.4, _SHADES)
    colours = (lookup_table(spec.settings.colormap)[heat][None] * light[:, None, None]).reshape(-1, 3)
    greys = np.repeat(np.linspace(0, 255, 256 - len(colours))[:, None], 3, axis=1)
    return np.concatenate([colours, greys]).round().astype(np.uint8)


def _with_palette(image: np.ndarray, palette: np.ndarray) -> Image.Image:
    from PIL import Image

    paletted = Image.new("P", (1, 1))
    paletted.putpalette(palette.tobytes())
    return Image.fromarray(image).quantize(palette=paletted, dither=Image.Dither.FLOYDSTEINBERG)


def _write_mp4(path: Path, images: Iterator[np.ndarray], _: SceneSpec, turntable: Turntable) -> None:
    import cv2

    for codec in _CODECS:
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*codec), turntable.fps, turntable.size)
        if writer.isOpened():
            break
    else:
        raise FileFormatError(f"{path.name}: OpenCV cannot write this video here; write a .gif")
    try:
        for image in images:
            writer.write(image[..., ::-1])
    finally:
        writer.release()
