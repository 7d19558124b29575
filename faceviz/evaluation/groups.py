"""Figures by kind of scan: synthetic ones name their head and their crop."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from faceviz.landmarks import INNER

_SOURCE = re.compile(r"synth:(?P<head>\w+):id\d+:crop=(?P<crop>\w+)")
KINDS = ("crop", "head")


@dataclass(frozen=True, slots=True)
class GroupFigures:
    """What was measured on the scans of one group.

    Attributes:
        scans: how many.
        iou: mean IoU at 0.2 of the scans as they are.
        inner_median: error of the inner 51 landmarks, the median over scans and landmarks; None where not measured.
        no_face: scans in which none was found; None where not measured.
    """

    scans: int
    iou: float
    inner_median: float | None
    no_face: int | None


def group_figures(
    per_scan: Sequence[dict[str, Any]], errors: np.ndarray | None
) -> dict[str, dict[str, GroupFigures]]:
    """Figures for each crop and each head, most scans first; empty where no source names them.

    Args:
        per_scan: ``source`` and ``iou`` of each of S scans.
        errors: (S, 68) landmark errors, NaN where undefined; None if not measured.
    """
    found = [_SOURCE.search(entry["source"]) for entry in per_scan]
    groups: dict[str, dict[str, GroupFigures]] = {}
    for kind in KINDS:
        names = [match[kind] if match else None for match in found]
        members = {
            name: [i for i, other in enumerate(names) if other == name]
            for name in dict.fromkeys(names)
            if name
        }
        ordered = sorted(members.items(), key=lambda item: (-len(item[1]), item[0]))
        groups[kind] = {name: _figures(per_scan, errors, rows) for name, rows in ordered}
    return {kind: figures for kind, figures in groups.items() if figures}


def _figures(per_scan: Sequence[dict[str, Any]], errors: np.ndarray | None, rows: list[int]) -> GroupFigures:
    iou = float(np.nanmean([per_scan[i]["iou"] for i in rows]))
    if errors is None:
        return GroupFigures(len(rows), iou, None, None)
    defined = np.isfinite(errors[rows])
    inner = errors[rows][:, list(INNER)]
    inner = inner[np.isfinite(inner)]
    median = float(np.median(inner)) if inner.size else float("nan")
    return GroupFigures(len(rows), iou, median, int((~defined.any(axis=1)).sum()))
