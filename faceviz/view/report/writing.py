"""A report to a file, its form by the ending."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from faceviz.io import files
from faceviz.view.report.content import ReportContent

ENDINGS = (".html", ".pdf")


def check_ending(path: str | os.PathLike[str]) -> str:
    """The form of a report by its file's name.

    Raises:
        FileFormatError: none that can be written.
    """
    return files.check_ending(path, ENDINGS, "a report is a .pdf or an .html")


def write_report(
    path: str | os.PathLike[str],
    content: ReportContent,
    *,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> None:
    """Writes the report; a page of HTML holds its pictures, the viewer and the scene, and loads nothing.

    Args:
        path: ends in .pdf or .html; it is left incomplete where an error ends the work: write to a scratch path.
        content: what it says.
        progress: called with the pictures drawn and their number.

    Raises:
        FileFormatError: another ending.
    """
    ending, path = check_ending(path), Path(path)
    pictures = content.pictures(progress)
    if ending == ".pdf":
        from faceviz.view.report.pdf import write_pdf

        write_pdf(content, pictures, path)
        return
    from faceviz.view.report.page import report_html

    path.write_text(report_html(content, pictures), encoding="utf-8")
