"""Attacks on the readers that would succeed if their guard were taken away."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
import time
import zlib

import numpy as np
import pytest

from faceviz.errors import CheckpointError, ConfigError, FileFormatError
from faceviz.io import read_scan_bytes
from faceviz.io.frames import open_frames
from faceviz.io.images import read_image_bytes
from tests.hostile import others, scans

LAUGHS = "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n" + "".join(
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 12)
)
ENTITIES = b"""<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;">
<!ENTITY file SYSTEM "file:///etc/passwd">]><svg xmlns="http://www.w3.org/2000/svg" width="9">&b;&file;</svg>"""


def grey_png(width: int, height: int, bits: int = 16, colour: int = 0, channels: int = 1) -> bytes:
    """A PNG of zeros: kilobytes that stand for hundreds of megabytes."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    packer = zlib.compressobj(9)
    row = bytes(1 + width * channels * bits // 8)
    body = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


@pytest.mark.slow
@pytest.mark.parametrize(("bits", "colour", "channels"), [(16, 0, 1), (8, 6, 4)], ids=["grey", "transparent"])
def test_the_largest_picture_allowed_takes_less_than_a_gigabyte(tmp_path, bits, colour, channels):
    path = tmp_path / "bomb.png"
    path.write_bytes(grey_png(7070, 7070, bits, colour, channels))
    assert path.stat().st_size < 1e6
    code = "import sys; from faceviz.io.images import read_image; read_image(sys.argv[1]); "
    code += "print(open('/proc/self/status').read().split('VmHWM:')[1].split()[0])"  # ru_maxrss is the parent's, too
    answer = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True)
    assert int(answer.stdout) * 1024 < 1 << 30


def test_an_xml_file_is_no_scan_and_no_picture_and_its_entities_are_not_expanded():
    for name in ("face.obj", "face.ply", "face.xyz", "face"):
        with pytest.raises(FileFormatError, match="HTML or XML"):
            read_scan_bytes(name, ENTITIES)
    with pytest.raises(FileFormatError, match="is no image"):
        read_image_bytes("face.png", ENTITIES)


@pytest.mark.parametrize(
    "name", ["../../etc/passwd.ply", "..\\..\\face.ply", "/etc/face.ply", "a\0b.ply", "x" * 5000]
)
def test_the_name_of_an_upload_is_only_ever_a_word_in_a_message(name):
    scan = read_scan_bytes(name, scans.mesh_files()["text.ply"])
    assert "/" not in scan.source and "\\" not in scan.source
    with pytest.raises(FileFormatError) as caught:
        read_scan_bytes(name, b"ply\nnothing")
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("playlist", [
    "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{clip}\n#EXT-X-ENDLIST\n",
    "ffconcat version 1.0\nfile '{clip}'\n",
])  # fmt: skip
def test_a_playlist_in_the_guise_of_a_video_opens_no_other_file(tmp_path, playlist):
    """FFmpeg would show any video of the machine to whoever sent the list."""
    clip = tmp_path / "secret.avi"
    clip.write_bytes(others.clip(".avi", "MJPG"))
    (tmp_path / "innocent.mp4").write_text(playlist.format(clip=clip.name))
    with pytest.raises(FileFormatError, match="neither an image nor a video"):
        list(open_frames(tmp_path / "innocent.mp4"))


@pytest.mark.parametrize(("code", "frames"), [
    ("import os; os.abort()", None),
    ("import sys; sys.exit(3)", None),
    ("import struct, sys; sys.stdout.buffer.write(struct.pack('<?ddII', True, 9.0, 5.0, 2, 2) + bytes(12))", 1),
    ("import struct, sys; sys.stdout.buffer.write(struct.pack('<?ddII', True, 9.0, 5.0, 2**31, 2**31))", None),
])  # fmt: skip
def test_a_file_that_kills_the_decoder_ends_the_video_and_nothing_else(tmp_path, monkeypatch, code, frames):
    path = tmp_path / "clip.avi"
    path.write_bytes(others.clip(".avi", "MJPG"))
    monkeypatch.setattr("faceviz.io.decoding._RUN", code)
    if frames is None:
        with pytest.raises(FileFormatError, match=r"clip.avi: .*; "):
            list(open_frames(path))
    else:
        source = open_frames(path)
        assert len(list(source)) == frames
        assert "cut off or damaged" in source.skipped[0]


def test_a_decoder_that_falls_silent_is_given_up(tmp_path, monkeypatch):
    path = tmp_path / "clip.avi"
    path.write_bytes(others.clip(".avi", "MJPG"))
    monkeypatch.setattr("faceviz.io.decoding._RUN", "import time; time.sleep(3600)")
    monkeypatch.setattr("faceviz.io.decoding.DecodedVideo.__init__.__defaults__", ("file", 0.5))
    start = time.monotonic()
    with pytest.raises(FileFormatError):
        open_frames(path)
    assert time.monotonic() - start < 5.0


def test_settings_that_refer_to_themselves_a_billion_times_are_refused_at_once(tmp_path):
    from faceviz.training.config import read_config

    path = tmp_path / "train.yaml"
    start = time.process_time()
    for content in (LAUGHS, LAUGHS + "network: {sizes: *a11}\n", "- " * 3000 + "x", "a: " + "{a: " * 3000):
        path.write_text(content)
        with pytest.raises(ConfigError):
            read_config(path)
    assert time.process_time() - start < 5.0


def test_settings_in_yaml_make_no_objects(tmp_path):
    from faceviz.training.config import read_config

    path = tmp_path / "train.yaml"
    for tag in ("!!python/object/apply:os.mkdir", "!!python/object/new:os.mkdir"):
        path.write_text(f"name: {tag} [{tmp_path / 'deed'}]\n")
        with pytest.raises(ConfigError, match="is not YAML"):
            read_config(path)
    assert not (tmp_path / "deed").exists()


@pytest.mark.parametrize("settings", [
    {"scalars": [100_000, 100_000]}, {"encoder": [1, 900_000]}, {"heads": 10**30}, {"radial": -1}, {"radial": "8"},
    {"sizes": [[[]]]}, {"sizes": None}, {"reach": float("nan")}, {"k": {"a": 1}},
])  # fmt: skip
def test_a_description_of_a_giant_or_impossible_network_is_refused_before_it_is_built(tmp_path, settings):
    from faceviz.io.weights import load_network
    from faceviz.models.architectures import build_network

    weights, _ = others.landmark_weights()
    (tmp_path / "model.safetensors").write_bytes(weights)
    description = {"architecture": "se3unet", "network": others.NETWORK | settings}
    (tmp_path / "config.json").write_text(json.dumps(description))
    start = time.process_time()
    with pytest.raises(CheckpointError) as caught:
        load_network(tmp_path, build_network)
    assert len(str(caught.value).splitlines()) == 1
    assert time.process_time() - start < 5.0


def test_a_picture_of_many_frames_or_odd_chunks_gives_one_picture(tmp_path):
    from PIL import Image

    path = tmp_path / "many.gif"
    frames = [Image.fromarray(np.full((16, 16), value, np.uint8)) for value in range(0, 250, 2)]
    frames[0].save(path, save_all=True, append_images=frames[1:])
    assert read_image_bytes("many.gif", path.read_bytes()).shape == (16, 16, 3)
