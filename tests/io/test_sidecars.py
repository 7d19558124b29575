from __future__ import annotations

import json

import numpy as np
import pytest

from faceviz.errors import FileFormatError
from faceviz.io import read_landmarks
from faceviz.io.sidecars import landmarks_to_json


def test_json_keeps_landmarks_to_the_last_bit(tmp_path, rng):
    landmarks = rng.normal(size=(68, 3))
    (tmp_path / "a.json").write_bytes(landmarks_to_json(landmarks, "cm"))
    read = read_landmarks(tmp_path / "a.json")
    np.testing.assert_array_equal(read.positions, landmarks)
    assert read.unit == "cm"


def test_further_keys_as_the_predictor_writes_them_are_allowed(tmp_path):
    document = {"landmarks": [[0, 0, 0]] * 68, "confidence": [1.0] * 68, "unit": "mm", "seconds": {"all": 1}}
    (tmp_path / "a.json").write_text(json.dumps(document))
    assert read_landmarks(tmp_path / "a.json").positions.shape == (68, 3)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        "not json",
        "[" * 100_000,
        json.dumps({"landmarks": [[0, 0, 0]] * 67}),
        json.dumps({"landmarks": [[0, 0, 0]] * 67 + [[0, 0]]}),
        json.dumps({"landmarks": [[0, 0, "1"]] * 68}),
        json.dumps({"landmarks": [[0, 0, True]] * 68}),
        json.dumps({"landmarks": [[0, 0, float("nan")]] * 68}),
        json.dumps({"landmarks": [[0, 0, 10**400]] * 68}),
        json.dumps({"landmarks": [[0, 0, 0]] * 68, "unit": "ell"}),
        json.dumps({"landmarks": [[0, 0, 0]] * 68, "unit": ["mm"]}),
        json.dumps({"landmarks": [[0, 0, 0]] * 68, "filler": "x" * 2_000_000}),
    ],
)
def test_json_without_68_landmarks_is_refused(tmp_path, content):
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(FileFormatError, match="^a.json: .*; "):
        read_landmarks(tmp_path / "a.json")


def test_arrays_of_another_shape_are_refused(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((51, 3)))
    with pytest.raises(FileFormatError, match=r"^a.npy: .*\(51, 3\).*; "):
        read_landmarks(tmp_path / "a.npy")


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(FileFormatError, match="does not exist"):
        read_landmarks(tmp_path / "a.json")
