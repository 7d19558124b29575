"""The result of an evaluation: frozen, written as strict JSON, shown as a table."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from faceviz.errors import counted
from faceviz.evaluation.groups import GroupFigures, group_figures
from faceviz.landmarks import INNER, NAMES, REGIONS

if TYPE_CHECKING:
    from rich.table import Table

#: Table 1 of "SE3-Unet" (Ferraretto, 2024), measured on 167 FaceScape scans: mean, least, greatest of the 68 landmarks.
PUBLISHED_IOU: dict[str, tuple[float, float, float]] = {
    "none": (0.520, 0.369, 0.688),
    "icp_r": (0.507, 0.350, 0.674),
    "icp_t": (0.503, 0.335, 0.680),
    "icp_rt": (0.508, 0.350, 0.682),
    "st_r": (0.022, 0.004, 0.052),
    "st_t": (0.013, 0.001, 0.050),
    "st_rt": (0.004, 0.000, 0.024),
}
PUBLISHED_NOTE = (
    "Published row: SE3-Unet (Ferraretto, 2024), Table 1, on FaceScape, which is other data than ours."
)


@dataclass(frozen=True, slots=True, eq=False)
class ProtocolResult:
    """One column of the table.

    Attributes:
        iou: (68,) IoU at 0.2 per landmark, mean over the scans.
        curve: (T, 68) the same at each threshold of the report.
        invariance_error: largest change of any heatmap value against ``none``, over all scans.
    """

    name: str
    iou: np.ndarray
    curve: np.ndarray
    invariance_error: float

    @property
    def mean(self) -> float:
        return float(np.nanmean(self.iou))

    @property
    def worst(self) -> int:
        """Index of the landmark with the least IoU."""
        return int(np.nanargmin(self.iou))

    @property
    def best(self) -> int:
        return int(np.nanargmax(self.iou))


@dataclass(frozen=True, slots=True, eq=False)
class LandmarkErrors:
    """Distances between predicted and true landmarks, through the whole predictor, scans in their own pose.

    Attributes:
        errors: (S, 68), in ``unit``; NaN in the rows of scans in which no face was found, and where there is no truth.
        unit: ``"mm"``, or ``"radii"`` where the scans' unit is unknown.
        region_iou: (S, 68), IoU at 0.2 of the heat on the face region that the predictor chose; NaN where undefined.
    """

    errors: np.ndarray
    unit: str
    region_iou: np.ndarray

    def summary(self) -> dict[str, Any]:
        """Medians and means over the scans with a face found, and how many scans had none."""
        found = self.errors[np.isfinite(self.errors).any(axis=1)]
        inner = _defined(found[:, list(INNER)])
        return {
            "unit": self.unit,
            "median": _median(_defined(found)),
            "mean": _mean(_defined(found)),
            "inner_median": _median(inner),
            "inner_mean": _mean(inner),
            "per_landmark_mean": [_mean(_defined(column)) for column in found.T],
            "landmarks_measured": int(np.isfinite(found).sum()),
            "no_face_found": len(self.errors) - len(found),
            "region_iou": _mean(_defined(self.region_iou)),
        }


@dataclass(frozen=True, slots=True, eq=False)
class EvaluationReport:
    """All that one evaluation measured, and what it takes to repeat it."""

    data: dict[str, Any]  # spec, description, scans
    model: dict[str, Any]  # name, sha256, device
    protocols: tuple[ProtocolResult, ...]
    thresholds: np.ndarray  # (T,)
    landmark_errors: LandmarkErrors | None
    seed: int
    seconds: float
    provenance: dict[str, Any]  # commit, versions, date, platform
    per_scan: tuple[
        dict[str, Any], ...
    ] = ()  # source, mean IoU as it is, median error of the inner 51 in its unit

    def __getitem__(self, protocol: str) -> ProtocolResult:
        return next(result for result in self.protocols if result.name == protocol)

    @property
    def invariance_error(self) -> float:
        """The largest change of any heatmap value under any protocol."""
        return max(result.invariance_error for result in self.protocols)

    @property
    def groups(self) -> dict[str, dict[str, GroupFigures]]:
        """Figures for each crop and each head of synthetic scans."""
        return group_figures(self.per_scan, self.landmark_errors.errors if self.landmark_errors else None)

    def to_dict(self) -> dict[str, Any]:
        return {
            "data": self.data,
            "model": self.model,
            "metric": "IoU of h >= 0.2 per landmark, mean over scans; higher is better",
            "protocols": {result.name: _protocol_dict(result) for result in self.protocols},
            "thresholds": [float(t) for t in self.thresholds],
            "invariance_error": self.invariance_error,
            "landmark_error": self.landmark_errors.summary() if self.landmark_errors else None,
            "published": {
                "note": PUBLISHED_NOTE,
                "iou": {
                    name: dict(zip(("mean", "min", "max"), row, strict=True))
                    for name, row in PUBLISHED_IOU.items()
                },
            },
            "groups": {
                kind: {name: asdict(figures) for name, figures in groups.items()}
                for kind, groups in self.groups.items()
            },
            "per_scan": list(self.per_scan),
            "seed": self.seed,
            "seconds": round(self.seconds, 2),
            **self.provenance,
        }

    def to_json(self) -> str:
        """Strict JSON: what is undefined is null, never NaN."""
        return json.dumps(_without_nan(self.to_dict()), indent=1, allow_nan=False) + "\n"

    def to_table(self) -> Table:
        """Our columns beside the published ones, for a terminal."""
        from rich.table import Table

        table = Table(
            title=f"IoU at 0.2, mean of 68 landmarks: {self.model['name']} on {self.data['description']}"
        )
        table.add_column("", no_wrap=True)
        for result in self.protocols:
            table.add_column(result.name, justify="right")
        table.add_row("mean", *(f"[bold]{r.mean:.3f}[/bold]" for r in self.protocols))
        table.add_row("worst (landmark)", *(f"{r.iou[r.worst]:.3f} ({r.worst})" for r in self.protocols))
        table.add_row("best (landmark)", *(f"{r.iou[r.best]:.3f} ({r.best})" for r in self.protocols))
        table.add_row("largest change", *(f"{r.invariance_error:.1e}" for r in self.protocols))
        table.add_row("published mean*", *(f"{PUBLISHED_IOU[r.name][0]:.3f}" for r in self.protocols))
        table.add_row(
            "published range*", *("{1:.3f}-{2:.3f}".format(*PUBLISHED_IOU[r.name]) for r in self.protocols)
        )
        table.caption = f"* {PUBLISHED_NOTE}"
        return table

    def to_group_table(self) -> Table | None:
        """Figures by crop and by head, for a terminal; None where the scans name neither."""
        from rich.table import Table

        if not self.groups:
            return None
        unit = self.landmark_errors.unit if self.landmark_errors else "mm"
        table = Table(title="By kind of scan, as it is")
        for name in ("", "scans", "IoU at 0.2", f"inner 51 median, {unit}", "no face found"):
            table.add_column(name, justify="right" if name else "left")
        for kind, groups in self.groups.items():
            for name, row in groups.items():
                error = "" if row.inner_median is None else f"{row.inner_median:.2f}"
                missed = "" if row.no_face is None else str(row.no_face)
                table.add_row(f"{kind} {name}", str(row.scans), f"{row.iou:.3f}", error, missed)
            table.add_section()
        return table

    def to_sentences(self) -> list[str]:
        """Landmark errors, worst landmarks and time, one line each."""
        lines = []
        if self.landmark_errors:
            lines += _error_sentences(self.landmark_errors.summary(), len(self.landmark_errors.errors))
        first = self.protocols[0]
        inner, jaw = first.iou[list(INNER)], first.iou[list(REGIONS["jaw"])]
        lines.append(f"IoU under {first.name}: inner 51 {np.nanmean(inner):.3f}, jaw {np.nanmean(jaw):.3f}")
        worst = np.argsort(first.iou)[:5]
        lines.append(
            f"Worst under {first.name}: " + ", ".join(f"{i} {NAMES[i]} {first.iou[i]:.3f}" for i in worst)
        )
        left_out = self.data.get("left_out")
        if left_out:
            lines.append(f"Left out for want of true landmarks: {len(left_out)} ({', '.join(left_out[:5])})")
        lines.append(f"{counted(self.data['scans'], 'scan')}, seed {self.seed}, {self.seconds:.0f} s")
        return lines


def _error_sentences(error: dict[str, Any], scans: int) -> list[str]:
    missed = error["no_face_found"]
    lines = [f"No face found in {missed} of {scans} scans; landmark errors leave them out"] if missed else []
    if missed < scans:
        lines.append(
            f"Landmark error, {error['unit']}: median {error['median']:.2f}, mean {error['mean']:.2f}; "
            f"inner 51: median {error['inner_median']:.2f}, mean {error['inner_mean']:.2f}"
        )
        if math.isfinite(error["region_iou"]):
            lines.append(f"IoU at 0.2 on the face region that the predictor finds: {error['region_iou']:.3f}")
    return lines


def _protocol_dict(result: ProtocolResult) -> dict[str, Any]:
    return {
        "mean": result.mean,
        "best": {"landmark": result.best, "name": NAMES[result.best], "iou": float(result.iou[result.best])},
        "worst": {
            "landmark": result.worst,
            "name": NAMES[result.worst],
            "iou": float(result.iou[result.worst]),
        },
        "per_landmark": [float(x) for x in result.iou],
        "curve_mean": [float(x) for x in _row_means(result.curve)],
        "curve": np.round(result.curve, 5).tolist(),
        "invariance_error": result.invariance_error,
    }


def _defined(values: np.ndarray) -> np.ndarray:
    return values[np.isfinite(values)]


def _median(values: np.ndarray) -> float:
    return float(np.median(values)) if values.size else float("nan")


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if values.size else float("nan")


def _row_means(curve: np.ndarray) -> np.ndarray:
    """Mean over the landmarks at each threshold; NaN where none is defined."""
    defined = np.isfinite(curve)
    return np.where(
        defined.any(axis=1), np.nan_to_num(curve).sum(axis=1) / np.maximum(defined.sum(axis=1), 1), np.nan
    )


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
