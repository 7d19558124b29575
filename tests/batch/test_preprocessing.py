from __future__ import annotations

import numpy as np
import pytest

from faceviz.batch import preprocessing
from faceviz.batch.preprocessing import preprocess_facescape
from faceviz.errors import ConfigError, FileFormatError
from faceviz.io.facescape import LANDMARK_LISTS
from tests.evaluation.conftest import bumpy_scan


def entry(root, subject):
    return root / str(subject) / "models_reg" / "1_neutral.obj"


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """Five models, read as scattered points about an ellipsoid whatever is in their files."""
    monkeypatch.setattr(preprocessing, "SHARD_MODELS", 2)
    monkeypatch.setattr(preprocessing, "read_model", pretended_model)
    for subject in range(1, 6):
        entry(tmp_path / "tree", subject).parent.mkdir(parents=True)
        entry(tmp_path / "tree", subject).touch()
    return tmp_path / "tree"


def pretended_model(path, *, landmark_list):
    subject = int(path.parts[-3])
    if subject == 6:
        raise FileFormatError("1_neutral.obj: has 3 vertices; give a TU model")
    return bumpy_scan(subject, count=400)


def shards(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.npz"))}


def test_clouds_are_centred_of_radius_one_and_keep_their_landmarks(tree, tmp_path):
    done = preprocess_facescape(tree, tmp_path / "out", points=128)
    assert (done.models, done.clouds, done.new_shards, done.failures) == (5, 5, 3, ())
    with np.load(tmp_path / "out" / "000000.npz") as shard:
        points, landmarks, mm = shard["points"], shard["landmarks"], shard["mm"]
        assert points.shape == (2, 128, 3) and landmarks.shape == (2, 68, 3)
        assert shard["names"].tolist() == ["1/1_neutral", "2/1_neutral"]
    np.testing.assert_allclose(points.mean(axis=1), 0, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(points, axis=2).max(axis=1), 1, rtol=1e-6)
    true = np.diff(bumpy_scan(1, count=400).landmarks, axis=0)
    np.testing.assert_allclose(np.diff(landmarks[0], axis=0) * mm[0], true, atol=1e-4)


def test_a_model_is_read_from_its_file(tmp_path):
    entry(tmp_path, 1).parent.mkdir(parents=True)
    rows = np.random.default_rng(0).normal(size=(26317, 3)).round(3)
    entry(tmp_path, 1).write_text("".join(f"v {x} {y} {z}\n" for x, y, z in rows) + "f 1 2 3\n")
    assert preprocess_facescape(tmp_path, tmp_path / "out", points=80).clouds == 1
    with np.load(tmp_path / "out" / "000000.npz") as shard:
        true = rows[list(LANDMARK_LISTS["v10"].indices)]
        np.testing.assert_allclose(
            np.diff(shard["landmarks"][0], axis=0) * shard["mm"][0], np.diff(true, axis=0), atol=1e-4
        )


def test_the_shards_are_what_a_training_reads(tree, tmp_path):
    pytest.importorskip("lightning")
    from faceviz.training.clouds import CloudFolder

    preprocess_facescape(tree, tmp_path / "out", points=128)
    assert len(CloudFolder(tmp_path / "out")) == 5


def test_a_stopped_run_makes_only_the_missing_shards_and_the_same_ones(tree, tmp_path):
    preprocess_facescape(tree, tmp_path / "out", points=128)
    before = shards(tmp_path / "out")
    (tmp_path / "out" / "000002.npz").unlink()
    assert preprocess_facescape(tree, tmp_path / "out", points=128).new_shards == 1
    assert shards(tmp_path / "out") == before


def test_a_model_that_cannot_be_read_is_named_and_the_others_are_kept(tree, tmp_path):
    entry(tree, 6).parent.mkdir(parents=True)
    entry(tree, 6).touch()
    done = preprocess_facescape(tree, tmp_path / "out", points=128)
    again = preprocess_facescape(tree, tmp_path / "out", points=128)
    assert done.clouds == again.clouds == 5 and again.new_shards == 0
    assert (
        done.failures
        == again.failures
        == (("6/1_neutral", "1_neutral.obj: has 3 vertices; give a TU model"),)
    )


def test_clouds_of_other_settings_are_not_mixed(tree, tmp_path):
    preprocess_facescape(tree, tmp_path / "out", points=128)
    with pytest.raises(ConfigError, match="other models or settings"):
        preprocess_facescape(tree, tmp_path / "out", points=256)


def test_a_damaged_shard_is_named(tree, tmp_path):
    preprocess_facescape(tree, tmp_path / "out", points=128)
    (tmp_path / "out" / "000002.npz").write_bytes(b"PK")
    with pytest.raises(FileFormatError, match="000002.npz: is damaged"):
        preprocess_facescape(tree, tmp_path / "out", points=128)
