from __future__ import annotations

import io
import pickle

import numpy as np
import pytest

from faceviz.errors import FileFormatError
from faceviz.io import bundle_path, read_bundle
from tests.hostile.mutations import mutations


class Marker:
    """Leaves a file behind when unpickled."""

    def __init__(self, path) -> None:
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


@pytest.fixture
def content(points, landmarks) -> dict:
    """Three scans of 25 points."""
    return {
        "point_list": np.stack([points, points + 1, points + 2]),
        "landmark_list": np.stack([landmarks] * 3),
        "subject_list": ["12", "12", "340"],
        "heatmaps_list": np.zeros((3, 25, 68), np.float32),
        "emotion_list": np.array(["neutral", "smile", "neutral"], dtype=object),
        "scale_list": np.array([1.0, 2.0, 3.0]),
    }


def as_zip(content: dict) -> bytes:
    stream = io.BytesIO()
    np.savez(stream, **content)
    return stream.getvalue()


def as_object_array(content: dict) -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.array(content, dtype=object), allow_pickle=True)
    return stream.getvalue()


@pytest.fixture(params=[as_zip, pickle.dumps, as_object_array], ids=["zip", "pickle", "object array"])
def pack(request):
    """The three ways in which such a dict comes in a file named .npy."""
    return request.param


@pytest.fixture
def file(tmp_path):
    def write(data: bytes):
        path = tmp_path / "Train" / "train_neutral.npy"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
        return path

    return write


def test_a_bundle_is_a_sequence_of_scans_with_landmarks(file, pack, content, points, landmarks):
    bundle = read_bundle(file(pack(content)))
    assert len(bundle) == 3
    np.testing.assert_array_equal(bundle[1].points, points + 1)
    np.testing.assert_array_equal(bundle[-1].landmarks, landmarks)
    assert [len(scan.points) for scan in bundle] == [25, 25, 25]
    assert [scan.unit for scan in bundle[:2]] == ["mm", "mm"]
    assert bundle.subjects == ("12", "12", "340")
    assert bundle.emotions == ("neutral", "smile", "neutral")
    assert bundle[1].source == "train_neutral.npy[1] 12/smile"
    np.testing.assert_array_equal(bundle.scales, [1, 2, 3])


def test_emotions_and_scales_may_be_missing(file, pack, content):
    bundle = read_bundle(
        file(pack({key: content[key] for key in ("point_list", "landmark_list", "subject_list")}))
    )
    assert bundle.emotions is None and bundle.scales is None and len(bundle) == 3


def test_clouds_of_different_sizes_are_read_from_a_pickle(file, content, points):
    content["point_list"] = [points, points[:20], points]
    assert [len(scan.points) for scan in read_bundle(file(pickle.dumps(content)))] == [25, 20, 25]


def test_an_index_beyond_the_end_is_an_index_error(file, content):
    with pytest.raises(IndexError):
        read_bundle(file(pickle.dumps(content)))[3]


def test_a_named_unit_is_kept(file, content):
    assert read_bundle(file(pickle.dumps(content)), unit="cm")[0].unit == "cm"


def test_the_bundles_of_a_folder_are_found(file, content, tmp_path):
    path = file(pickle.dumps(content))
    assert bundle_path(tmp_path, "train") == path
    with pytest.raises(FileFormatError, match="use one of train, test"):
        bundle_path(tmp_path, "valid")


def test_heatmaps_in_a_zip_are_never_read(file, content):
    content["heatmaps_list"] = np.zeros((3, 200_000))
    stream = io.BytesIO()
    np.savez_compressed(stream, **content)
    assert len(read_bundle(file(stream.getvalue()), max_bytes=1_000_000)) == 3


def test_a_malicious_bundle_runs_nothing(file, pack, content, tmp_path):
    marker = tmp_path / "ran"
    content["emotion_list"] = np.array([Marker(marker), 1, 2], dtype=object)
    with pytest.raises(FileFormatError, match="^train_neutral.npy: .*nothing was run"):
        read_bundle(file(pack(content)))
    assert not marker.exists()


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        ({"landmark_list": np.zeros((2, 68, 3))}, "3 clouds and 2 sets"),
        ({"landmark_list": np.zeros((3, 67, 3))}, "67 rows"),
        ({"point_list": np.zeros((3, 25, 2))}, r"\(25, 2\)"),
        ({"point_list": np.zeros((3, 25))}, r"point_list\[0\]"),
        ({"point_list": np.full((3, 25, 3), np.nan)}, "point 0 of 25"),
        ({"point_list": np.zeros((0, 25, 3)), "landmark_list": np.zeros((0, 68, 3))}, "0 clouds"),
        ({"subject_list": ["1"]}, "subject_list"),
        ({"subject_list": [["1"], ["2"], ["3"]]}, "no names"),
        ({"point_list": "none"}, "point_list"),
    ],
)
def test_a_bundle_that_does_not_fit_together_is_refused(file, content, change, cause):
    with pytest.raises(FileFormatError, match=f"^train_neutral.npy: .*{cause}.*; "):
        read_bundle(file(pickle.dumps(content | change)))


@pytest.mark.parametrize(
    "data", [b"", b"hello", b"\x80\x04", b"PK\x03\x04", b"\x93NUMPY", pickle.dumps([1, 2])]
)
def test_a_file_that_is_no_bundle_is_refused(file, data):
    with pytest.raises(FileFormatError, match="^train_neutral.npy: .*; "):
        read_bundle(file(data))


def test_an_ordinary_array_is_sent_to_its_reader(file, make, points):
    with pytest.raises(FileFormatError, match="read_scan"):
        read_bundle(file(make.npy(points)))


def test_damaged_bundles_of_every_kind_are_refused_or_read(file, pack, content):
    for data in mutations(pack(content), 100):
        try:
            read_bundle(file(data))
        except FileFormatError as error:
            assert error.__cause__ is None and len(str(error).splitlines()) == 1
