from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
import torch

from faceviz.errors import CameraError
from faceviz.geometry.geometry_image import landmarks, mean_face
from faceviz.io import read_scan
from faceviz.io.frames import Frame
from faceviz.io.weights import save_weights
from faceviz.models.reconstruction.stream import StreamConfig, StreamNetwork

_SETTINGS = {"widths": [8, 8, 8, 8], "memory": 4, "hidden": 8, "components": 3}


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    torch.manual_seed(0)
    network = StreamNetwork(StreamConfig.from_dict(_SETTINGS))
    mean = torch.from_numpy(np.ascontiguousarray(np.moveaxis(mean_face(), -1, 0))).float()
    network.set_space(mean, torch.randn(3, 3, 64, 64), mean.mean(dim=(1, 2)), torch.tensor([1.0, 0.05]))
    folder = tmp_path_factory.mktemp("models") / "tiny"
    save_weights(folder, network.state_dict(), {"architecture": "faceviz-stream", "network": _SETTINGS})
    return str(folder)


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for i in range(3):
        cv2.imwrite(str(folder / f"{i}.png"), rng.integers(0, 256, (90, 80, 3), dtype=np.uint8))
    return folder


@pytest.mark.parametrize("ending", ["ply", "obj", "npz"])
def test_a_folder_of_crops_becomes_a_face(faceviz, photos, tmp_path, model, ending):
    out = tmp_path / f"face.{ending}"
    code, said, _ = faceviz("reconstruct", str(photos), "-o", str(out), "--model", model, "--cropped")
    assert code == 0 and "3 images used" in said
    scan = read_scan(out)
    assert scan.points.shape == (16384, 3) and len(scan.triangles) == 32258 and scan.unit == "mm"


def test_the_json_tells_what_each_image_did(faceviz, photos, model):
    (photos / "1b.png").write_bytes(b"no image")
    code, out, said = faceviz("reconstruct", str(photos), "--json", "-", "--model", model, "--cropped")
    content = json.loads(out)
    assert code == 0 and content["used"] == 3 and len(content["unread"]) == 1
    assert [image["source"] for image in content["images"]] == ["0.png", "1.png", "2.png"]
    assert all(image["change_mm"] > 0 for image in content["images"])
    assert len(content["landmarks"]) == 68 and "1 unreadable" in said


def test_a_single_image_keeps_its_expression_and_several_give_the_neutral_face(
    faceviz, photos, tmp_path, model
):
    def written(source, *options):
        out, told = tmp_path / "face.npz", tmp_path / "face.json"
        call = (
            "reconstruct",
            str(source),
            "-o",
            str(out),
            "--json",
            str(told),
            "--model",
            model,
            "--cropped",
        )
        code, said, _ = faceviz(*call, *options)
        content = json.loads(told.read_text())
        assert code == 0 and ("neutral" if content["expression"] == "neutral" else "its expression") in said
        np.testing.assert_allclose(content["landmarks"], landmarks(read_scan(out).points), atol=1e-3)
        return content

    one, neutral = written(photos / "0.png"), written(photos / "0.png", "--expression", "neutral")
    assert (one["expression"], neutral["expression"]) == ("seen", "neutral")
    assert one["fit"]["face_px"] < neutral["fit"]["face_px"]
    assert one["fit"]["mean_face_px"] == pytest.approx(neutral["fit"]["mean_face_px"])
    several, seen = written(photos), written(photos, "--expression", "seen")
    assert (several["expression"], seen["expression"]) == ("neutral", "seen")
    assert several["fit"]["source"] == "2.png" and seen["fit"]["face_px"] < several["fit"]["face_px"]


def test_only_so_many_images_are_used(faceviz, photos, model):
    _, out, _ = faceviz(
        "reconstruct", str(photos), "--json", "-", "--model", model, "--cropped", "--max-frames", "2"
    )
    assert json.loads(out)["used"] == 2


def test_images_without_a_face_leave_no_file_and_say_so(faceviz, photos, tmp_path, model):
    out = tmp_path / "face.ply"
    code, _, said = faceviz(
        "reconstruct", str(photos), "-o", str(out), "--model", model, "--detector", "haar"
    )
    assert code == 2 and "no face was found in 3 images" in said
    assert not out.exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere", "-o", "face.ply"], "does not exist"),
        (["{photos}"], "nothing would be written"),
        (["{photos}", "-o", "face.stl"], "faces are written as"),
        (["{photos}", "-o", "-"], "only --json"),
        (["{photos}", "-o", "missing/face.ply"], "does not exist"),
        (["{photos}", "--json", "-", "--model", "unheard"], "no model named"),
    ],
)
def test_what_cannot_work_is_one_line_that_says_what_to_do(faceviz, photos, arguments, message):
    code, _, said = faceviz("reconstruct", *(part.format(photos=photos) for part in arguments))
    assert code == 2 and message in said
    assert said.count("\n") == 1


@pytest.mark.parametrize("command", ["reconstruct", "evaluate reconstruction", "train reconstruction"])
def test_each_command_has_help_with_examples(faceviz, command):
    code, out, _ = faceviz(*command.split(), "--help")
    assert code == 0
    assert f"\n    faceviz {command}" in out.split("Examples:")[1]


def test_a_picture_is_written(faceviz, photos, tmp_path, model):
    png = tmp_path / "face.png"
    code, _, _ = faceviz("reconstruct", str(photos), "--png", str(png), "--model", model, "--cropped")
    assert code == 0
    assert cv2.imread(str(png)).std() > 5


class LostCamera:
    """A camera that shows two pictures and is pulled out."""

    live, count, skipped = True, None, ()

    def __init__(self, shown=2):
        self.shown = shown

    def __enter__(self):
        return self

    def __exit__(self, *_): ...

    def __iter__(self):
        rng = np.random.default_rng(0)
        for i in range(self.shown):
            yield Frame(rng.integers(0, 256, (64, 64, 3), dtype=np.uint8), i, None, f"camera:0#{i}")
        raise CameraError("camera:0: gave no picture for 2 s; plug it in again")


def test_what_a_camera_showed_before_it_was_lost_counts(faceviz, monkeypatch, model):
    monkeypatch.setattr("faceviz.io.frames.open_frames", lambda *_, **__: LostCamera())
    code, out, said = faceviz("reconstruct", "camera:0", "--json", "-", "--model", model, "--cropped")
    content = json.loads(out)
    assert code == 0 and content["used"] == 2
    assert "plug it in" in content["ended"] and "plug it in" in said


def test_a_camera_lost_before_a_face_was_seen_is_an_error(faceviz, monkeypatch, model):
    monkeypatch.setattr("faceviz.io.frames.open_frames", lambda *_, **__: LostCamera(shown=0))
    code, _, said = faceviz("reconstruct", "camera:0", "--json", "-", "--model", model, "--cropped")
    assert code == 2 and "plug it in" in said
