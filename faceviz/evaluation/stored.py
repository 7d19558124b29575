"""Reports of evaluations, read back from JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from faceviz.errors import ConfigError
from faceviz.evaluation.report import EvaluationReport, ProtocolResult

_PROVENANCE = ("commit", "versions", "platform", "date")


def read_report(path: Path) -> EvaluationReport:
    """What ``EvaluationReport.to_json`` wrote, without the landmark errors, of which only the summary is kept.

    Raises:
        ConfigError: the file is missing or no such report.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        return EvaluationReport(
            data=values["data"],
            model=values["model"],
            protocols=tuple(_result(name, entry) for name, entry in values["protocols"].items()),
            thresholds=np.array(values["thresholds"]),
            landmark_errors=None,
            seed=values["seed"],
            seconds=values["seconds"],
            provenance={key: values[key] for key in _PROVENANCE},
            per_scan=tuple(values["per_scan"]),
        )
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(
            f"{path}: is no report of an evaluation; write one with `faceviz evaluate landmarks --json FILE`"
        ) from error


def _result(name: str, entry: dict[str, Any]) -> ProtocolResult:
    iou, curve = (_with_nan(entry[key]) for key in ("per_landmark", "curve"))
    return ProtocolResult(name, iou, curve, float(entry["invariance_error"]))


def _with_nan(values: list[Any]) -> np.ndarray:
    """Nested lists in which null stands for what is undefined."""
    return np.array(values, dtype=np.float64)
