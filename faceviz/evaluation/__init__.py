"""The protocols behind the tables: scans and a predictor in, an EvaluationReport out."""

from __future__ import annotations

from faceviz.evaluation.landmarks import evaluate_landmarks
from faceviz.evaluation.protocols import PROTOCOLS, Protocol
from faceviz.evaluation.report import EvaluationReport, ProtocolResult
from faceviz.evaluation.sources import DataSource, open_data

__all__ = [
    "PROTOCOLS",
    "DataSource",
    "EvaluationReport",
    "Protocol",
    "ProtocolResult",
    "evaluate_landmarks",
    "open_data",
]
