from __future__ import annotations

import json

import numpy as np
import pytest

from faceviz.errors import ConfigError, FileFormatError
from faceviz.io.face_folders import face_folders
from faceviz.synth.sequences import FaceSequence
from faceviz.synth.shards import pack, read_shard, write_sequences


def sequence(person: int, frames: int = 3, size: int = 32) -> FaceSequence:
    """A sequence of smooth pictures and random numbers."""
    rng = np.random.default_rng(person)
    ramp = np.linspace(0, 200, size).astype(np.uint8)
    images = np.broadcast_to(ramp[:, None], (frames, size, size, 3)[1:]) + np.zeros(
        (frames, 1, 1, 1), np.uint8
    )
    images = (images + 5 * np.arange(frames)[:, None, None, None]).astype(np.uint8)
    shapes = {"vertices": (40, 3), "identity": (7,), "expressions": (frames, 5), "poses": (frames, 4, 4)}
    shapes |= {"intrinsics": (frames, 3, 3), "landmarks2d": (frames, 68, 2)}
    arrays = {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    return FaceSequence(images=images, head="anny", person=person, **arrays)


def test_a_shard_gives_back_what_was_packed(tmp_path):
    people = [sequence(4), sequence(9)]
    np.savez_compressed(tmp_path / "a.npz", **pack(people))
    shard = read_shard(tmp_path / "a.npz")
    assert len(shard) == 2 and shard.frames == 3 and shard.head == "anny"
    for index, truth in enumerate(people):
        back = shard.sequence(index)
        assert back.person == truth.person
        for name in ("vertices", "identity", "expressions", "poses", "intrinsics", "landmarks2d"):
            np.testing.assert_array_equal(getattr(back, name), getattr(truth, name))
        assert np.abs(back.images.astype(int) - truth.images).max() < 6


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut off", b"hello"])
def test_what_is_no_shard_is_refused(tmp_path, content):
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(FileFormatError, match="a.npz: is no shard"):
        read_shard(tmp_path / "a.npz")


def test_folders_hold_pictures_and_the_truth_and_a_second_run_adds_to_them(anny, tmp_path):
    settings = {"frames": 2, "source": "anny", "size": 64, "split": "test"}
    first = write_sequences(tmp_path / "new", 1, **settings)
    assert (first.written, first.kept, first.sources) == (1, 0, ("anny",))
    steps = []
    second = write_sequences(tmp_path / "new", 2, **settings, progress=lambda *step: steps.append(step))
    assert (second.written, second.kept) == (1, 1) and steps == [(1, 2), (2, 2)]
    faces = face_folders(tmp_path / "new")
    assert [face.name for face in faces] == ["anny_00000", "anny_00001"]
    with np.load(faces[0].shape.parent / "sequence.npz") as file:
        truth = anny.mesh(file["identity"])
        assert file["landmarks2d"].shape == (2, 68, 2)
    scan = faces[0].truth()
    np.testing.assert_allclose(scan.points, truth.vertices, atol=1e-3)
    np.testing.assert_array_equal(scan.triangles, truth.triangles)
    assert faces[0].pictures()[1].shape == (64, 64, 3)
    manifest = json.loads((tmp_path / "new" / "manifest.json").read_text())
    assert (manifest["frames"], manifest["split"], manifest["seed"]) == (2, "test", 0)


def test_a_folder_of_other_settings_is_left_alone(tmp_path, anny):
    settings = {"frames": 1, "source": "anny", "size": 32}
    write_sequences(tmp_path, 1, **settings, layout="shards")
    assert len(read_shard(tmp_path / "anny_00000.npz")) == 1
    with pytest.raises(ConfigError, match="another seed"):
        write_sequences(tmp_path, 1, seed=1, **settings, layout="shards")
    with pytest.raises(ConfigError, match="another layout"):
        write_sequences(tmp_path, 1, **settings)
    (tmp_path / "manifest.json").write_text("{")
    with pytest.raises(FileFormatError, match="is no manifest"):
        write_sequences(tmp_path, 1, **settings)


def test_unknown_names_are_refused_before_anything_is_made(tmp_path):
    with pytest.raises(ConfigError, match="did you mean 'shards'"):
        write_sequences(tmp_path / "x", 1, layout="shard")
    with pytest.raises(ConfigError, match="did you mean 'train'"):
        write_sequences(tmp_path / "x", 1, split="trian")
    assert not (tmp_path / "x").exists()
