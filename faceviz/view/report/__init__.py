"""The report of a session: pictures, figures, protocol, model card and how to repeat it, as PDF, HTML or JSON."""

from __future__ import annotations

from faceviz.view.report.content import Motions, ReportContent, measure_motions, report_content
from faceviz.view.report.writing import ENDINGS, check_ending, write_report

__all__ = [
    "ENDINGS",
    "Motions",
    "ReportContent",
    "check_ending",
    "measure_motions",
    "report_content",
    "write_report",
]
