"""Every reader of faceviz with a valid file to damage: what ``benchmarks/fuzz.py`` and the tests run over."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from faceviz.errors import FacevizError
from tests.hostile import others, scans
from tests.hostile.mutations import mutation

os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # as the process that decodes has it
os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")


@dataclass(frozen=True)
class Target:
    """A reader and what it is fed.

    Args:
        valid: the content that is damaged.
        read: reads a file of the folder; what it raises on damage must be a FacevizError.
        repack: makes the file out of the damaged content, such as a zip with right checksums around it.
    """

    valid: Callable[[], bytes]
    read: Callable[[bytes, Path], object]
    repack: Callable[[bytes], bytes] = bytes

    def whole(self) -> bytes:
        return self.repack(self.valid())

    def damaged(self, index: int, seed: int = 0) -> bytes:
        return self.repack(mutation(self.valid(), index, seed))


def _scan(name: str, data: bytes, _: Path) -> object:
    from faceviz.io import read_scan_bytes

    return read_scan_bytes(name, data)


def _landmarks(name: str, data: bytes, folder: Path) -> object:
    from faceviz.io import read_landmarks

    return read_landmarks(_file(folder, name, data))


def _bundle(data: bytes, folder: Path) -> object:
    from faceviz.io import read_bundle

    return [scan.points for scan in read_bundle(_file(folder, "train_neutral.npy", data))]


def _cameras(data: bytes, folder: Path) -> object:
    from faceviz.io.facescape_views import read_params

    return read_params(_file(folder, "params.json", data))


def _session(data: bytes, _: Path) -> object:
    from faceviz.display.session import read_session_bytes

    return read_session_bytes("face.zip", data).scene()


def _image(name: str, data: bytes, _: Path) -> object:
    from faceviz.io.images import read_image_bytes

    return read_image_bytes(name, data)


def _video(name: str, data: bytes, folder: Path) -> object:
    from faceviz.io.frames import open_frames

    with open_frames(_file(folder, name, data), max_frames=50) as frames:
        return [frame.image.shape for frame in frames]


def _decoder(name: str, data: bytes, folder: Path) -> object:
    """What the video's own process does, without that process, which takes a fifth of a second to begin."""
    from faceviz.io.decoder import announced, next_frame, opened

    capture = opened(str(_file(folder, name, data)))
    if not capture.isOpened():
        raise FacevizError(f"{name}: is no video; it was not opened")
    announced(capture)
    shapes = []
    while len(shapes) < 50 and (image := next_frame(capture)) is not None:
        shapes.append(image.shape)
    capture.release()
    return shapes


def _checkpoint(data: bytes, folder: Path) -> object:
    from faceviz.io.torch_checkpoint import read_torch_checkpoint

    return read_torch_checkpoint(_file(folder, "model.pth", data))


def _landmark_model(weights: bytes | None, config: bytes | None, folder: Path) -> object:
    from faceviz.io.weights import load_network
    from faceviz.models.architectures import build_network

    return load_network(_model(folder, weights, config, others.landmark_weights()), build_network)


def _stream_model(weights: bytes | None, config: bytes | None, folder: Path) -> object:
    from faceviz.io.weights import load_network
    from faceviz.models.reconstruction.architectures import build_network

    return load_network(_model(folder, weights, config, others.stream_weights()), build_network)


def _model(folder: Path, weights: bytes | None, config: bytes | None, valid: tuple[bytes, bytes]) -> Path:
    _file(folder, "model.safetensors", valid[0] if weights is None else weights)
    _file(folder, "config.json", valid[1] if config is None else config)
    return folder


def _configuration(data: bytes, folder: Path) -> object:
    from faceviz.training.config import read_config

    return read_config(_file(folder, "train.yaml", data))


def _file(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def _params() -> bytes:
    return (
        b'{"0_K": [[1500, 0, 320], [0, 1500, 240], [0, 0, 1]], "0_Rt": [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 900]], '
        b'"0_distortion": [0.1, 0, 0, 0, 0], "0_width": 640, "0_height": 480, "0_matches": 12, "0_valid": true, '
        b'"0_sn": "a", "0_ori": 0}'
    )


def _landmarks_json() -> bytes:
    from faceviz.io.sidecars import landmarks_to_json

    return landmarks_to_json(others.bundle_content()["landmark_list"][0], "mm")


_NPZ = scans.mesh_files()["face.npz"]

#: By format; a format may have several ways to damage it.
TARGETS: dict[str, Target] = {
    **{
        name: Target(partial(bytes, data), partial(_scan, name))
        for name, data in (scans.mesh_files() | scans.cloud_files()).items()
    },
    "repacked.npz": Target(
        partial(others.member, _NPZ, "points.npy"),
        partial(_scan, "face.npz"),
        partial(others.with_member, _NPZ, "points.npy"),
    ),
    "landmarks.json": Target(_landmarks_json, partial(_landmarks, "face.landmarks.json")),
    "bundle.pickle": Target(others.bundle_pickle, _bundle),
    "bundle.zip": Target(others.bundle_zip, _bundle),
    "params.json": Target(_params, _cameras),
    **{
        f"image.{form.lower()}": Target(partial(others.picture, form), partial(_image, f"face.{form.lower()}"))
        for form in ("JPEG", "PNG", "BMP", "TIFF", "WEBP", "PPM", "GIF")
    },
    "repaired.png": Target(
        partial(others.picture, "PNG"), partial(_image, "face.png"), others.png_repaired
    ),
    "video.avi": Target(partial(others.clip, ".avi", "MJPG"), partial(_video, "clip.avi")),
    "video.mp4": Target(partial(others.clip, ".mp4", "mp4v"), partial(_video, "clip.mp4")),
    "decoder.avi": Target(partial(others.clip, ".avi", "MJPG"), partial(_decoder, "clip.avi")),
    "decoder.mp4": Target(partial(others.clip, ".mp4", "mp4v"), partial(_decoder, "clip.mp4")),
    "checkpoint.pth": Target(others.checkpoint, _checkpoint),
    "repacked.pth": Target(
        lambda: others.member(others.checkpoint(), "data.pkl"),
        _checkpoint,
        lambda content: others.with_member(others.checkpoint(), "data.pkl", content),
    ),
    "se3unet.safetensors": Target(
        lambda: others.landmark_weights()[0], lambda data, folder: _landmark_model(data, None, folder)
    ),
    "se3unet.json": Target(
        lambda: others.landmark_weights()[1], lambda data, folder: _landmark_model(None, data, folder)
    ),
    "stream.safetensors": Target(
        lambda: others.stream_weights()[0], lambda data, folder: _stream_model(data, None, folder)
    ),
    "stream.json": Target(
        lambda: others.stream_weights()[1], lambda data, folder: _stream_model(None, data, folder)
    ),
    "session.zip": Target(others.session, _session),
    "repacked.session": Target(
        lambda: others.member(others.session(), "session.json"),
        _session,
        lambda content: others.with_member(others.session(), "session.json", content),
    ),
    "train.yaml": Target(others.configuration, _configuration),
}  # fmt: skip


class _Numbered(Target):
    """Gives the number of the file alone."""

    def damaged(self, index: int, seed: int = 0) -> bytes:
        return bytes([index])


def _misbehave(data: bytes, _: Path) -> object:
    match data:
        case b"\1":
            os.abort()
        case b"\2":
            time.sleep(3600)
        case b"\3":
            return len(bytearray(b"greed") * (60 << 20))
        case b"\4":
            raise FacevizError("one line\nand another")
        case b"\5":
            raise KeyError("no FacevizError")
    return None


#: A reader that does all that none may do, to test the harness.
SELFTEST = {"the harness itself": _Numbered(bytes, _misbehave)}


def find(wanted: str) -> list[str]:
    """Names of the targets that hold one of the words, joined by commas; all for ``all``.

    Raises:
        SystemExit: there is none.
    """
    words = wanted.split(",")
    names = [name for name in TARGETS if wanted == "all" or any(word in name for word in words)]
    if not names:
        raise SystemExit(f"no format {wanted!r}; known: {', '.join(TARGETS)}")
    return names
