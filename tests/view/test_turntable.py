from __future__ import annotations

import cv2
import numpy as np
import pytest
from PIL import Image

from faceviz.display.scene import scene
from faceviz.display.settings import Settings
from faceviz.errors import ConfigError, FileFormatError, ShapeError
from faceviz.view.render import scene_image
from faceviz.view.turntable import Turntable, check_ending, gif_palette, turntable_frames, write_turntable
from tests.colours import inside, off_the_map
from tests.meshes import random_mesh
from tests.truthful import TruthfulPredictor

FILM = Turntable((240, 180), seconds=1.0, fps=4)


@pytest.fixture(scope="module")
def spec():
    return scene(
        TruthfulPredictor().predict(random_mesh(1)), Settings(beside="nothing", show_landmarks=False)
    )


@pytest.fixture(scope="module")
def frames(spec):
    return list(turntable_frames(spec, FILM))


def apart(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.abs(a.astype(int) - b.astype(int)).mean())


def test_a_turn_begins_as_the_picture_of_the_scene(spec, frames):
    np.testing.assert_array_equal(frames[0], scene_image(spec, FILM.size))


def test_every_frame_shows_another_side_of_the_same_scan(frames):
    assert len(frames) == FILM.frames == 4
    assert all(inside(frame, 1).mean() > 0.02 for frame in frames)
    assert min(apart(a, b) for i, a in enumerate(frames) for b in frames[i + 1 :]) > 1


def test_the_camera_goes_to_the_subjects_left_first():
    """A landmark on his left cheek comes into view, one on his right goes."""
    spec = scene(
        TruthfulPredictor().predict(random_mesh(1)),
        Settings(beside="nothing", landmark=14, show_landmarks=False),
    )
    first, second, *_ = turntable_frames(spec, Turntable((240, 180), 1.0, 8))
    hot = [((f[..., 0].astype(int) - f[..., 2]) > 60)[20:140] for f in (first, second)]
    assert hot[1].sum() > 1.3 * hot[0].sum()


def test_a_gif_shows_the_frames_in_the_colours_of_the_map(spec, frames, tmp_path):
    told = []
    write_turntable(tmp_path / "turn.gif", spec, FILM, progress=lambda *step: told.append(step))
    with Image.open(tmp_path / "turn.gif") as film:
        assert (film.n_frames, film.size, film.info["loop"], film.info["duration"]) == (4, (240, 180), 0, 250)
        seen = []
        for i in range(4):
            film.seek(i)
            seen.append(np.asarray(film.convert("RGB")))
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]
    for image, frame in zip(seen, frames, strict=True):
        assert apart(image, frame) < 6
        skin = image[inside(frame)]
        assert np.median(off_the_map(skin, "ember")) < 6


def test_the_palette_of_a_gif_is_the_colour_map_in_shades_and_greys(spec):
    palette = gif_palette(spec)
    assert palette.shape == (256, 3)
    coloured = palette[np.ptp(palette.astype(int), axis=1) > 0]
    assert len(coloured) > 200 and off_the_map(coloured, "ember").max() < 2
    assert {(0, 0, 0), (255, 255, 255)} <= {tuple(colour) for colour in palette.tolist()}


def test_a_video_shows_the_frames(spec, frames, tmp_path):
    odd = Turntable((241, 181), seconds=1.0, fps=4)  # a video's sides are even
    write_turntable(tmp_path / "turn.mp4", spec, odd)
    video = cv2.VideoCapture(str(tmp_path / "turn.mp4"))
    seen = [video.read()[1][..., ::-1] for _ in range(4)]
    assert (video.read()[0], video.get(cv2.CAP_PROP_FPS)) == (False, 4)
    for image, frame in zip(seen, frames, strict=True):
        assert image.shape == frame.shape and apart(image, frame) < 6
    assert np.median(off_the_map(seen[0][inside(frames[0])], "ember")) < 14


@pytest.mark.parametrize("name", ["turn.avi", "turn"])
def test_another_ending_is_refused_with_those_there_are(name):
    with pytest.raises(FileFormatError, match=r"\.mp4 or a \.gif"):
        check_ending(name)


def test_a_turn_that_makes_no_film_is_refused():
    with pytest.raises(ConfigError, match="0.5 to 60 s"):
        Turntable(seconds=0.1)
    with pytest.raises(ConfigError, match="1 to 60"):
        Turntable(fps=0)
    with pytest.raises(ShapeError, match="too small"):
        Turntable((10, 10))
