"""Table 1 as data: IoU of 68 landmarks under the protocols, from a report or as published."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from faceviz.errors import ConfigError, ShapeError
from faceviz.evaluation.report import PUBLISHED_NOTE, EvaluationReport
from faceviz.landmarks import LANDMARK_COUNT

PUBLISHED = "SE3-Unet, as published"
_PUBLISHED_FILE = Path(__file__).with_name("published_iou.csv")


@dataclass(frozen=True, slots=True, eq=False)
class IouTable:
    """IoU at 0.2 of each landmark under each protocol.

    Args:
        name: of the model.
        columns: protocols, P of them.
        values: (68, P), NaN where undefined.
        caption: on what it was measured and how.
    """

    name: str
    columns: tuple[str, ...]
    values: np.ndarray
    caption: str = ""

    def __post_init__(self) -> None:
        if self.values.shape != (LANDMARK_COUNT, len(self.columns)):
            raise ShapeError(
                f"values must be ({LANDMARK_COUNT}, {len(self.columns)}), got {self.values.shape}"
            )

    @property
    def means(self) -> np.ndarray:
        """(P,) mean of the landmarks."""
        return np.array([_mean(column) for column in self.values.T])

    @property
    def best(self) -> tuple[int | None, ...]:
        """The landmark with the greatest IoU in each column; the first of equals; None where nothing is defined."""
        return tuple(_extreme(column, np.nanargmax) for column in self.values.T)

    @property
    def worst(self) -> tuple[int | None, ...]:
        """The landmark with the least IoU in each column."""
        return tuple(_extreme(column, np.nanargmin) for column in self.values.T)

    def column(self, protocol: str) -> np.ndarray:
        """(68,) of a protocol."""
        return self.values[:, self.columns.index(protocol)]


def report_table(report: EvaluationReport) -> IouTable:
    """Table 1 of an evaluation."""
    values = np.stack([result.iou for result in report.protocols], axis=1)
    names = tuple(result.name for result in report.protocols)
    return IouTable(report.model["name"], names, values, _caption(report.to_dict()))


def json_table(report: Mapping[str, Any]) -> IouTable:
    """Table 1 of an evaluation that was written as JSON.

    Raises:
        ConfigError: it is no such report.
    """
    try:
        columns = report["protocols"]
        values = [[np.nan if x is None else x for x in column["per_landmark"]] for column in columns.values()]
        return IouTable(
            report["model"]["name"], tuple(columns), np.array(values, dtype=float).T, _caption(report)
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ConfigError(
            f"this is no report of an evaluation ({type(error).__name__}: {error}); write one with "
            "`faceviz evaluate landmarks --json FILE`"
        ) from error


def published_table() -> IouTable:
    """Table 1 of Ferraretto (2024), from the results beside its public code (four digits)."""
    with _PUBLISHED_FILE.open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    values = np.array([[float(x) for x in row[1:]] for row in rows[1:]])
    return IouTable(PUBLISHED, tuple(rows[0][1:]), values, PUBLISHED_NOTE)


def _caption(report: Mapping[str, Any]) -> str:
    sha256, commit = report["model"].get("sha256") or "none", report.get("commit") or "none"
    return (
        f"{report['data']['description']}; seed {report['seed']}, weights {sha256[:12]}, commit {commit[:10]}"
    )


def _mean(column: np.ndarray) -> float:
    return float(np.nanmean(column)) if np.isfinite(column).any() else float("nan")


def _extreme(column: np.ndarray, pick: Any) -> int | None:
    return int(pick(column)) if np.isfinite(column).any() else None
