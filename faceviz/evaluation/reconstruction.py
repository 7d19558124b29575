"""How good a reconstruction is: against its truth, against the mean face, against the number and order of images."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.spatial import cKDTree

from faceviz.errors import ConfigError
from faceviz.evaluation.provenance import provenance
from faceviz.evaluation.reconstruction_report import MeanFaceErrors, ReconstructionReport, SubjectResult
from faceviz.geometry.alignment import icp, procrustes
from faceviz.reconstruct import FaceReconstructor

#: Images that the figures of a table are made with, as in the report; how far the error is followed; orders tried.
IMAGES, MOST_IMAGES, ORDERS = 8, 16, 10
_CURVE_ORDERS = 3
_ICP_STEPS = 100


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """One person to reconstruct.

    Attributes:
        images: (H, W, 3) uint8 RGB each.
        truth: (N, 3) neutral face; mm where it corresponds.
        corresponds: point i is that of the geometry image.
        cropped: the images are face crops.
        name: for the report.
    """

    images: list[np.ndarray]
    truth: np.ndarray
    corresponds: bool
    cropped: bool
    name: str


@dataclass(slots=True, eq=False)
class _Gathered:
    results: list[SubjectResult] = field(default_factory=list)
    curves: list[np.ndarray] = field(default_factory=list)  # (orders, n) mm
    examples: list[tuple[list[np.ndarray], np.ndarray, np.ndarray]] = field(default_factory=list)


def evaluate_reconstruction(
    subjects: Iterable[Subject],
    reconstructor: FaceReconstructor,
    *,
    data: dict[str, Any] | None = None,
    images: int = IMAGES,
    orders: int = ORDERS,
    examples: int = 3,
    seed: int = 0,
    progress: Callable[[int], None] | None = None,
) -> ReconstructionReport:
    """Reconstruct every subject and compare with the truth.

    Args:
        subjects: with their truths.
        reconstructor: is reset for each.
        data: what the subjects are (``spec``, ``description``), for the report.
        images: that the figures are made with; the curve goes to twice as many where there are so many.
        orders: in which the images are shown to measure the spread.
        examples: subjects whose pictures are kept.
        seed: of the orders.
        progress: called with the number of subjects done.

    Raises:
        ConfigError: there is no subject, or in none a face was found.
    """
    started, gathered, mean = time.perf_counter(), _Gathered(), reconstructor.mean_points
    count = 0
    for count, subject in enumerate(subjects, start=1):
        rng = np.random.default_rng(np.random.SeedSequence([seed, count]))
        _measure(subject, reconstructor, mean, gathered, images, orders, examples, rng)
        if progress:
            progress(count)
    if not count:
        raise ConfigError("there are no subjects to evaluate")
    if all(result.nme is None for result in gathered.results):
        raise ConfigError("in no image of any subject a face was found")
    return ReconstructionReport(
        data={"spec": None, "description": "subjects", **(data or {}), "subjects": count},
        model={
            "name": reconstructor.name,
            "sha256": reconstructor.description.get("sha256"),
            "architecture": reconstructor.description.get("architecture"),
        },
        images=images,
        orders=orders,
        subjects=tuple(gathered.results),
        curves=tuple(gathered.curves),
        examples=tuple(gathered.examples),
        seed=seed,
        seconds=time.perf_counter() - started,
        provenance=provenance(),
    )


def _measure(
    subject: Subject,
    reconstructor: FaceReconstructor,
    mean: np.ndarray,
    gathered: _Gathered,
    images: int,
    orders: int,
    examples: int,
    rng: np.random.Generator,
) -> None:
    first = np.arange(min(images, len(subject.images)))
    faces = _faces(reconstructor, subject, first)
    if not faces:
        gathered.results.append(SubjectResult(subject.name))
        return
    final = faces[-1]
    nme_mean = normalised_mean_error(mean, subject.truth)
    if not subject.corresponds:
        nme = normalised_mean_error(final, subject.truth)
        gathered.results.append(
            SubjectResult(subject.name, nme=nme, mean_face=MeanFaceErrors(nme_mean), images=len(faces))
        )
        return
    endings = [final] + [
        _faces(reconstructor, subject, rng.permutation(first))[-1] for _ in range(orders - 1)
    ]
    shuffled = [point_error(face, subject.truth) for face in endings]
    gathered.results.append(
        SubjectResult(
            subject.name,
            nme=normalised_mean_error(final, subject.truth),
            point_error_mm=shuffled[0],
            rigid_error_mm=point_error(final, subject.truth, scaled=False),
            order_spread=float(np.std(shuffled) / np.mean(shuffled)),
            mean_face=MeanFaceErrors(
                nme_mean, point_error(mean, subject.truth), point_error(mean, subject.truth, scaled=False)
            ),
            images=len(faces),
        )
    )
    gathered.curves.append(_curve(reconstructor, subject, images, rng))
    if len(gathered.examples) < examples:
        kept = [subject.images[i] for i in first]
        gathered.examples.append((kept, aligned(final, subject.truth), subject.truth))


def _curve(
    reconstructor: FaceReconstructor, subject: Subject, images: int, rng: np.random.Generator
) -> np.ndarray:
    """Point error (orders, n) mm after each of the first n images, in several orders of all of them."""
    most = min(2 * images, len(subject.images))
    rows = []
    for _ in range(_CURVE_ORDERS):
        order = rng.permutation(len(subject.images))[:most]
        faces = _faces(reconstructor, subject, order)
        rows.append([point_error(face, subject.truth) for face in faces])
    shortest = min(map(len, rows))
    return np.array([row[:shortest] for row in rows])


def _faces(reconstructor: FaceReconstructor, subject: Subject, order: np.ndarray) -> list[np.ndarray]:
    """The face after each image in which one was found."""
    reconstructor.reset()
    steps = [reconstructor.update(subject.images[i], cropped=subject.cropped) for i in order]
    return [step.points for step in steps if step.change is not None]


def aligned(points: np.ndarray, truth: np.ndarray, *, scaled: bool = True) -> np.ndarray:
    """Corresponding points (N, 3) turned and shifted onto the truth, and scaled to its size unless told not to."""
    centre, goal = points.mean(axis=0), truth.mean(axis=0)
    motion = procrustes(points - centre, truth - goal)
    turned = motion.apply(points - centre)
    scale = float((turned * (truth - goal)).sum() / (turned**2).sum()) if scaled else 1.0
    return goal + scale * turned


def point_error(points: np.ndarray, truth: np.ndarray, *, scaled: bool = True) -> float:
    """Mean distance of corresponding points after `aligned`, in their unit. Lower is better."""
    return float(np.linalg.norm(aligned(points, truth, scaled=scaled) - truth, axis=1).mean())


def normalised_mean_error(points: np.ndarray, truth: np.ndarray) -> float:
    """Mean distance to the nearest true point over the diagonal of the truth's bounding box, after ICP.

    As in the report (Thomassen 2022): both clouds are centred and scaled so that the farthest point has distance 1,
    then point-to-point ICP without a limit of distance. It flatters: the mean face scores well too. Lower is better.
    """
    points, truth = _normalised(points), _normalised(truth)
    diagonal = float(np.linalg.norm(truth.max(axis=0) - truth.min(axis=0)))
    found = icp(points, truth, threshold=diagonal, max_iterations=_ICP_STEPS)
    distance, _ = cKDTree(truth).query(found.transform.apply(points))
    return float(distance.mean() / diagonal)


def _normalised(points: np.ndarray) -> np.ndarray:
    offset = points - points.mean(axis=0)
    return offset / np.linalg.norm(offset, axis=1).max()
