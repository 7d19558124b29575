"""What is told of a growing face, as small pieces of HTML and SVG in the page's own colours."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np

from faceviz.display.reconstruction import ChangeSeries, FaceProgress, ImageStep, helped_text
from widgets.readouts import tile

_ROWS = 60  # of the list
_BARS = 48  # of the chart

STYLE = """
:host { font-size: 12.5px; line-height: 1.45; --soft: color-mix(in srgb, currentColor 68%, transparent);
  --line: color-mix(in srgb, currentColor 16%, transparent); }
.title { font-size: 12px; color: var(--soft); margin: 0 0 3px; white-space: nowrap; overflow: hidden;
  text-overflow: ellipsis; }
svg { display: block; width: 100%; }
svg text { font-size: 10px; fill: currentColor; opacity: .72; }
.grid { stroke: currentColor; opacity: .14; }
.bar { fill: #3e8bff; } .bar.first { opacity: .45; } .bar.best { fill: #2e9e6b; }
.miss { stroke: #d6453d; stroke-width: 1.6; }
.row { display: grid; grid-template-columns: 30px minmax(0, 1fr) auto; gap: 8px; padding: 1px 0; }
.row span { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.row .number { text-align: right; color: var(--soft); font-variant-numeric: tabular-nums; }
.row .reason { color: #d6453d; } .row .note { color: var(--soft); white-space: normal; grid-column: 2 / 4; }
.progress { height: 6px; margin: 8px 0 5px; border-radius: 3px; background: var(--line); overflow: hidden; }
.progress i { display: block; height: 100%; background: #3e6ff0; }
.hint { color: var(--soft); }
"""


def counts(progress: FaceProgress | None, unread: int) -> str:
    """The tile of the pictures."""
    if progress is None:
        return tile("Pictures used", "\u2013")
    left_out = [f"{progress.skipped} skipped"]
    left_out += [f"{unread} unreadable"] if unread else []
    left_out += [f"{progress.dropped} dropped"] if progress.dropped else []
    return tile("Pictures used", str(progress.used), ", ".join(left_out))


def change(progress: FaceProgress | None) -> str:
    used = [step.change for step in progress.steps if step.change is not None] if progress else []
    if not used:
        return tile("Last change", "\u2013", "mean of all points")
    return tile("Last change", f"{used[-1]:.2f} <small>mm</small>", "mean of all points")


def speed(progress: FaceProgress | None) -> str:
    took = progress.milliseconds if progress else None
    if took is None:
        return tile("Picture to face", "\u2013")
    return tile("Picture to face", f"{took:.0f} <small>ms</small>", "median of the latest")


def view(progress: FaceProgress | None) -> str:
    """Which view is missing."""
    hint = progress.hint if progress else None
    if hint is None:
        return tile("Missing view", "\u2013", "none" if progress and progress.used > 2 else "not known yet")
    asked = hint.partition(": ")[2]
    return tile("Missing view", f"<small>{asked[:1].upper()}{asked[1:]}</small>", "not seen yet")


def fate(done: int, count: int | None, says: str) -> str:
    """How far an upload has come, as a bar where its length is known."""
    share = 0 if not count else 100 * min(done / count, 1)
    bar = (
        f'<div class="progress" role="progressbar" aria-label="Pictures looked at" aria-valuenow="{done}" '
        f'aria-valuemin="0" aria-valuemax="{count}"><i style="width:{share:.0f}%"></i></div>'
        if count
        else ""
    )
    return f'{bar}<div class="hint" role="status">{escape(says)}</div>'


def chart(series: ChangeSeries) -> str:
    """A bar for the change by each picture; the first, which moves from the mean face, is cut off where it is longer
    than the others."""
    width, height, left, top, bottom = 320, 112, 30, 12, 15
    number, moved = series.number[-_BARS:], series.change[-_BARS:]
    title = escape(helped_text(series)) or "Change by each picture, mm"
    head = f'<div class="title" title="{title}">{title}</div>'
    if not len(number):
        return head + '<div class="hint">Each picture adds a bar: how far the face moved.</div>'
    end = _end(moved, first=number[0] == 1)
    pitch = min((width - left) / len(number), 22.0)
    floor = height - bottom
    scale = (floor - top) / end
    grid = "".join(
        f'<line class="grid" x1="{left}" x2="{width}" y1="{floor - v * scale:.1f}" y2="{floor - v * scale:.1f}"/>'
        f'<text x="{left - 5}" y="{floor - v * scale + 3.5:.1f}" text-anchor="end">{v:g}</text>'
        for v in (0, end / 2, end)
    )
    best = None if series.helped is None else series.number[series.helped]
    bars = ""
    for i, (n, value) in enumerate(zip(number, moved, strict=True)):
        x = left + i * pitch
        if np.isnan(value):
            bars += f'<path class="miss" d="M{x + pitch / 2 - 3:.1f} {floor - 7}l6 6m0 -6l-6 6"/>'
            continue
        tall = min(value, end) * scale
        kind = "bar first" if n == 1 else "bar best" if n == best else "bar"
        bars += (
            f'<rect class="{kind}" x="{x + 1:.1f}" y="{floor - tall:.1f}" width="{max(pitch - 2, 1):.1f}" '
            f'height="{tall:.1f}" rx="1.5"><title>picture {n}: {value:.2f} mm</title></rect>'
        )
        if value > end:
            bars += f'<text x="{x + 1:.1f}" y="{top - 3}">\u2191 {value:.1f}</text>'
    ends = f'<text x="{left}" y="{height - 3}">{number[0]}</text>' + (
        f'<text x="{left + len(number) * pitch:.1f}" y="{height - 3}" text-anchor="end">{number[-1]}</text>'
        if len(number) > 3
        else ""
    )
    says = "Change of the face by each picture, in mm"
    return (
        f'{head}<svg viewBox="0 0 {width} {height}" role="img" aria-label="{says}">{grid}{bars}{ends}</svg>'
    )


def _end(moved: np.ndarray, *, first: bool) -> float:
    """The end of the axis, mm: 1, 2 or 5 times a power of ten."""
    rest = moved[1:] if first and np.isfinite(moved[1:]).any() else moved
    most = float(np.nanmax(rest)) if np.isfinite(rest).any() else 1.0
    power = 10.0 ** np.floor(np.log10(max(most, 0.01)))
    return float(next(step * power for step in (1, 2, 5, 10) if step * power >= most * 0.999))


def listing(steps: Sequence[ImageStep], unread: Sequence[str]) -> str:
    """Every picture and what became of it, the latest first."""
    broken = "".join(
        f'<div class="row"><span class="number">\u2013</span><span class="reason" title="{escape(text)}">'
        f"{escape(text)}</span></div>"
        for text in unread[-_ROWS:]
    )
    return broken + "".join(_row(step) for step in reversed(steps[-_ROWS:]))


def _row(step: ImageStep) -> str:
    if step.change is None:
        end = f'<span class="reason">{escape(step.reason or "skipped")}</span>'
    else:
        end = f'<span class="number">{step.change:.2f} mm</span>'
    note = f'<span class="note">{escape(step.note)}</span>' if step.note else ""
    name = escape(step.source)
    return (
        f'<div class="row" data-used="{step.change is not None}"><span class="number">{step.number}</span>'
        f'<span title="{name}">{name}</span>{end}{note}</div>'
    )
