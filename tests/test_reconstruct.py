from __future__ import annotations

import numpy as np
import pytest
import torch

from faceviz import assets
from faceviz.detection import FaceBox
from faceviz.errors import CheckpointError, ShapeError
from faceviz.geometry.geometry_image import mean_face
from faceviz.io.frames import open_frames
from faceviz.io.weights import save_weights
from faceviz.models.reconstruction.stream import StreamConfig, StreamNetwork
from faceviz.reconstruct import FaceReconstructor, ReconstructorState

SETTINGS = {"widths": [8, 8, 16, 16], "memory": 8, "hidden": 32, "components": 6}


class Boxes:
    """A detector that finds what it is told to."""

    def __init__(self, *faces):
        self.faces, self.near = list(faces), []

    def detect(self, image, near=None):
        self.near.append(near)
        return self.faces


def network():
    torch.manual_seed(0)
    net = StreamNetwork(StreamConfig.from_dict(SETTINGS))
    mean = torch.from_numpy(np.ascontiguousarray(np.moveaxis(mean_face(), -1, 0))).float()
    net.set_space(mean, torch.randn(6, 3, 64, 64), mean.mean(dim=(1, 2)), torch.tensor([1.0, 0.05]))
    return net


def reconstructor(*faces, **options):
    faces = faces or (FaceBox(100, 60, 200, 200, 5.0),)
    return FaceReconstructor(network(), detector=Boxes(*faces), device="cpu", **options)


@pytest.fixture(scope="module")
def pictures():
    return np.random.default_rng(1).integers(0, 256, (5, 300, 400, 3), dtype=np.uint8)


def test_each_image_changes_the_face_and_is_counted(pictures):
    live = reconstructor()
    for i, picture in enumerate(pictures):
        step = live.update(picture)
        assert step.used == i + 1 and step.skipped == 0
        assert step.change > 0
        assert step.points.shape == (16384, 3) and np.isfinite(step.points).all()
        assert set(step.seconds) == {"detect", "crop", "network"}


def test_an_image_without_a_face_changes_the_count_alone(pictures):
    live = reconstructor()
    before = live.update(pictures[0])
    live._detector.faces = []
    skipped = live.update(pictures[1])
    assert (skipped.used, skipped.skipped, skipped.change) == (1, 1, None)
    assert "no face" in skipped.reason
    np.testing.assert_array_equal(skipped.points, before.points)
    live._detector.faces = [FaceBox(100, 60, 200, 200)]
    later, alone = live.update(pictures[2]), reconstructor()
    alone.update(pictures[0])
    np.testing.assert_allclose(alone.update(pictures[2]).points, later.points, atol=1e-4)


def test_before_any_face_the_mean_face_is_meant(pictures):
    live = reconstructor()
    live._detector.faces = []
    np.testing.assert_allclose(live.update(pictures[0]).points, mean_face().reshape(-1, 3), atol=1e-3)


def test_after_a_reset_the_first_images_are_forgotten(pictures):
    live = reconstructor()
    for picture in pictures[:3]:
        live.update(picture)
    live.reset()
    again = live.update(pictures[4])
    fresh = reconstructor().update(pictures[4])
    assert again.used == 1
    np.testing.assert_allclose(again.points, fresh.points, atol=1e-4)


def test_a_kept_state_brings_back_where_one_was(pictures):
    live = reconstructor()
    live.update(pictures[0])
    kept = live.state
    first = live.update(pictures[1])
    live.update(pictures[2])
    live.state = kept
    np.testing.assert_allclose(live.update(pictures[1]).points, first.points, atol=1e-4)
    assert live.state.used == 2


def test_of_two_faces_the_larger_is_used_and_said(pictures):
    large, small = FaceBox(100, 60, 200, 200), FaceBox(10, 10, 150, 150)
    step = reconstructor(large, small).update(pictures[0])
    assert step.box == large and "2 faces" in step.note
    assert reconstructor(large, FaceBox(10, 10, 40, 40)).update(pictures[0]).note is None


def test_image_landmarks_lie_in_the_image_and_follow_the_box(pictures):
    left = reconstructor(FaceBox(0, 0, 100, 100)).update(pictures[0])
    live = reconstructor(FaceBox(0, 0, 100, 100))
    shifted = np.roll(pictures[0], 40, axis=1)
    live._detector.faces = [FaceBox(40, 0, 100, 100)]
    right = live.update(shifted)
    assert left.image_landmarks.shape == (68, 2)
    np.testing.assert_allclose(right.image_landmarks - left.image_landmarks, [[40, 0]] * 68, atol=6)


def test_the_camera_lays_the_face_on_its_image_landmarks(pictures):
    step = reconstructor().update(pictures[0])
    nearest = step.camera.project(step.landmarks)
    distance = np.sqrt(((nearest - step.image_landmarks) ** 2).sum(axis=1).mean())
    assert distance == pytest.approx(step.camera.rms, rel=1e-6)
    live = reconstructor()
    live._detector.faces = []
    assert live.update(pictures[0]).camera is None


def test_a_live_reconstructor_looks_where_the_face_was(pictures):
    live = reconstructor(live=True)
    live.update(pictures[0])
    live.update(pictures[1])
    assert live._detector.near == [None, FaceBox(100, 60, 200, 200, 5.0)]


@pytest.fixture(scope="module")
def clip():
    """A face that turns to the side, farther than the quick detector can see."""
    with open_frames(assets.path("sequences/sample/clip.avi"), max_frames=30) as opened:
        return [frame.image for frame in opened]


def test_a_live_reconstructor_follows_a_face_that_its_detector_loses(clip):
    live = FaceReconstructor.from_pretrained(live=True, device="cpu")
    steps = [live.update(image) for image in clip]
    lost = [live._detector.detect(image) == [] for image in clip]
    assert sum(lost) > 5 and steps[-1].used == len(clip)
    nose = np.array([step.image_landmarks[30] for step in steps])
    assert np.linalg.norm(np.diff(nose, axis=0), axis=1).max() < 20  # of 360 pixels


@pytest.mark.parametrize("elsewhere", ["plain", "noise", "background"])
def test_what_is_no_face_is_not_followed(clip, elsewhere):
    live = FaceReconstructor.from_pretrained(live=True, device="cpu")
    live.update(clip[0])
    live._detector = Boxes()
    noise = np.random.default_rng(0).integers(0, 256, clip[0].shape, dtype=np.uint8)
    image = {"plain": np.full_like(noise, 90), "noise": noise, "background": np.roll(clip[0], 180, axis=1)}[
        elsewhere
    ]
    step = live.update(image)
    assert step.reason == "no face was found" and step.used == 1
    assert live.update(clip[0]).used == 1  # lost is lost, until the detector finds it again


def test_a_face_is_not_followed_for_ever(clip, monkeypatch):
    monkeypatch.setattr("faceviz.reconstruct._FOLLOWED", 3)
    live = FaceReconstructor.from_pretrained(live=True, device="cpu")
    live.update(clip[0])
    live._detector = Boxes()
    assert [live.update(clip[0]).used for _ in range(5)] == [2, 3, 4, 4, 4]


def test_a_crop_is_used_whole(pictures):
    live = reconstructor()
    step = live.update(np.ascontiguousarray(pictures[0][:256, :256]), cropped=True)
    assert step.box is None and step.used == 1
    assert live._detector.near == []


def test_what_is_no_image_is_refused(pictures):
    for wrong in (pictures[0][..., 0], pictures[0].astype(np.float32), np.zeros((0, 5, 3), np.uint8)):
        with pytest.raises(ShapeError, match="uint8"):
            reconstructor().update(wrong)


def test_the_face_is_a_scan_with_triangles_and_landmarks(pictures):
    scan = reconstructor().update(pictures[0]).to_scan()
    assert scan.unit == "mm" and scan.triangles.shape == (32258, 3) and scan.landmarks.shape == (68, 3)


def test_memory_stays_the_same_over_many_images(pictures):
    live, sizes = reconstructor(), set()
    for i in range(60):
        live.update(pictures[i % 5])
        sizes.add(_floats(live.state))
    assert len(sizes) == 1


def _floats(state: ReconstructorState) -> int:
    memory, *sums = state.carried
    return sum(t.numel() for t in (*memory, *sums)) + state.points.size


def test_a_saved_model_gives_the_same_face(tmp_path, pictures):
    net = network()
    description = {"architecture": "faceviz-stream", "network": SETTINGS}
    halves = {k: v.half() if v.is_floating_point() else v for k, v in net.state_dict().items()}
    save_weights(tmp_path / "mine", halves, description)
    loaded = FaceReconstructor.from_pretrained(tmp_path / "mine", detector=Boxes(FaceBox(100, 60, 200, 200)))
    expected = reconstructor().update(pictures[0]).points
    np.testing.assert_allclose(loaded.update(pictures[0]).points, expected, atol=0.1)
    assert loaded.name == "mine"


def test_weights_of_another_network_are_refused(tmp_path):
    save_weights(tmp_path / "m", network().state_dict(), {"architecture": "faceviz-stream", "network": {}})
    with pytest.raises(CheckpointError, match="do not fit"):
        FaceReconstructor.from_pretrained(tmp_path / "m")
    save_weights(tmp_path / "n", network().state_dict(), {"architecture": "faceviz-strem"})
    with pytest.raises(CheckpointError, match="did you mean 'faceviz-stream'"):
        FaceReconstructor.from_pretrained(tmp_path / "n")
