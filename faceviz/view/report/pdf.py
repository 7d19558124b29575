"""The report as a PDF of A4 pages."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from faceviz import __version__
from faceviz.landmarks import LANDMARK_COUNT, NAMES, REGIONS, region_of
from faceviz.view.report.charts import draw_curves, draw_landmarks
from faceviz.view.report.content import ReportContent
from faceviz.view.report.markdown import Block, markdown_blocks
from faceviz.view.report.sheets import ACCENT, INNER, MARGIN, RULE, SOFT, WIDTH, Sheets

_ROW = 0.1315  # inches, so that 68 rows fill a page


def write_pdf(content: ReportContent, pictures: Sequence[np.ndarray], path: Path) -> None:
    """Writes the pages: summary and pictures, charts, the 68 landmarks, protocol and provenance, the model's card."""
    sheets = Sheets(f"faceviz {__version__}  \u00b7  {content.title}")
    _summary(sheets, content)
    for picture in pictures:
        sheets.picture(picture)
    _charts(sheets, content)
    _table(sheets, content)
    _protocol(sheets, content)
    _card(sheets, content.card)
    sheets.save(path, f"Landmark report: {content.title}")


def _summary(sheets: Sheets, content: ReportContent) -> None:
    sheets.y += 0.1
    sheets.write(MARGIN, sheets.y, "LANDMARK REPORT", size=8, colour=ACCENT, fontweight="bold")
    date = content.document.provenance.date[:10]
    sheets.write(WIDTH - MARGIN, sheets.y, date, size=8, colour=SOFT, ha="right")
    sheets.y += 0.34
    sheets.write(MARGIN, sheets.y, content.title[:60], size=20, fontweight="bold")
    sheets.y += 0.24
    model = content.document.views[0].model.name
    sheets.write(MARGIN, sheets.y, f"68 landmarks of a 3D face scan, found by {model}", size=10, colour=SOFT)
    sheets.y += 0.24
    figures = content.headline()
    width = (INNER - 0.12 * (len(figures) - 1)) / len(figures)
    for i, (name, value, note) in enumerate(figures):
        x = MARGIN + i * (width + 0.12)
        sheets.box(x, sheets.y, width, 0.86, "#f3f5f9")
        sheets.box(x, sheets.y, 0.035, 0.86, ACCENT)
        sheets.write(x + 0.14, sheets.y + 0.22, name, size=7.2, colour=SOFT)
        sheets.write(x + 0.14, sheets.y + 0.52, value, size=15, fontweight="bold")
        sheets.write(x + 0.14, sheets.y + 0.73, note, size=6.4, colour=SOFT)
    sheets.y += 1.0


def _charts(sheets: Sheets, content: ReportContent) -> None:
    sheets.turn()
    numbers = content.first
    if numbers.iou is not None:
        sheets.heading("IoU against the threshold")
        sheets.paragraph(
            "Mean over the landmarks whose IoU is defined; the dashed line marks the threshold of the table.",
            size=8, colour=SOFT,
        )  # fmt: skip
        sheets.y += 0.1
        draw_curves(sheets.axes(2.5), content)
        sheets.y += 0.5
        sheets.heading(f"IoU at {numbers.threshold:g} of each landmark")
        sheets.y += 0.3
        values = np.array([np.nan if value is None else value for value in numbers.iou])
        draw_landmarks(sheets.axes(1.9), values, "IoU", 1.0)
        sheets.y += 0.5
    if numbers.error is not None:
        sheets.heading("Distance to the truth")
        sheets.y += 0.3
        draw_landmarks(sheets.axes(1.9), np.array(numbers.error), f"error, {numbers.error_unit}")
    else:
        sheets.heading("Confidence of each landmark")
        sheets.y += 0.3
        draw_landmarks(sheets.axes(1.9), content.confidence, "highest heat", 1.0)


def _table(sheets: Sheets, content: ReportContent) -> None:
    sheets.turn()
    sheets.heading("The 68 landmarks")
    numbers, unit = content.first, content.document.scan.unit
    length, doubted = "" if unit == "unknown" else f", {unit}", content.uncertainty is not None
    heads = {
        "#": 0.28, "landmark": 0.42, "confidence": 2.9, f"IoU at {numbers.threshold:g}": 3.9,
        f"error, {numbers.error_unit}": 4.62, "\u00b1 mm" if doubted else "": 5.12,
        f"x{length}": 5.72, f"y{length}": 6.37, f"z{length}": 7.0,
    }  # fmt: skip
    sheets.y += 0.04
    for name, x in heads.items():
        sheets.write(
            MARGIN + x, sheets.y, name, size=7, colour=SOFT, ha="left" if name == "landmark" else "right"
        )
    sheets.rule()
    digits = content.digits
    for i in range(LANDMARK_COUNT):
        sheets.y += _ROW
        if list(REGIONS).index(region_of(i)) % 2:
            sheets.box(MARGIN, sheets.y - 0.102, INNER, _ROW, "#f5f7fa", zorder=-2)
        iou = None if numbers.iou is None else numbers.iou[i]
        error = None if numbers.error is None else numbers.error[i]
        if iou is not None:
            sheets.box(MARGIN + 3.0, sheets.y - 0.088, 0.5 * iou, 0.075, "#9db8ef", zorder=-1)
        doubt = "" if content.uncertainty is None else f"{content.uncertainty[i]:.1f}"
        place = [f"{value:.{digits}f}" for value in content.landmarks[i]]
        texts = [
            str(i),
            NAMES[i],
            f"{content.confidence[i]:.2f}",
            _text(iou, 3),
            _text(error, 2),
            doubt,
            *place,
        ]
        for text, (name, x) in zip(texts, heads.items(), strict=True):
            align = "left" if name == "landmark" else "right"
            sheets.write(MARGIN + x, sheets.y, text, size=7.2, ha=align)
    sheets.rule()
    sheets.y += 0.1
    means = ("mean", f"{content.confidence.mean():.2f}", _text(numbers.mean_iou, 3), _mean_error(content))
    for text, x in zip(means, (0.42, 2.9, 3.9, 4.62), strict=True):
        sheets.write(
            MARGIN + x, sheets.y, text, size=7.2, fontweight="bold", ha="left" if text == "mean" else "right"
        )


def _protocol(sheets: Sheets, content: ReportContent) -> None:
    sheets.turn()
    sheets.heading("Protocol and invariance")
    for sentence in content.protocol():
        sheets.paragraph(sentence)
    sheets.heading("Scan, model, machine")
    sheets.pairs(content.facts())
    sheets.heading("To make this report again")
    sheets.paragraph(content.command, family="mono", size=8.5)


def _card(sheets: Sheets, card: str) -> None:
    blocks = markdown_blocks(card)
    if not blocks:
        return
    sheets.heading("Model card")
    for block in blocks:
        if block.kind == "heading":
            sheets.heading(block.text, size=10.5)
        elif block.kind == "table":
            _grid(sheets, block)
        else:
            sheets.paragraph(
                block.text,
                size=8.5,
                indent=0.16 if block.kind == "bullet" else 0.0,
                bullet=block.kind == "bullet",
            )


def _grid(sheets: Sheets, block: Block) -> None:
    step = INNER / (len(block.rows[0]) + 1)
    for i, row in enumerate(block.rows):
        sheets.room(0.2)
        sheets.y += 0.16
        for j, cell in enumerate(row):
            x, align = (MARGIN, "left") if j == 0 else (MARGIN + (j + 1.9) * step, "right")
            sheets.write(
                x,
                sheets.y,
                cell,
                size=8,
                colour=SOFT if i == 0 else "#1c2330",
                ha="left" if j == 0 else "right",
            )
        if i == 0:
            sheets.box(MARGIN, sheets.y + 0.045, INNER, 0.008, RULE)
    sheets.y += 0.08


def _text(value: float | None, digits: int) -> str:
    return "\u2013" if value is None else f"{value:.{digits}f}"


def _mean_error(content: ReportContent) -> str:
    return "\u2013" if content.first.error is None else f"{np.mean(content.first.error):.2f}"
