"""Table 1 as Markdown, CSV, LaTeX and HTML: pure functions from a table to text.

Best values are overlined, worst ones underlined, as in Ferraretto (2024).
"""

from __future__ import annotations

import csv
import html
import io
import math
from collections.abc import Callable, Sequence
from pathlib import Path

from faceviz.evaluation.table import IouTable
from faceviz.landmarks import LANDMARK_COUNT, NAMES

_DIGITS = 3
_NONE = "–"
_OVER, _UNDER = "\u0305", "\u0332"  # combining lines, one after each character

_STYLE = """<style>
.iou { border-collapse: collapse; font: 14px/1.45 system-ui, sans-serif; font-variant-numeric: tabular-nums;
       color: #1c2330; background: #fff; }
.iou caption { text-align: left; padding: 0 0 .6em; color: #5b6575; max-width: 46em; }
.iou caption b { color: #1c2330; }
.iou th, .iou td { padding: .1em .8em; text-align: right; white-space: nowrap; }
.iou th:nth-child(2), .iou td:nth-child(2) { text-align: left; }
.iou thead th, .iou tfoot td { border-top: 1px solid; border-bottom: 1px solid; font-weight: 600; }
.iou .best { text-decoration: overline; font-weight: 600; }
.iou .worst { text-decoration: underline; font-weight: 600; }
@media (prefers-color-scheme: dark) {
  body { background: #1d222b; }
  .iou { color: #e9edf4; background: #1d222b; } .iou caption { color: #a3adbd; } .iou caption b { color: #e9edf4; }
}
</style>
"""


def write_tables(table: IouTable, stem: Path) -> list[Path]:
    """``STEM.md``, ``.csv``, ``.tex`` and ``.html``."""
    written = []
    for suffix, render in RENDERERS.items():
        path = stem.with_name(stem.name + suffix)
        path.write_text(render(table), encoding="utf-8")
        written.append(path)
    return written


def to_markdown(table: IouTable) -> str:
    """68 rows and the mean; lines above and below the digits by combining characters."""
    head = ["#", "landmark", *table.columns]
    lines = [
        f"**{table.name}**, IoU at 0.2. {_sentence(table.caption)} Best overlined, worst underlined.",
        "",
        _pipes(head),
        "|--:|:--|" + "--:|" * len(table.columns),
    ]
    for i in range(LANDMARK_COUNT):
        lines.append(_pipes([str(i), NAMES[i], *_cells(table, i, _over, _under)]))
    lines.append(_pipes(["", "**mean**", *(f"**{_number(x)}**" for x in table.means)]))
    return "\n".join(lines) + "\n"


def to_csv(table: IouTable) -> str:
    """Plain numbers, six digits; undefined ones are empty."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["landmark", "name", *table.columns])
    for i, row in enumerate(table.values):
        writer.writerow([i, NAMES[i], *(_plain(x) for x in row)])
    writer.writerow(["mean", "", *(_plain(x) for x in table.means)])
    return buffer.getvalue()


def to_latex(table: IouTable) -> str:
    """A ``table`` for the package booktabs."""
    columns = " & ".join(_tex(name) for name in table.columns)
    rows = [
        f"{i} & {_tex(NAMES[i])} & " + " & ".join(_cells(table, i, _tex_over, _tex_under)) + r" \\"
        for i in range(LANDMARK_COUNT)
    ]
    means = " & ".join(_number(x) for x in table.means)
    return "\n".join(
        [
            r"\begin{table}",
            rf"\caption{{{_tex(table.name)}: IoU at 0.2. {_tex(_sentence(table.caption))} "
            r"Best overlined, worst underlined.}",
            r"\begin{tabular}{rl" + "r" * len(table.columns) + "}",
            r"\toprule",
            rf"\# & landmark & {columns} \\",
            r"\midrule",
            *rows,
            r"\midrule",
            rf" & mean & {means} \\",
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
            "",
        ]
    )


def to_html(table: IouTable) -> str:
    """A page with one table and its style, light or dark as the reader's system is; nothing is loaded."""
    rows = []
    for i in range(LANDMARK_COUNT):
        cells = "".join(f"<td>{cell}</td>" for cell in _cells(table, i, _span("best"), _span("worst")))
        rows.append(f"<tr><td>{i}</td><td>{html.escape(NAMES[i])}</td>{cells}</tr>")
    heads = "".join(f"<th>{html.escape(name)}</th>" for name in table.columns)
    means = "".join(f"<td>{_number(x)}</td>" for x in table.means)
    caption = f"<b>{html.escape(table.name)}</b>, IoU at 0.2. {html.escape(_sentence(table.caption))}"
    return (
        f'<!DOCTYPE html>\n<meta charset="utf-8">\n<title>{html.escape(table.name)}</title>\n'
        f'{_STYLE}<table class="iou">\n<caption>{caption} Best overlined, worst underlined.</caption>\n'
        f"<thead><tr><th>#</th><th>landmark</th>{heads}</tr></thead>\n<tbody>\n"
        + "\n".join(rows)
        + f"\n</tbody>\n<tfoot><tr><td></td><td>mean</td>{means}</tr></tfoot>\n</table>\n"
    )


RENDERERS: dict[str, Callable[[IouTable], str]] = {
    ".md": to_markdown,
    ".csv": to_csv,
    ".tex": to_latex,
    ".html": to_html,
}


def means_markdown(tables: Sequence[IouTable]) -> str:
    """The means of several models, a row for each; the columns are those of the first."""
    columns = tables[0].columns
    lines = [_pipes(["IoU at 0.2, mean of 68", *columns]), "|:--|" + "--:|" * len(columns)]
    for table in tables:
        means = dict(zip(table.columns, table.means, strict=True))
        lines.append(_pipes([table.name, *(_number(means.get(name, math.nan)) for name in columns)]))
    return "\n".join(lines) + "\n"


def _cells(table: IouTable, row: int, over: Callable[[str], str], under: Callable[[str], str]) -> list[str]:
    cells = []
    for value, best, worst in zip(table.values[row], table.best, table.worst, strict=True):
        text = _number(value)
        cells.append(over(text) if row == best else under(text) if row == worst else text)
    return cells


def _number(value: float) -> str:
    return f"{value:.{_DIGITS}f}" if math.isfinite(value) else _NONE


def _plain(value: float) -> str:
    return f"{value:.6f}" if math.isfinite(value) else ""


def _over(text: str) -> str:
    return "".join(character + _OVER for character in text)


def _under(text: str) -> str:
    return "".join(character + _UNDER for character in text)


def _tex_over(text: str) -> str:
    return rf"$\overline{{{text}}}$"


def _tex_under(text: str) -> str:
    return rf"\underline{{{text}}}"


def _span(name: str) -> Callable[[str], str]:
    return lambda text: f'<span class="{name}">{text}</span>'


def _tex(text: str) -> str:
    special = {c: "\\" + c for c in "&%$#_{}"} | {"~": r"\textasciitilde{}", "\\": r"\textbackslash{}"}
    return "".join(special.get(character, character) for character in text)


def _pipes(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _sentence(text: str) -> str:
    text = text.strip().rstrip(".")
    return f"{text}." if text else ""
