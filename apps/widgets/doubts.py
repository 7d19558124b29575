"""What to look at first: the least certain landmarks, and true ones that are not to be believed."""

from __future__ import annotations

from html import escape

from faceviz.display.readings import LandmarkTable
from faceviz.landmarks import NAMES

STYLE = """
:host { --soft: color-mix(in srgb, currentColor 74%, transparent); }
p { margin: 0; font-size: 12.5px; line-height: 17px; color: var(--soft); overflow: hidden; display: -webkit-box;
  -webkit-line-clamp: 2; -webkit-box-orient: vertical; }
b { font-weight: 600; color: currentColor; }
"""


def doubts(table: LandmarkTable) -> str:
    """Two lines of HTML; the first is empty without calibration, the second without truth."""
    lines = []
    if table.check:
        rows = {row.index: row for row in table.rows}
        told = ", ".join(f"{i} {NAMES[i]} \u00b1{rows[i].uncertainty:.1f} {table.unit}" for i in table.check)
        lines.append(_line("Check first", ", ".join(f"{i} {NAMES[i]}" for i in table.check), told))
    if table.whole:
        lines.append(_line("Truth suspect", table.whole, table.whole))
    elif table.suspects is not None:
        suspects = [row for row in table.rows if row.suspect]
        told = "; ".join(f"{row.index} {row.name} {row.suspect}" for row in suspects)
        said = told if suspects else "all 68 lie where the prediction allows"
        lines.append(_line(f"Truth: {len(suspects)} suspect" if suspects else "Truth", said, said))
    return "".join(lines)


def _line(name: str, said: str, title: str) -> str:
    return f'<p title="{escape(title, quote=True)}"><b>{name}</b> {escape(said)}</p>'
