"""A face that grows image by image, as data to show: colours with their unit, which image helped, what was counted.

``begin`` a FaceProgress, take every Reconstruction in with ``after``; nothing is ever changed in place. Its size does
not grow with the number of images beyond ``KEPT``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from faceviz.display.colormaps import lookup_table
from faceviz.errors import ConfigError, nearest_name

if TYPE_CHECKING:
    from faceviz.display.face_truth import FaceTruth
    from faceviz.geometry.expression import Wearing
    from faceviz.reconstruct import Reconstruction

Colouring = Literal["height", "change", "error"]
COLOURINGS: tuple[str, ...] = get_args(Colouring)

#: Images whose change is remembered; earlier ones count on, but leave the chart.
KEPT = 300

#: The end of the colours of the error, mm, the same for every face so that pictures compare.
ERROR_RANGE_MM = 6.0

_CHANGE_ENDS = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0)  # mm, of which the colours of the change take one
_SHARE = 98.0  # percent of the points that the colours of the change tell apart
_TURNED = 15.0  # degrees from the front at which a view counts as from the side
_WORTH = 0.005  # mm, below which an image did not help
_FEW = 3  # used images before a missing view is worth a word

VIEWS: tuple[str, ...] = ("front", "left", "right")
_ASK = {
    "front": "look into the camera",
    "left": "turn the head to its left",
    "right": "turn the head to its right",
}


@dataclass(frozen=True, slots=True)
class ImageStep:
    """What one image did.

    Attributes:
        number: of the image, from 1, counting skipped ones.
        source: what it was called.
        change: mean distance in mm that the points moved; None where it was skipped.
        error: mean error in mm after it; None without truth, or where it was skipped.
        reason: why it was skipped; ``note``: what else is to be said of it.
        seconds: that it took.
    """

    number: int
    source: str
    change: float | None
    error: float | None
    reason: str | None
    note: str | None
    seconds: float


@dataclass(frozen=True, slots=True, eq=False)
class ChangeSeries:
    """The chart of the images: n of them, the latest ``KEPT``.

    Attributes:
        number: (n,) int64, from 1.
        change: (n,) mm, NaN where an image was skipped.
        error: (n,) mm likewise; None without truth.
        sources: what the images were called.
        helped: place of the image that helped most; None where there is none.
        helped_mm: by how much: the fall of the error where the truth is known, else the change. The first image is not
            asked: it moves from the mean face and always leads.
    """

    number: np.ndarray
    change: np.ndarray
    error: np.ndarray | None
    sources: tuple[str, ...]
    helped: int | None
    helped_mm: float | None


@dataclass(frozen=True, slots=True, eq=False)
class FaceColours:
    """Values of the points and the colours that stand for them.

    Attributes:
        values: (16384,) float32 in ``unit``.
        limits: the values of the first and the last colour.
        label: what the values are, for the colour bar; with the unit.
        colormap: a name of ``faceviz.display.colormaps``.
    """

    values: np.ndarray
    limits: tuple[float, float]
    label: str
    colormap: str
    unit: str = "mm"

    @property
    def rgb(self) -> np.ndarray:
        """The colour of each point, (16384, 3) uint8."""
        low, high = self.limits
        place = np.clip((self.values - low) / (high - low), 0.0, 1.0)
        return lookup_table(self.colormap)[np.round(255 * place).astype(np.intp)]


@dataclass(frozen=True, slots=True, eq=False)
class FaceProgress:
    """The face so far and how it came about.

    Attributes:
        points: (16384, 3) mm, canonical frame.
        before: (16384, 3) the face before the last used image.
        mean: (16384, 3) the face that is meant before any image.
        used: images with a face; ``skipped``: without; ``dropped``: those for which there was no time.
        steps: of the latest images.
        views: how often the face was seen from each of ``VIEWS``, named by where the head is turned; the front, or the
            subject's left or right. Empty where the network tells no image landmarks.
        truth: what the face should be; None where it is not known.
        errors: (16384,) mm of ``points``; None without truth.
        last: of the last image; None before the first. ``seen``: of the last one with a face.
    """

    points: np.ndarray
    before: np.ndarray
    mean: np.ndarray
    used: int = 0
    skipped: int = 0
    dropped: int = 0
    steps: tuple[ImageStep, ...] = ()
    views: tuple[int, int, int] | None = None
    truth: FaceTruth | None = None
    errors: np.ndarray | None = None
    last: Reconstruction | None = None
    seen: Reconstruction | None = None

    @classmethod
    def begin(cls, mean_points: np.ndarray, truth: FaceTruth | None = None) -> FaceProgress:
        """Before any image.

        Args:
            mean_points: ``FaceReconstructor.mean_points``.
            truth: see ``faceviz.display.face_truth``.
        """
        errors = None if truth is None else truth.errors(mean_points)
        return cls(mean_points, mean_points, mean_points, truth=truth, errors=errors)

    def after(self, step: Reconstruction, *, dropped: int | None = None) -> FaceProgress:
        """With one more image.

        Args:
            step: what the reconstructor said of it.
            dropped: images so far that nobody had time for.
        """
        helped = step.change is not None
        errors = self.truth.errors(step.points) if helped and self.truth else self.errors
        row = ImageStep(
            step.used + step.skipped,
            step.source,
            step.change,
            float(errors.mean()) if helped and errors is not None else None,
            step.reason,
            step.note,
            sum(step.seconds.values()),
        )
        return replace(
            self,
            points=step.points,
            before=self.points if helped else self.before,
            used=step.used,
            skipped=step.skipped,
            dropped=self.dropped if dropped is None else dropped,
            steps=(*self.steps, row)[-KEPT:],
            views=_counted(self.views, step),
            errors=errors,
            last=step,
            seen=step if helped else self.seen,
        )

    def face(self, wearing: Wearing = "neutral") -> np.ndarray:
        """The face (16384, 3) mm so far, neutral or with the expression that was last seen."""
        return self.points if self.seen is None else self.seen.points_wearing(wearing)

    @property
    def error_mm(self) -> float | None:
        """Mean error of the face; None without truth."""
        return None if self.errors is None else float(self.errors.mean())

    @property
    def milliseconds(self) -> float | None:
        """Median time of the latest ten used images, from picture to face; None before the first."""
        took = [step.seconds for step in self.steps if step.change is not None][-10:]
        return 1000.0 * float(np.median(took)) if took else None

    @property
    def hint(self) -> str | None:
        """Which view is missing, as a request to the person; None where none is, or it is not known."""
        if self.views is None or self.used < _FEW:
            return None
        missing = [_ASK[view] for view, count in zip(VIEWS, self.views, strict=True) if not count]
        return f"not seen yet: {missing[0]}" if missing else None

    @property
    def series(self) -> ChangeSeries:
        return _series(self.steps, self.truth is not None)

    def colours(self, by: str) -> FaceColours:
        """The values that colour the face.

        Args:
            by: ``"height"`` towards the viewer, ``"change"`` by the last used image, or ``"error"`` against the truth.

        Raises:
            ConfigError: another word, or the error without a truth.
        """
        if by == "height":
            return _height(self.points, self.mean)
        if by == "change":
            return _change(self.points, self.before)
        if by != "error":
            raise ConfigError(f"colouring {by!r} does not exist{nearest_name(by, COLOURINGS)}")
        if self.errors is None:
            raise ConfigError("there is no truth to show the error against; name one with --truth FILE")
        return FaceColours(self.errors.astype(np.float32), (0.0, ERROR_RANGE_MM), "error, mm", "ember")


def counts_text(progress: FaceProgress) -> str:
    """What was counted, for people.

    >>> mean = np.zeros((16384, 3))
    >>> counts_text(replace(FaceProgress.begin(mean), used=7, skipped=1, dropped=20))
    '7 used, 1 skipped, 20 dropped'
    """
    return f"{progress.used} used, {progress.skipped} skipped, {progress.dropped} dropped"


def helped_text(series: ChangeSeries) -> str:
    """Which image helped, for people; empty where that cannot be said yet."""
    if series.helped is None or series.helped_mm is None:
        return ""
    deed = "changed the face by" if series.error is None else "lowered the error by"
    return f"{series.sources[series.helped]} helped most: {deed} {series.helped_mm:.2f} mm"


def head_yaw(step: Reconstruction) -> float | None:
    """Degrees that the head is turned to the subject's own left; None where no image landmarks are known."""
    camera = step.camera
    if camera is None:
        return None
    return float(np.degrees(np.arctan2(camera.rotation[0, 2], -camera.rotation[2, 2])))


def _counted(views: tuple[int, int, int] | None, step: Reconstruction) -> tuple[int, int, int] | None:
    yaw = head_yaw(step)
    if yaw is None:
        return views
    seen = 0 if abs(yaw) < _TURNED else 1 if yaw > 0 else 2
    front, left, right = views or (0, 0, 0)
    return front + (seen == 0), left + (seen == 1), right + (seen == 2)


def _series(steps: tuple[ImageStep, ...], with_truth: bool) -> ChangeSeries:
    change = np.array([np.nan if step.change is None else step.change for step in steps], dtype=np.float64)
    error = np.array([np.nan if step.error is None else step.error for step in steps], dtype=np.float64)
    place = np.flatnonzero(np.isfinite(change))
    later = place[1:]
    gain = error[place[:-1]] - error[later] if with_truth else change[later]
    best = int(np.argmax(gain)) if len(gain) and gain.max() > _WORTH else None
    return ChangeSeries(
        np.array([step.number for step in steps], dtype=np.int64),
        change,
        error if with_truth else None,
        tuple(step.source for step in steps),
        None if best is None else int(later[best]),
        None if best is None else float(gain[best]),
    )


def _height(points: np.ndarray, mean: np.ndarray) -> FaceColours:
    """Along +z; the ends are those of the mean face, so that the colours stay while the face grows."""
    low, high = float(mean[:, 2].min()), float(mean[:, 2].max())
    limits = (low, high) if high > low else (low, low + 1.0)
    return FaceColours(points[:, 2].astype(np.float32), limits, "height towards the viewer, mm", "viridis")


def _change(points: np.ndarray, before: np.ndarray) -> FaceColours:
    moved = np.linalg.norm(points - before, axis=1)
    most = float(np.percentile(moved, _SHARE))
    end = next((end for end in _CHANGE_ENDS if end >= most), _CHANGE_ENDS[-1])
    return FaceColours(moved.astype(np.float32), (0.0, end), "change by the last image, mm", "ember")
