"""The result of evaluating a reconstruction: frozen, written as strict JSON, shown as a table."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from faceviz.errors import counted

if TYPE_CHECKING:
    from rich.table import Table

#: Table 2 of "3D Face Reconstruction Using Facial Image Sequences" (Thomassen, 2022), NME on BU-4DFE.
PUBLISHED_NME: dict[str, dict[str, float]] = {
    "training": {"train": 0.0034, "test": 0.0258},
    "validation": {"train": 0.0150, "test": 0.0156},
}
PUBLISHED_NOTE = "Published: Thomassen (2022), Table 2, on BU-4DFE, which is other data than ours."


@dataclass(frozen=True, slots=True)
class MeanFaceErrors:
    """What the face that is meant before any image would have had."""

    nme: float
    point_error_mm: float | None = None
    rigid_error_mm: float | None = None


@dataclass(frozen=True, slots=True)
class SubjectResult:
    """One person; None where it cannot be said: no face was found, or the truth does not correspond.

    Attributes:
        nme: after ICP, over the diagonal of the truth.
        point_error_mm: of corresponding points, pose and size apart; ``rigid_error_mm`` pose apart alone.
        order_spread: standard deviation of the point error over orders of the images, in shares of its mean.
        images: in which a face was found.
    """

    name: str
    nme: float | None = None
    point_error_mm: float | None = None
    rigid_error_mm: float | None = None
    order_spread: float | None = None
    mean_face: MeanFaceErrors | None = None
    images: int = 0


@dataclass(frozen=True, eq=False)
class ReconstructionReport:
    """All that one evaluation measured, and what it takes to repeat it."""

    data: dict[str, Any]  # spec, description, subjects
    model: dict[str, Any]  # name, sha256, architecture
    images: int
    orders: int
    subjects: tuple[SubjectResult, ...]
    curves: tuple[np.ndarray, ...]  # (orders, n) mm of each subject
    examples: tuple[tuple[list[np.ndarray], np.ndarray, np.ndarray], ...]  # images, prediction, truth
    seed: int
    seconds: float
    provenance: dict[str, Any]

    @property
    def nme(self) -> float | None:
        return self._mean("nme")

    @property
    def point_error_mm(self) -> float | None:
        return self._mean("point_error_mm")

    @property
    def rigid_error_mm(self) -> float | None:
        return self._mean("rigid_error_mm")

    @property
    def order_spread(self) -> float | None:
        return self._mean("order_spread")

    @cached_property
    def mean_face(self) -> dict[str, float | None]:
        """The same errors of the mean face."""
        faces = [subject.mean_face for subject in self.subjects if subject.mean_face]
        return {name: _mean([getattr(face, name) for face in faces]) for name in MeanFaceErrors.__slots__}

    @cached_property
    def by_images(self) -> list[float]:
        """Mean point error in mm after 1, 2, ... images."""
        return [float(np.mean([curve[:, i].mean() for curve in self._long])) for i in range(self._length)]

    @cached_property
    def by_images_spread(self) -> list[float]:
        """Standard deviation over orders, mean over subjects, mm."""
        return [float(np.mean([curve[:, i].std() for curve in self._long])) for i in range(self._length)]

    @property
    def gain_by_image(self) -> list[float]:
        """What each image after the first took off the error, mm."""
        return [before - after for before, after in zip(self.by_images, self.by_images[1:], strict=False)]

    @cached_property
    def _length(self) -> int:
        return int(np.median([curve.shape[1] for curve in self.curves])) if self.curves else 0

    @cached_property
    def _long(self) -> list[np.ndarray]:
        return [curve for curve in self.curves if curve.shape[1] >= self._length]

    def _mean(self, name: str) -> float | None:
        return _mean([getattr(subject, name) for subject in self.subjects])

    def to_dict(self) -> dict[str, Any]:
        return {
            "data": self.data,
            "model": self.model,
            "metric": "nme after ICP, mean distance of corresponding points in mm; lower is better",
            "images": self.images,
            "nme": self.nme,
            "point_error_mm": self.point_error_mm,
            "rigid_error_mm": self.rigid_error_mm,
            "mean_face": self.mean_face,
            "by_images": self.by_images,
            "by_images_spread": self.by_images_spread,
            "gain_by_image": self.gain_by_image,
            "order_spread": self.order_spread,
            "orders": self.orders,
            "no_face_found": sum(subject.nme is None for subject in self.subjects),
            "published": {"note": PUBLISHED_NOTE, "nme": PUBLISHED_NME},
            "per_subject": [asdict(subject) for subject in self.subjects],
            "seed": self.seed,
            "seconds": round(self.seconds, 2),
            **self.provenance,
        }

    def to_json(self) -> str:
        """Strict JSON: what cannot be said is null."""
        return json.dumps(self.to_dict(), indent=1, allow_nan=False) + "\n"

    def to_table(self) -> Table:
        """Our figures beside the mean face's, for a terminal."""
        from rich.table import Table

        table = Table(
            "",
            "NME",
            "points, mm",
            "points, mm, size counted",
            title=f"{self.model['name']} on {self.data['description']}, {counted(self.images, 'image')}",
        )
        for column in table.columns[1:]:
            column.justify = "right"
        mean = self.mean_face
        table.add_row(
            self.model["name"], *_cells(self.nme, self.point_error_mm, self.rigid_error_mm), style="bold"
        )
        table.add_row("mean face", *_cells(mean["nme"], mean["point_error_mm"], mean["rigid_error_mm"]))
        for model, row in PUBLISHED_NME.items():
            table.add_row(f"published*, {model} model", f"{row['test']:.4f}", "", "")
        table.caption = f"* {PUBLISHED_NOTE} Test data."
        return table

    def to_sentences(self) -> list[str]:
        """What the table does not hold, one line each."""
        lines = []
        if self.point_error_mm is not None and self.mean_face["point_error_mm"]:
            share = self.point_error_mm / self.mean_face["point_error_mm"]
            lines.append(f"The error of corresponding points is {share:.2f} of the mean face's")
        if self.by_images:
            steps = ", ".join(f"{i + 1}: {error:.2f}" for i, error in enumerate(self.by_images))
            lines.append(f"By images, mm: {steps}")
        if self.order_spread is not None:
            lines.append(
                f"Spread over {self.orders} orders of the images: {100 * self.order_spread:.1f} % of the error"
            )
        missed = [subject.name for subject in self.subjects if subject.nme is None]
        if missed:
            lines.append(
                f"No face found in any image of {counted(len(missed), 'subject')} ({', '.join(missed[:5])})"
            )
        lines.append(f"{counted(len(self.subjects), 'subject')}, seed {self.seed}, {self.seconds:.0f} s")
        return lines


def table2(reports: dict[str, dict[str, ReconstructionReport]]) -> Table:
    """NME in the layout of the report's Table 2: model kept by training or validation loss, by data set."""
    from rich.table import Table

    columns = list(dict.fromkeys(name for row in reports.values() for name in row))
    table = Table("NME", *columns, *(f"published*, {name}" for name in ("train", "test")))
    for model, row in reports.items():
        published = PUBLISHED_NME.get(model, {})
        ours = [_cells(row[name].nme)[0] if name in row else "" for name in columns]
        table.add_row(
            f"{model} model",
            *ours,
            *(f"{published[name]:.4f}" if name in published else "" for name in ("train", "test")),
        )
    means = [next(iter(r[name] for r in reports.values() if name in r)).mean_face["nme"] for name in columns]
    table.add_row("mean face", *_cells(*means, digits=[4] * len(means)), "", "")
    table.caption = f"* {PUBLISHED_NOTE}"
    return table


def _cells(*values: float | None, digits: list[int] | None = None) -> list[str]:
    digits = digits or [4, 2, 2]
    return ["" if x is None else f"{x:.{d}f}" for x, d in zip(values, digits, strict=False)]


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None
