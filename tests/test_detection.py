from __future__ import annotations

from pathlib import Path

import cv2
import matplotlib
import numpy as np
import pytest

from faceviz.detection import FaceBox, FaceDetector, crop_face, crop_transform, report_crop
from faceviz.errors import ConfigError, FileFormatError, MissingDependencyError, ShapeError
from faceviz.io.images import read_image

#: Box about Grace Hopper's face in the photograph that comes with Matplotlib (public domain), judged by eye.
FACE_CENTRE, FACE_SIDE = (266, 222), 210


@pytest.fixture(scope="module")
def hopper() -> np.ndarray:
    photo = Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"
    if not photo.is_file():
        pytest.skip("Matplotlib was installed without its sample photograph")
    return read_image(photo)


@pytest.fixture(scope="module")
def detector() -> FaceDetector:
    return FaceDetector("haar")


def near(box: FaceBox, centre, side: float, share: float = 0.15) -> bool:
    return np.hypot(*np.subtract(box.centre, centre)) < share * side and abs(box.width / side - 1) < 2 * share


def test_the_face_of_a_photograph_is_found(hopper, detector):
    boxes = detector.detect(hopper)
    assert near(boxes[0], FACE_CENTRE, FACE_SIDE) and boxes[0].kind == "frontal"


@pytest.mark.parametrize("scale", [0.4, 2.5])
def test_a_face_is_found_in_small_and_large_pictures(hopper, detector, scale):
    boxes = detector.detect(cv2.resize(hopper, None, fx=scale, fy=scale))
    assert near(boxes[0], np.multiply(FACE_CENTRE, scale), FACE_SIDE * scale)


@pytest.mark.parametrize("lean", [-28.0, 28.0])
def test_a_leaning_face_is_found_and_its_crop_is_upright(hopper, detector, lean):
    matrix = cv2.getRotationMatrix2D(FACE_CENTRE, -lean, 1.0)
    leaning = cv2.warpAffine(hopper, matrix, hopper.shape[1::-1], borderMode=cv2.BORDER_REPLICATE)
    box = detector.detect(leaning)[0]
    assert near(box, FACE_CENTRE, FACE_SIDE) and abs(box.roll - lean) < 10
    assert near(detector.detect(crop_face(leaning, box))[0], (128, 128), 256 / 1.3)


def test_a_face_seen_in_a_mirror_is_found_too(hopper, detector):
    box = detector.detect(np.ascontiguousarray(hopper[:, ::-1]))[0]
    assert near(box, (hopper.shape[1] - FACE_CENTRE[0], FACE_CENTRE[1]), FACE_SIDE)


def test_of_two_faces_the_larger_comes_first(hopper, detector):
    small = cv2.resize(hopper, None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA)
    scene = np.full((600, 900, 3), 90, np.uint8)
    scene[:360, :307] = small
    scene[:, 388:] = hopper
    boxes = detector.detect(scene)
    assert len(boxes) == 2
    assert near(boxes[0], (FACE_CENTRE[0] + 388, FACE_CENTRE[1]), FACE_SIDE)
    assert near(boxes[1], np.multiply(FACE_CENTRE, 0.6), FACE_SIDE * 0.6)


def test_a_quick_search_finds_a_large_face(hopper):
    assert near(FaceDetector("haar", thorough=False).detect(hopper)[0], FACE_CENTRE, FACE_SIDE)


def test_a_face_is_followed_from_picture_to_picture(hopper, detector):
    box = detector.detect(hopper)[0]
    for step in range(1, 6):
        matrix = np.array([[1.02**step, 0.0, 9.0 * step], [0.0, 1.02**step, -5.0 * step]])
        moved = cv2.warpAffine(hopper, matrix, hopper.shape[1::-1], borderMode=cv2.BORDER_REPLICATE)
        box = detector.detect(moved, near=box)[0]
        assert near(box, matrix @ [*FACE_CENTRE, 1.0], FACE_SIDE * 1.02**step)


def test_a_face_that_is_gone_from_where_it_was_is_looked_for_everywhere(hopper, detector):
    elsewhere = FaceBox(0, 380, 120, 120)
    assert near(detector.detect(hopper, near=elsewhere)[0], FACE_CENTRE, FACE_SIDE)


@pytest.mark.parametrize("picture", ["black", "noise", "tiny"])
def test_where_there_is_no_face_none_is_found(detector, picture, rng):
    image = {
        "black": np.zeros((300, 400, 3), np.uint8),
        "noise": rng.integers(0, 255, (200, 200, 3), np.uint8),
        "tiny": np.zeros((9, 8, 3), np.uint8),
    }[picture]
    assert detector.detect(image) == []


def test_a_crop_is_the_square_about_the_box():
    image = np.zeros((100, 100, 3), np.uint8)
    image[40:60, 30:50] = 200
    crop = crop_face(image, FaceBox(30, 40, 20, 20), size=40, scale=2.0)
    assert crop.shape == (40, 40, 3) and crop.dtype == np.uint8
    inside = crop[..., 0] > 100
    assert inside[11:29, 11:29].all() and not inside[:9].any() and not inside[:, 31:].any()


def test_a_crop_over_the_rim_repeats_the_rim():
    image = np.full((50, 50, 3), 80, np.uint8)
    crop = crop_face(image, FaceBox(-20, -20, 60, 60), size=64)
    assert (crop == 80).all()


def test_the_transform_says_where_the_crop_shows_a_place_of_the_picture(rng):
    image = np.zeros((120, 160, 3), np.uint8)
    cv2.circle(image, (90, 50), 3, (255, 255, 255), -1)
    box = FaceBox(60, 20, 60, 60, roll=20.0)
    crop = crop_face(image, box, size=240)
    rows, columns = np.nonzero(crop[..., 0] > 127)
    shown = np.array([columns.mean() + 0.5, rows.mean() + 0.5])
    np.testing.assert_allclose(shown, crop_transform(box, 240) @ [90.5, 50.5, 1.0], atol=0.15)


def test_the_transform_of_a_crop_takes_the_middle_to_the_middle_and_turns_upright():
    box = FaceBox(10, 20, 40, 40, roll=30.0)
    matrix = crop_transform(box, size=200, scale=1.0)
    np.testing.assert_allclose(matrix @ [30, 40, 1], [100, 100])
    leaning = np.array(
        [np.sin(np.radians(30)), -np.cos(np.radians(30))]
    )  # from the chin up, to the viewer's right
    up = matrix[:, :2] @ leaning
    np.testing.assert_allclose(up / np.linalg.norm(up), [0, -1], atol=1e-12)


def test_the_reports_crop_is_the_bare_box_between_nought_and_one(hopper, detector):
    box = detector.detect(hopper)[0]
    crop = report_crop(hopper, box)
    assert crop.shape == (256, 256, 3) and crop.dtype == np.float32
    assert crop.min() == 0.0 and crop.max() == 1.0
    x, y, side = round(box.x), round(box.y), round(box.width)
    bare = cv2.resize(hopper[y : y + side, x : x + side, ::-1], (256, 256)).astype(np.float32)
    np.testing.assert_allclose(crop, cv2.normalize(bare, None, 0.0, 1.0, cv2.NORM_MINMAX), atol=1e-6)


def test_yunets_marks_give_the_box_that_the_cascade_would_draw(hopper, monkeypatch):
    class Marks:
        def setInputSize(self, size):  # noqa: N802
            self.size = size

        def detect(self, image):
            eyes, mouth = [(222, 205), (312, 200)], [(235, 290), (305, 287)]
            row = [160, 120, 200, 240, *eyes[0], *eyes[1], 272, 250, *mouth[0], *mouth[1], 0.95]
            return 1, np.array([row], np.float32)

    from faceviz import detection

    monkeypatch.setattr(detection, "_yunet_file", lambda model: Path("yunet.onnx"))
    monkeypatch.setattr(detection, "_load_yunet", lambda path: Marks())
    detector = FaceDetector("auto")
    box = detector.detect(hopper)[0]
    assert detector.kind == "yunet" and box.kind == "yunet" and abs(box.roll) < 5
    assert near(box, FACE_CENTRE, FACE_SIDE)


def test_yunet_without_its_model_says_where_to_get_it(monkeypatch, tmp_path):
    monkeypatch.delenv("FACEVIZ_YUNET", raising=False)
    assert FaceDetector("auto").kind == "haar"
    with pytest.raises(MissingDependencyError, match="download face_detection_yunet"):
        FaceDetector("yunet")
    with pytest.raises(FileFormatError, match="does not exist"):
        FaceDetector("auto", tmp_path / "none.onnx")
    (tmp_path / "bad.onnx").write_bytes(b"no model")
    with pytest.raises(FileFormatError, match="bad.onnx: is no YuNet model"):
        FaceDetector("yunet", tmp_path / "bad.onnx")


def test_an_unknown_detector_and_a_wrong_image_are_refused(detector):
    with pytest.raises(ConfigError, match="did you mean 'haar'"):
        FaceDetector("har")
    with pytest.raises(ShapeError, match="uint8"):
        detector.detect(np.zeros((20, 20)))
