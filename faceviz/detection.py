"""Where the faces are in a picture, and the crops that reconstruction works on.

The Haar cascades of Viola and Jones (2001) come with OpenCV. YuNet (Wu et al. 2023) finds more faces, turned and small
ones too; its model (``face_detection_yunet_2023mar.onnx``, MIT licence, from OpenCV's model zoo) is not shipped: name
its file, or the environment variable FACEVIZ_YUNET.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from faceviz.errors import ConfigError, FileFormatError, MissingDependencyError, ShapeError, nearest_name

KINDS: tuple[str, ...] = ("auto", "haar", "yunet")

#: A crop is this much wider than the detector's box, and this many pixels a side.
CROP_SCALE, CROP_SIZE = 1.3, 256

_SCALE_FACTOR, _NEIGHBOURS = 1.1, 4  # Thomassen (2022)
_LARGEST_SIDE, _LARGEST_LIVE_SIDE = 720, 400  # pixels; larger pictures are searched reduced
_SMALLEST_LIVE_SHARE = 0.14  # of the shorter side: faces that a quick search looks for
_NEAR_PIXELS, _NEAR_REACH = 72, 2.0  # where a face was: its box is searched this large, so much wider
_TURNS = (-30.0, 30.0)  # degrees, tried when no upright face is found
_DOUBTFUL = 1.5  # a frontal cascade's score below which other ways are tried too
_LEAST_SHARE = 0.3  # of the best score, below which a box beside it is taken for an error
_YUNET_SCORE = 0.7
#: The frontal cascade's box as YuNet's marks tell it: its middle lies 0.23 of the way from the eyes to the mouth, its
#: side is 2.37 times that way. Measured on rendered heads.
_EYES_TO_MIDDLE, _SIDE = 0.23, 2.37


@dataclass(frozen=True, slots=True)
class FaceBox:
    """A square about a face, in pixels of the picture."""

    x: float  # left edge, before it is turned
    y: float  # top edge, before it is turned
    width: float
    height: float
    score: float = 0.0  # the detector's own trust; scales differ between kinds
    kind: str = "frontal"  # "frontal", "profile", "turned" or "yunet"
    roll: float = 0.0  # degrees by which the face leans to the viewer's right

    @property
    def centre(self) -> tuple[float, float]:
        return self.x + self.width / 2, self.y + self.height / 2

    @property
    def area(self) -> float:
        return self.width * self.height


class FaceDetector:
    """Finds faces.

    Args:
        kind: ``"haar"``, ``"yunet"``, or ``"auto"``: YuNet where its model is there, else Haar.
        model: the YuNet model's file; else FACEVIZ_YUNET names it.
        thorough: Haar looks for small, leaning and profile faces too. False is for live pictures: large upright faces.

    Raises:
        ConfigError: an unknown kind.
        FileFormatError: the model cannot be loaded.
        MissingDependencyError: YuNet is asked for without a model.
    """

    def __init__(
        self, kind: str = "auto", model: str | os.PathLike[str] | None = None, *, thorough: bool = True
    ) -> None:
        if kind not in KINDS:
            raise ConfigError(f"no face detector named {kind!r}{nearest_name(kind, KINDS)}")
        found = _yunet_file(model) if kind != "haar" else None
        if kind == "yunet" and found is None:
            raise MissingDependencyError(
                "YuNet needs its model; download face_detection_yunet_2023mar.onnx from OpenCV's model zoo and name "
                'it by argument or by FACEVIZ_YUNET, or take kind="haar"'
            )
        self.thorough = thorough
        self._yunet = None if found is None else _load_yunet(found)
        self.kind = "haar" if self._yunet is None else "yunet"

    def detect(self, image: np.ndarray, near: FaceBox | None = None) -> list[FaceBox]:
        """The faces of a picture (H, W, 3) uint8 RGB, the largest first; none is an empty list.

        Args:
            image: the picture.
            near: where the face was in the picture before; if it is still about there, only it is found, quickly.
        """
        _check(image)
        if near is not None and self._yunet is None and (again := _again(image, near)):
            return again
        scale = min(1.0, (_LARGEST_SIDE if self.thorough else _LARGEST_LIVE_SIDE) / max(image.shape[:2]))
        small = _resized(image, scale)
        found = _haar(small, self.thorough) if self._yunet is None else _yunet(self._yunet, small)
        boxes = [_scaled(box, 1.0 / scale) for box in found]
        return sorted(boxes, key=lambda box: (box.area, box.score), reverse=True)


def _again(image: np.ndarray, near: FaceBox) -> list[FaceBox]:
    """The most certain upright face about where one was, in a small upright cut of the picture."""
    import cv2

    side = int(_NEAR_PIXELS * _NEAR_REACH)
    cut = crop_face(image, near, side, _NEAR_REACH)
    sizes = {"minSize": (_NEAR_PIXELS * 2 // 3,) * 2, "maxSize": (_NEAR_PIXELS * 3 // 2,) * 2}
    found = _search(cv2.cvtColor(cut, cv2.COLOR_RGB2GRAY), "frontalface_default", near.kind, **sizes)
    if not found:
        return []
    best = max(found, key=lambda box: box.score)
    matrix = crop_transform(near, side, _NEAR_REACH)
    return [_turned_back(best, matrix, near.roll)]


def crop_face(
    image: np.ndarray, box: FaceBox, size: int = CROP_SIZE, scale: float = CROP_SCALE
) -> np.ndarray:
    """The square about a face, (size, size, 3) uint8, upright; beyond the picture its rim is repeated.

    Args:
        image: (H, W, 3) uint8.
        box: where the face is.
        size: pixels a side.
        scale: how much wider than the box.
    """
    import cv2

    _check(image)
    side = scale * max(box.width, box.height)
    fine = max(size, min(int(np.ceil(side)), 4 * size))
    matrix = crop_transform(box, fine, scale)
    matrix[:, 2] += matrix[:, :2].sum(axis=1) / 2 - 0.5  # OpenCV counts from the middle of the first pixel
    crop = cv2.warpAffine(
        image, matrix, (fine, fine), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return crop if fine == size else cv2.resize(crop, (size, size), interpolation=cv2.INTER_AREA)


def crop_transform(box: FaceBox, size: int = CROP_SIZE, scale: float = CROP_SCALE) -> np.ndarray:
    """u = A x + b from the picture to its crop, in pixels from the corner of the first one, (2, 3)."""
    angle = np.radians(box.roll)
    zoom = size / (scale * max(box.width, box.height))
    turn = zoom * np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return np.column_stack([turn, size / 2 - turn @ box.centre])


def report_crop(image: np.ndarray, box: FaceBox, size: int = CROP_SIZE) -> np.ndarray:
    """The preprocessing of Thomassen (2022): the bare box, resized, min-max to [0, 1], in OpenCV's channel order.

    Returns:
        (size, size, 3) float32, blue first.
    """
    import cv2

    _check(image)
    top, left = max(round(box.y), 0), max(round(box.x), 0)
    cut = image[top : max(round(box.y + box.height), top + 1), left : max(round(box.x + box.width), left + 1)]
    if not cut.size:
        raise ShapeError("the box lies outside the picture; detect it in this picture")
    small = cv2.resize(cut, (size, size))[..., ::-1].astype(np.float32)
    low, high = small.min(), small.max()
    return (small - low) / max(high - low, 1e-6)


def _check(image: np.ndarray) -> None:
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or not image.size:
        raise ShapeError(f"an image must be (H, W, 3) uint8, got {image.shape} {image.dtype}")


def _resized(image: np.ndarray, scale: float) -> np.ndarray:
    import cv2

    return (
        image if scale == 1.0 else cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    )


def _scaled(box: FaceBox, factor: float) -> FaceBox:
    x, y, width, height = (factor * edge for edge in (box.x, box.y, box.width, box.height))
    return FaceBox(x, y, width, height, box.score, box.kind, box.roll)


@lru_cache(maxsize=4)
def _cascade(name: str) -> Any:
    """A cascade that comes with OpenCV."""
    import cv2

    cascade = cv2.CascadeClassifier(str(Path(cv2.__file__).parent / "data" / f"haarcascade_{name}.xml"))
    if cascade.empty():
        raise MissingDependencyError(
            'OpenCV\'s Haar cascades are missing; pip install --force-reinstall "opencv-python<5"'
        )
    return cascade


def _haar(image: np.ndarray, thorough: bool) -> list[FaceBox]:
    """Upright faces; failing these, or where they are doubtful, and if thorough, leaning faces and profiles."""
    import cv2

    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    least = 1 if thorough else int(_SMALLEST_LIVE_SHARE * min(grey.shape))
    found = _without_doubtful(_search(grey, "frontalface_default", "frontal", minSize=(least, least)))
    if not thorough or _trust(found) >= _DOUBTFUL:
        return found
    found = max(found, _without_doubtful(_leaning(grey)), key=_trust)
    if found:
        return found
    return _search(cv2.equalizeHist(grey), "frontalface_alt2", "frontal") or _profiles(grey)


def _trust(boxes: list[FaceBox]) -> float:
    return max((box.score for box in boxes), default=0.0)


def _without_doubtful(boxes: list[FaceBox]) -> list[FaceBox]:
    """Those that are not far less certain than the best."""
    return [box for box in boxes if box.score >= _LEAST_SHARE * _trust(boxes)]


def _search(grey: np.ndarray, cascade: str, kind: str, **sizes: tuple[int, int]) -> list[FaceBox]:
    boxes, _, weights = _cascade(cascade).detectMultiScale3(
        grey, scaleFactor=_SCALE_FACTOR, minNeighbors=_NEIGHBOURS, outputRejectLevels=True, **sizes
    )
    edges = np.asarray(boxes, dtype=np.float64).reshape(-1, 4).tolist()
    scores = np.asarray(weights, dtype=np.float64).ravel().tolist()
    return [FaceBox(x, y, w, h, score, kind) for (x, y, w, h), score in zip(edges, scores, strict=True)]


def _profiles(grey: np.ndarray) -> list[FaceBox]:
    """Faces seen from the side; the cascade knows one side, so the mirror image is searched too."""
    width = grey.shape[1]
    right = _search(grey, "profileface", "profile")
    left = _search(np.ascontiguousarray(grey[:, ::-1]), "profileface", "profile")
    return right + [
        FaceBox(width - box.x - box.width, box.y, box.width, box.height, box.score, box.kind) for box in left
    ]


def _leaning(grey: np.ndarray) -> list[FaceBox]:
    """Faces upright in a turned copy of the picture."""
    import cv2

    height, width = grey.shape
    middle = np.array([width / 2, height / 2])
    best: list[FaceBox] = []
    for turn in _TURNS:
        matrix = cv2.getRotationMatrix2D(middle.tolist(), turn, 1.0)
        found = _search(cv2.warpAffine(grey, matrix, (width, height)), "frontalface_default", "turned")
        best = max(best, [_turned_back(box, matrix, turn) for box in found], key=_trust)
    return best


def _turned_back(box: FaceBox, matrix: np.ndarray, turn: float) -> FaceBox:
    """A box of a turned and zoomed copy, u = A x + b, in the picture itself; the face leans by the turn."""
    x, y = np.linalg.solve(matrix[:, :2], np.array(box.centre) - matrix[:, 2])
    zoom = float(np.sqrt(np.linalg.det(matrix[:, :2])))
    width, height = box.width / zoom, box.height / zoom
    return FaceBox(float(x - width / 2), float(y - height / 2), width, height, box.score, box.kind, turn)


def _yunet_file(model: str | os.PathLike[str] | None) -> Path | None:
    named = model if model is not None else os.environ.get("FACEVIZ_YUNET")
    if not named:
        return None
    path = Path(named)
    if not path.is_file():
        raise FileFormatError(
            f"{path}: does not exist; name YuNet's model, face_detection_yunet_2023mar.onnx"
        )
    return path


def _load_yunet(path: Path) -> Any:
    import cv2

    try:
        return cv2.FaceDetectorYN.create(str(path), "", (320, 320), score_threshold=_YUNET_SCORE)
    except cv2.error:
        raise FileFormatError(
            f"{path.name}: is no YuNet model; download face_detection_yunet_2023mar.onnx"
        ) from None


def _yunet(detector: Any, image: np.ndarray) -> list[FaceBox]:
    detector.setInputSize((image.shape[1], image.shape[0]))
    _, rows = detector.detect(np.ascontiguousarray(image[..., ::-1]))
    return [] if rows is None else [_from_marks(row) for row in np.asarray(rows, dtype=np.float64)]


def _from_marks(row: np.ndarray) -> FaceBox:
    """The box that the frontal cascade would draw, from YuNet's eyes and mouth corners; row (15,).

    A row holds x, y, width, height; right eye, left eye, nose, right and left mouth corner; score.
    """
    right_eye, left_eye, _, right_mouth, left_mouth = row[4:14].reshape(5, 2)
    eyes, mouth = (right_eye + left_eye) / 2, (right_mouth + left_mouth) / 2
    down = mouth - eyes
    side = max(_SIDE * float(np.linalg.norm(down)), 1.0)
    x, y = eyes + _EYES_TO_MIDDLE * down - side / 2
    roll = float(np.degrees(np.arctan2(-down[0], down[1])))
    return FaceBox(float(x), float(y), side, side, float(row[14]), "yunet", roll)
