"""Numbers as small pieces of HTML, coloured by the page's own theme."""

from __future__ import annotations

import math
from collections.abc import Sequence

from faceviz.display.readings import ROUNDING, LandmarkTable, log_fraction
from faceviz.display.state import Moved

_LOW, _HIGH = 1e-9, 1.0
_GOOD, _FAIR, _BAD = "#2e9e6b", "#d99a1c", "#d6453d"

STYLE = """
:host {
  --line: color-mix(in srgb, currentColor 16%, transparent);
  --soft: color-mix(in srgb, currentColor 68%, transparent);
}
.tile { height: 100%; box-sizing: border-box; padding: 8px 13px; border: 1px solid var(--line); border-radius: 8px; }
.tile .name, .tile .note { font-size: 12px; line-height: 18px; color: var(--soft); white-space: nowrap;
  overflow: hidden; text-overflow: ellipsis; }
.tile .value { font-size: 21px; line-height: 30px; font-weight: 600; font-variant-numeric: tabular-nums;
  white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
.tile .value small { font-size: 12.5px; font-weight: 400; color: var(--soft); }
.tile .value sup { font-size: 13px; line-height: 0; }
:host { container-type: inline-size; }
@container (max-width: 160px) {
  .tile { padding: 8px 7px; }
  .tile .value { font-size: 17px; }
}
@container (max-width: 90px) {
  .tile .value { font-size: 14px; }
  .tile .value small { font-size: 10px; }
}
.scale { position: relative; height: 6px; margin-top: 3px; border-radius: 3px;
  background: linear-gradient(90deg, #2e9e6b 0 44.4%, #d99a1c 44.4% 66.7%, #d6453d 66.7%); }
.scale i { position: absolute; top: -4px; width: 4px; height: 14px; margin-left: -2px; border-radius: 2px;
  background: currentColor; transition: left .12s; }
.scale b { position: absolute; top: -2px; width: 2px; height: 10px; margin-left: -1px; background: currentColor;
  opacity: .55; }
.ticks { position: relative; height: 12px; margin-top: 3px; font-size: 10px; line-height: 12px; color: var(--soft); }
.ticks sup { font-size: 8px; line-height: 0; }
.ticks span { position: absolute; transform: translateX(-50%); }
.ticks span:first-child { transform: none; }
.ticks span:last-child { transform: translateX(-100%); }
"""

_NO_TRUTH = "no truth given"
_TITLE = "Change of the heat by this motion"


def meter(change: float | None, worst: float, moves: int) -> str:
    """The live equivariance meter: the largest change of any heat value against the unmoved scan, on a log scale."""
    if change is None:
        return tile(_TITLE, "\u2013", "move the scan; its heat should not change")
    colour, verdict = _verdict(change)
    seen = f"worst of {moves} {'motion' if moves == 1 else 'motions'} of this scan: {worst:.1e}"
    marks = "".join(
        f'<span style="left:{_percent(10.0**e)}%">10<sup>{e}</sup></span>' for e in range(-9, 1, 3)
    )
    return (
        f'<div class="tile" title="{seen}"><div class="name">{_TITLE}</div>'
        f'<div class="value" data-change="{change:.6e}"><span style="color:{colour}">{scientific(change)}</span> '
        f'<small>{verdict}</small></div><div role="meter" aria-label="{_TITLE}, log scale" aria-valuemin="{_LOW}" '
        f'aria-valuemax="{_HIGH}" aria-valuenow="{change:.3g}"><div class="scale">'
        f'<b style="left:{_percent(worst)}%"></b><i style="left:{_percent(change)}%"></i></div>'
        f'<div class="ticks">{marks}</div></div></div>'
    )


def _verdict(change: float) -> tuple[str, str]:
    if change <= ROUNDING:
        return _GOOD, "rounding only"
    return (_FAIR, "more than rounding") if change <= 1e-3 else (_BAD, "broken: it depends on the pose")


def tile(name: str, value: str, note: str = "") -> str:
    return (
        f'<div class="tile"><div class="name">{name}</div><div class="value">{value}</div>'
        f'<div class="note" title="{note}">{note}</div></div>'
    )


def iou(table: LandmarkTable, threshold: float) -> str:
    value = "\u2013" if table.mean_iou is None else f"{table.mean_iou:.3f}"
    return tile(f"IoU at {threshold:g}", value, _NO_TRUTH if table.mean_iou is None else "mean of 68")


def error(table: LandmarkTable) -> str:
    if table.median_error is None:
        return tile("Median error", "\u2013", _NO_TRUTH)
    value = f"{table.median_error:.2f} <small>{table.unit}</small>"
    return tile("Median error", value, f"worst {table.worst_error:.1f} {table.unit}")


def inference(moved: Moved) -> str:
    value = f"{1000 * moved.seconds:.0f} <small>ms</small>"
    return tile("Inference", value, f"{len(moved.prediction.points):,} points")


def busy(working: bool) -> str:
    """A sign that shows only when work takes longer than a moment."""
    return '<span role="status" class="on">working\u2026</span>' if working else '<span role="status"></span>'


def curve(thresholds: Sequence[float], iou: Sequence[float], threshold: float, at: float | None) -> str:
    """Mean IoU against the threshold as a small SVG, with the chosen threshold marked."""
    width, height, left, bottom = 300, 92, 26, 16

    def x(value: float) -> float:
        return left + value * (width - left - 6)

    def y(value: float) -> float:
        return 5 + (1 - value) * (height - bottom - 7)

    line = " ".join(f"{x(t):.1f},{y(v):.1f}" for t, v in zip(thresholds, iou, strict=True))
    grid = "".join(
        f'<line x1="{left}" x2="{width - 6}" y1="{y(v):.1f}" y2="{y(v):.1f}" class="grid"/>'
        f'<text x="{left - 5}" y="{y(v) + 3.5:.1f}" text-anchor="end">{v:g}</text>'
        for v in (0, 0.5, 1)
    )
    ticks = "".join(
        f'<text x="{x(t):.1f}" y="{height - 3}" text-anchor="middle">{t:g}</text>'
        for t in (0, 0.25, 0.5, 0.75, 1)
    )
    at_x = f"{x(threshold):.1f}"
    dot = "" if at is None else f'<circle cx="{at_x}" cy="{y(at):.1f}" r="4" class="dot"/>'
    return (
        "<style>.curve{width:100%;display:block}.curve text{font-size:10px;fill:currentColor;opacity:.66}"
        ".curve .grid{stroke:currentColor;opacity:.14}.curve .line{fill:none;stroke:#3e8bff;stroke-width:2}"
        ".curve .mark{stroke:currentColor;opacity:.5;stroke-dasharray:3 3}.curve .dot{fill:#3e8bff}</style>"
        f'<svg class="curve" viewBox="0 0 {width} {height}" role="img" aria-label="Mean IoU against the threshold">'
        f'{grid}{ticks}<line x1="{at_x}" x2="{at_x}" y1="5" y2="{height - bottom}" class="mark"/>'
        f'<polyline points="{line}" class="line"/>{dot}</svg>'
    )


def scientific(value: float) -> str:
    """3.1 x 10^-7, as HTML.

    >>> scientific(3.14e-7)
    '3.1\u2009\u00d7\u200910<sup>\u22127</sup>'
    """
    if value == 0:
        return "0"
    exponent = math.floor(math.log10(value))
    if exponent >= -2:
        return f"{value:.2g}"
    return f"{value / 10.0**exponent:.1f}\u2009\u00d7\u200910<sup>\u2212{-exponent}</sup>"


def _percent(value: float) -> str:
    return f"{100 * log_fraction(value, _LOW, _HIGH):.1f}"
