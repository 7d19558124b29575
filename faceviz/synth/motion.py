"""How a person sits for a picture: pose of the head, expression, gaze, and where the detector's crop falls."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from faceviz.detection import CROP_SCALE, CROP_SIZE
from faceviz.synth.expressions import random_expression
from faceviz.synth.rendering import View

#: Largest angles, degrees.
YAW, PITCH, ROLL = 45.0, 25.0, 20.0
#: The frontal Haar cascade's box: the point of the head (x, y, z) at its middle and its side, mm; a crop is wider.
HAAR_CENTRE, HAAR_SIDE = (0.0, 14.0, -20.0), 166.0

_FLIP = np.diag([1.0, -1.0, -1.0])


@dataclass(frozen=True, slots=True, eq=False)
class Moment:
    """One picture's pose and face."""

    view: View  # of a crop of 256 x 256 pixels
    expression: np.ndarray  # (E,)
    gaze: np.ndarray  # (2, 3) unit, head frame


def random_moments(names: tuple[str, ...], frames: int, clip: bool, rng: np.random.Generator) -> list[Moment]:
    """``frames`` moments of a face with the named expressions: of a clip, small steps of one movement; else each on its
    own."""
    angles = _clip_angles(frames, rng) if clip else np.stack([_angles(rng) for _ in range(frames)])
    if clip:
        start, end = random_expression(names, rng), random_expression(names, rng)
        stops = np.sort(rng.random(frames))
        expressions = [start + t * (end - start) for t in stops]
    else:
        expressions = [random_expression(names, rng) for _ in range(frames)]
    optics = _optics(rng)
    moments = []
    for turn, expression in zip(angles, expressions, strict=True):
        if not clip:
            optics = _optics(rng)
        view = crop_view(turn, *optics, jitter=_jitter(rng))
        moments.append(Moment(view, expression, _gaze(view, rng)))
    return moments


def crop_view(
    angles: np.ndarray,
    distance: float,
    off_axis: tuple[float, float] = (0.0, 0.0),
    jitter: tuple[float, float, float] = (0.0, 0.0, 1.0),
) -> View:
    """The camera of a face crop, as a detector would cut it.

    Args:
        angles: yaw to the subject's left, pitch up, roll; degrees.
        distance: from the camera to the head, mm.
        off_axis: tangents of the angles at which the head stands off the camera's axis.
        jitter: shift of the crop in shares of its side, right and down; gain of its side.
    """
    pose = np.eye(4)
    pose[:3, :3] = _FLIP @ rotation_of(angles)
    pose[:3, 3] = distance * np.array([*off_axis, 1.0])
    centre = pose[:3, :3] @ np.array(HAAR_CENTRE) + pose[:3, 3]
    side = HAAR_SIDE * CROP_SCALE * jitter[2] / centre[2]
    focal = CROP_SIZE / side
    middle = centre[:2] / centre[2] + side * np.array(jitter[:2])
    offset = CROP_SIZE / 2 - focal * middle
    return View(pose, np.array([[focal, 0.0, offset[0]], [0.0, focal, offset[1]], [0.0, 0.0, 1.0]]))


def rotation_of(angles: np.ndarray) -> np.ndarray:
    """R = R_z(roll) R_x(-pitch) R_y(yaw), degrees, of the head in its own axes: (3, 3)."""
    yaw, pitch, roll = np.radians(angles)
    (cy, sy), (cp, sp), (cr, sr) = ((np.cos(a), np.sin(a)) for a in (yaw, -pitch, roll))
    about_y = np.array([[cy, 0.0, sy], [0.0, 1.0, 0.0], [-sy, 0.0, cy]])
    about_x = np.array([[1.0, 0.0, 0.0], [0.0, cp, -sp], [0.0, sp, cp]])
    about_z = np.array([[cr, -sr, 0.0], [sr, cr, 0.0], [0.0, 0.0, 1.0]])
    return about_z @ about_x @ about_y


def _angles(rng: np.random.Generator) -> np.ndarray:
    """Yaw, pitch, roll in degrees; mostly towards the camera."""
    if rng.random() < 0.35:
        wide = rng.uniform(-1.0, 1.0, 3)
    else:
        wide = np.clip(rng.normal(0.0, [0.38, 0.35, 0.33]), -1.0, 1.0)
    return wide * [YAW, PITCH, ROLL]


def _clip_angles(frames: int, rng: np.random.Generator) -> np.ndarray:
    """A smooth swing between two poses and back, with a tremble, (frames, 3)."""
    first, last = _angles(rng), _angles(rng)
    t = 0.5 - 0.5 * np.cos(np.pi * (np.linspace(0.0, rng.uniform(0.4, 2.0), frames) + rng.uniform(0.0, 1.0)))
    path = first + t[:, None] * (last - first) + rng.normal(0.0, 1.5, (frames, 3))
    return np.clip(path, [-YAW, -PITCH, -ROLL], [YAW, PITCH, ROLL])


def _optics(rng: np.random.Generator) -> tuple[float, tuple[float, float]]:
    """Distance in mm (selfie to portrait) and place in the picture."""
    off = rng.normal(0.0, 0.12, 2)
    return float(np.exp(rng.uniform(np.log(380.0), np.log(2200.0)))), (float(off[0]), float(off[1]))


def _jitter(rng: np.random.Generator) -> tuple[float, float, float]:
    shift = rng.normal(0.0, 0.03, 2)
    return float(shift[0]), float(shift[1]), float(np.exp(rng.normal(-0.02, 0.10)))


def _gaze(view: View, rng: np.random.Generator) -> np.ndarray:
    """Both eyes on the camera, or elsewhere; no farther than eyes turn. (2, 3)."""
    camera = -view.pose[:3, :3].T @ view.pose[:3, 3]
    aim = camera / np.linalg.norm(camera) + rng.normal(0.0, 0.06, 3)
    if rng.random() < 0.35:
        aim = np.array([rng.normal(0.0, 0.25), rng.normal(0.0, 0.15), 1.0])
    aim[2] = max(aim[2], 0.3)
    across = aim[:2] / aim[2]
    across *= min(1.0, 0.45 / max(float(np.linalg.norm(across)), 1e-6))
    eyes = np.stack([np.append(across + [toe, 0.0], 1.0) for toe in (0.02, -0.02)])
    return eyes / np.linalg.norm(eyes, axis=1, keepdims=True)
