"""From images of a face to the face: one image at a time, the result growing better with each."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from faceviz.detection import CROP_SCALE, CROP_SIZE, FaceBox, FaceDetector, crop_face, crop_transform
from faceviz.errors import ShapeError
from faceviz.geometry import geometry_image
from faceviz.geometry.expression import Expression, Wearing, fit_expression
from faceviz.geometry.weak_perspective import WeakPerspective, fit_camera
from faceviz.pipeline import best_device, model_folder
from faceviz.scan import FaceScan

if TYPE_CHECKING:
    from torch import nn

    from faceviz.io.frames import Frame

DEFAULT_RECONSTRUCTOR = "faceviz-stream"

_NO_FACE = "no face was found"

_ALIKE = 0.5  # of the largest face's area, above which another face is worth a word

_FOLLOWED = 45  # images in a row in which a face is followed by its landmarks, with no detector to confirm it
#: Mean distance of landmarks from those of the shape, in shares of their extent, above which a face is lost.
_LIKE_A_FACE = 0.025
#: The detector's box about a face's landmarks: middle and side in units of the template, measured on rendered heads.
_BOX_MIDDLE, _BOX_SIDE = (0.0, -0.456), 3.24


@dataclass(frozen=True, slots=True, eq=False)
class Reconstruction:
    """The face as known after an image.

    Attributes:
        points: (16384, 3) mm in the canonical frame of ``faceviz.geometry.geometry_image``: neutral, without pose;
            point i is the same place on every face. Images do not show size: it is guessed from the shape.
        used: images with a face so far; ``skipped`` those without.
        change: mean distance in mm that the points moved by this image; None where it was skipped. By the first image
            they move from the mean face.
        reason: why this image was skipped, else None.
        note: what else is to be said of it, such as a second face.
        box: where the face was found; None where the image was a crop, or skipped.
        image_landmarks: (68, 2) pixels of the image, predicted; None where the network predicts none, or skipped.
        source: what the image was called.
        seconds: time per stage: ``detect``, ``crop``, ``network``.
        model: name of the network.
    """

    points: np.ndarray
    used: int
    skipped: int
    change: float | None
    reason: str | None
    note: str | None
    box: FaceBox | None
    image_landmarks: np.ndarray | None
    source: str
    seconds: dict[str, float]
    model: str

    @property
    def triangles(self) -> np.ndarray:
        """(32258, 3) int64, counter-clockwise from outside."""
        return geometry_image.triangles()

    @property
    def landmarks(self) -> np.ndarray:
        """The 68 landmarks (68, 3) mm of the face."""
        return geometry_image.landmarks(self.points)

    @property
    def camera(self) -> WeakPerspective | None:
        """How the face lies in the image, by its image landmarks; None where there are none."""
        if self.image_landmarks is None:
            return None
        return fit_camera(self.landmarks, self.image_landmarks)

    @property
    def expression(self) -> Expression | None:
        """The expression in this image, fitted to its image landmarks; None where there are none."""
        if self.image_landmarks is None:
            return None
        return fit_expression(self.points, self.image_landmarks)

    def points_wearing(self, wearing: Wearing = "seen") -> np.ndarray:
        """The face (16384, 3) mm: ``"neutral"``, as ``points``; or with the expression that was ``"seen"`` in this
        image, as far as landmarks tell it."""
        expression = self.expression if wearing == "seen" else None
        return self.points if expression is None else expression.apply(self.points)

    def to_scan(self, wearing: Wearing = "neutral") -> FaceScan:
        """The face as a scan with triangles and landmarks, for ``faceviz.io.write_scan``; see ``points_wearing``."""
        points = self.points_wearing(wearing)
        return FaceScan(
            points, self.triangles, geometry_image.landmarks(points), unit="mm", source=self.model
        )


@dataclass(frozen=True, slots=True, eq=False)
class ReconstructorState:
    """All that a reconstructor remembers; its size does not depend on how many images there were."""

    carried: Any = None  # the network's own
    points: np.ndarray | None = None
    used: int = 0
    skipped: int = 0
    near: FaceBox | None = None  # where the face was in the last image
    followed: int = 0  # images since the detector found it


class FaceReconstructor:
    """A reconstruction network with the face detector before it.

    ``update`` takes the next image, ``reset`` begins with another person. An image without a face changes nothing but
    the count. Keep ``state`` to come back to where one was; it is never changed, only replaced.

    Args:
        network: of ``faceviz.models.reconstruction``.
        name: of the model.
        detector: finds the faces; made when it is first needed if not given.
        live: look for large upright faces only, quickly; follow a face from image to image, and for a while by its
            landmarks where the detector loses it, as long as they look like a face.
        device: ``"cpu"``, ``"cuda"``, ``"mps"``; chosen by itself if not given.
        description: the model's ``config.json``.
    """

    def __init__(
        self,
        network: nn.Module,
        *,
        name: str = "network",
        detector: FaceDetector | None = None,
        live: bool = False,
        device: str | None = None,
        description: dict[str, Any] | None = None,
    ) -> None:
        from faceviz.models.reconstruction.architectures import streaming

        self.device = device or best_device()
        self.name, self.live = name, live
        self.description = dict(description or {})
        self._engine = streaming(network.to(self.device).eval())
        self._detector = detector
        self._mean = self._engine.mean_points()
        self._state = ReconstructorState()

    @classmethod
    def from_pretrained(
        cls,
        model: str | Path = DEFAULT_RECONSTRUCTOR,
        *,
        detector: FaceDetector | None = None,
        live: bool = False,
        device: str | None = None,
    ) -> FaceReconstructor:
        """A reconstructor from a model's name or from a folder with ``model.safetensors`` and ``config.json``.

        Raises:
            CheckpointError: no such model, or its files are damaged or made for another architecture.
        """
        from faceviz.io.weights import load_network
        from faceviz.models.reconstruction.architectures import build_network

        folder = model_folder(model)
        network, description = load_network(folder, build_network)
        return cls(
            network, name=folder.name, detector=detector, live=live, device=device, description=description
        )

    @property
    def state(self) -> ReconstructorState:
        """What is remembered; put it back to undo later images."""
        return self._state

    @state.setter
    def state(self, state: ReconstructorState) -> None:
        self._state = state

    @property
    def mean_points(self) -> np.ndarray:
        """The face (16384, 3) mm that is meant before any image."""
        return self._mean.copy()

    def reset(self) -> None:
        """Forget the person."""
        self._state = ReconstructorState()

    def update(self, frame: np.ndarray | Frame, *, cropped: bool = False) -> Reconstruction:
        """Take the next image.

        Args:
            frame: (H, W, 3) uint8 RGB, or a frame of ``faceviz.io.frames.open_frames``.
            cropped: the image is a face crop already and is used whole.

        Raises:
            ShapeError: the image is not (H, W, 3) uint8.
        """
        image, source = (frame, "array") if isinstance(frame, np.ndarray) else (frame.image, frame.source)
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or min(image.shape) < 1:
            raise ShapeError(f"an image must be (H, W, 3) uint8, got {image.shape} {image.dtype}")
        seconds: dict[str, float] = {}
        looks = iter([_Look(np.ascontiguousarray(image))]) if cropped else self._looks(image, seconds)
        return self._use(looks, source, seconds)

    def _looks(self, image: np.ndarray, seconds: dict[str, float]) -> Iterator[_Look]:
        """Where a face may be, the likeliest first: where the detector finds one, then where it was."""
        started, old = time.perf_counter(), self._state
        if self._detector is None:
            self._detector = FaceDetector(thorough=not self.live)
        faces = self._detector.detect(image, old.near if self.live else None)
        seconds["detect"] = time.perf_counter() - started
        if faces:
            others = sum(other.area >= _ALIKE * faces[0].area for other in faces[1:])
            note = f"{others + 1} faces; the largest is used" if others else None
            yield _Look.at(faces[0], image, seconds, note=note)
        if self.live and old.near is not None and old.followed < _FOLLOWED:
            yield _Look.at(old.near, image, seconds, followed=True)

    def _use(self, looks: Iterator[_Look], source: str, seconds: dict[str, float]) -> Reconstruction:
        """The first look at what is like a face; else what the detector found, whatever it is."""
        old, chosen = self._state, None
        for look in looks:
            started = time.perf_counter()
            points, marks, carried = self._see(look, old.carried)
            unasked = marks is None or not self.live or old.near is None
            sure = (unasked and not look.followed) or (marks is not None and _like_a_face(points, marks))
            seconds["network"] = seconds.get("network", 0.0) + time.perf_counter() - started
            if sure or not look.followed:
                chosen = look, points, marks, carried
            if sure:
                break
        if chosen is None:
            self._state = ReconstructorState(old.carried, old.points, old.used, old.skipped + 1)
            return self._result(None, source, seconds, change=None, marks=None)
        look, points, marks, carried = chosen
        before = self._mean if old.points is None else old.points
        change = float(np.linalg.norm(points - before, axis=1).mean())
        near, followed = look.box, 0
        if look.followed and marks is not None and look.box is not None:
            near, followed = _box_about(marks, look.box), old.followed + 1
        self._state = ReconstructorState(carried, points, old.used + 1, old.skipped, near, followed)
        return self._result(look, source, seconds, change, marks)

    def _see(self, look: _Look, carried: Any) -> tuple[np.ndarray, np.ndarray | None, Any]:
        """The face (16384, 3), its landmarks (68, 2) in pixels of the image, and what is carried on."""
        import torch

        image = torch.from_numpy(look.crop).to(self.device).permute(2, 0, 1)[None].float() / 255.0
        with torch.inference_mode():
            seen, carried = self._engine.step(image, carried)
        return seen.points, None if seen.landmarks is None else look.to_image(seen.landmarks), carried

    def _result(
        self,
        look: _Look | None,
        source: str,
        seconds: dict[str, float],
        change: float | None,
        marks: np.ndarray | None,
    ) -> Reconstruction:
        state = self._state
        return Reconstruction(
            points=self.mean_points if state.points is None else state.points,
            used=state.used,
            skipped=state.skipped,
            change=change,
            reason=_NO_FACE if look is None else None,
            note=None if look is None else look.note,
            box=None if look is None else look.box,
            image_landmarks=marks,
            source=source,
            seconds=seconds,
            model=self.name,
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Look:
    """A part of an image in which a face may be."""

    crop: np.ndarray
    box: FaceBox | None = None
    to_crop: np.ndarray | None = None  # (2, 3) from pixels of the image to pixels of the crop
    note: str | None = None
    followed: bool = False

    @classmethod
    def at(cls, box: FaceBox, image: np.ndarray, seconds: dict[str, float], **known: Any) -> _Look:
        """The crop of a box; its time is added to ``seconds``."""
        started = time.perf_counter()
        look = cls(crop_face(image, box), box, crop_transform(box, CROP_SIZE, CROP_SCALE), **known)
        seconds["crop"] = seconds.get("crop", 0.0) + time.perf_counter() - started
        return look

    def to_image(self, shares: np.ndarray) -> np.ndarray:
        """Pixels (N, 2) of the image, from shares of the crop's side."""
        pixels = shares * np.array([self.crop.shape[1], self.crop.shape[0]])
        if self.to_crop is None:
            return pixels
        return np.linalg.solve(self.to_crop[:, :2], (pixels - self.to_crop[:, 2]).T).T


def _like_a_face(points: np.ndarray, marks: np.ndarray) -> bool:
    """Do landmarks lie as those of the shape do from some side?"""
    shape = geometry_image.landmarks(points)
    distance = np.linalg.norm(fit_camera(shape, marks).project(shape) - marks, axis=1).mean()
    return bool(distance < _LIKE_A_FACE * np.ptp(marks, axis=0).mean())


def _box_about(marks: np.ndarray, last: FaceBox) -> FaceBox:
    """The box that the detector would give a face with these landmarks; score and kind are those of the last one."""
    import torch

    from faceviz.models.reconstruction.stream import face_template, similarity

    template = face_template().double()
    real, imaginary = (float(part) for part in similarity(torch.from_numpy(marks), template))
    square = real**2 + imaginary**2
    back = np.array([[real, imaginary], [-imaginary, real]]) / square  # from the template to the image
    side = _BOX_SIDE / np.sqrt(square)
    x, y = marks.mean(axis=0) + back @ np.array(_BOX_MIDDLE) - side / 2
    roll = float(np.degrees(np.arctan2(-imaginary, real)))
    return FaceBox(float(x), float(y), side, side, last.score, last.kind, roll)
