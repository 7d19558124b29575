"""The trace of the layers and the sphere of turns as small pieces of SVG and HTML, in the page's own colours."""

from __future__ import annotations

from html import escape

import numpy as np

from faceviz.display.colormaps import lookup_table
from faceviz.display.models import model_title
from faceviz.display.readings import log_fraction
from faceviz.display.sphere import mollweide
from widgets.readouts import scientific

_LOW, _HIGH = 1e-9, 10.0
_FAIR, _BROKEN = 1e-4, 1e-2
_COLOURS = ("#2e9e6b", "#d99a1c", "#d6453d")

STYLE = """
:host { font-size: 12.5px; line-height: 1.45; --soft: color-mix(in srgb, currentColor 68%, transparent);
  --line: color-mix(in srgb, currentColor 16%, transparent); }
h4 { margin: 6px 0 2px; font-size: 13px; font-weight: 600; }
p { margin: 4px 0 8px; color: var(--soft); }
.empty { margin: 18px 4px; padding: 14px 16px; border: 1px dashed var(--line); border-radius: 8px; color: var(--soft); }
.layer { display: grid; grid-template-columns: 138px 1fr 62px; gap: 8px; align-items: center; height: 19px; }
.layer span { white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
.layer .track { height: 7px; border-radius: 4px; background: var(--line); overflow: hidden; }
.layer .track i { display: block; height: 100%; border-radius: 4px; }
.layer .number { text-align: right; font-variant-numeric: tabular-nums; }
.layer sup { font-size: 9px; line-height: 0; }
.progress { height: 6px; margin: 6px 0 8px; border-radius: 3px; background: var(--line); overflow: hidden; }
.progress i { display: block; height: 100%; background: #3e6ff0; }
svg { display: block; width: 100%; }
svg text { font-size: 10px; fill: currentColor; opacity: .72; }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: 2px 4px; text-align: right; font-weight: 400; border-bottom: 1px solid var(--line); }
th:first-child, td:first-child { text-align: left; }
th { color: var(--soft); }
"""


def notice(text: str) -> str:
    return f'<div class="empty" role="status">{text}</div>'


def layers_hint() -> str:
    return notice(
        "Turn or shift the scan, and each layer of the network is compared with itself: do its features turn along, "
        "as they should? The first bar that is not green is where equivariance breaks."
    )


def sphere_hint() -> str:
    return notice(
        "Turns the scan about 32 axes spread over the sphere, by three angles, and maps what that does to the heat. "
        "Takes some seconds to a minute; it can be cancelled."
    )


def layers(traces: dict[str, tuple]) -> str:
    """One list a model: a bar a layer, on a log scale."""
    says = "<p>|f(Rx + t) \u2212 D f(x)| / |f(x)| of every layer, log scale</p>"
    return says + "".join(
        f"<h4>{escape(model_title(model))}</h4>"
        + "".join(_layer(error.title, error.error) for error in trace)
        for model, trace in traces.items()
    )


def _layer(title: str, error: float) -> str:
    share = 100 * log_fraction(error, _LOW, _HIGH)
    colour = _COLOURS[(error > _FAIR) + (error > _BROKEN)]
    return (
        f'<div class="layer" data-error="{error:.3e}"><span title="{escape(title)}">{escape(title)}</span>'
        f'<div class="track"><i style="width:{share:.1f}%;background:{colour}"></i></div>'
        f'<span class="number">{scientific(error)}</span></div>'
    )


def spheres(found: dict[str, object], angle: int, running: bool) -> str:
    """A map of the axes for every model, and a table of all angles."""
    done = sum(errors.done for errors in found.values())
    total = max(sum(errors.total for errors in found.values()), 1)
    bar = (
        f'<div class="progress" role="progressbar" aria-label="Turns measured" aria-valuenow="{done}" '
        f'aria-valuemin="0" aria-valuemax="{total}"><i style="width:{100 * done / total:.0f}%"></i></div>'
        if running
        else ""
    )
    maps = "".join(
        f"<h4>{escape(model_title(name))}</h4>{_map(errors.axes, errors.iou[angle])}"
        for name, errors in found.items()
    )
    return bar + maps + _scale() + _table(found)


def _map(axes: np.ndarray, values: np.ndarray) -> str:
    """Axes of rotation in Mollweide's projection, front in the middle; colour is the mean IoU after the turn."""
    x, y = mollweide(axes)
    colours = lookup_table("cividis")
    dots = ""
    for u, v, value in zip(x, y, values, strict=True):
        fill = "none" if np.isnan(value) else _hex(colours[int(255 * min(value, 1.0))])
        tip = "" if np.isnan(value) else f"<title>IoU {value:.3f}</title>"
        dots += (
            f'<circle cx="{160 + 150 * u:.1f}" cy="{80 - 75 * v:.1f}" r="10.5" fill="{fill}" '
            f'stroke="currentColor" stroke-opacity=".25">{tip}</circle>'
        )
    label = f"Mean IoU for {len(values)} axes of rotation"
    return (
        f'<svg viewBox="0 0 320 160" role="img" aria-label="{label}"><ellipse cx="160" cy="80" rx="155" ry="78" '
        f'fill="none" stroke="currentColor" stroke-opacity=".3"/>{dots}</svg>'
    )


def _hex(colour: np.ndarray) -> str:
    return "#" + bytes(colour.tolist()).hex()


def _scale() -> str:
    colours = lookup_table("cividis")
    stops = "".join(
        f'<stop offset="{i / 8:.3f}" stop-color="{_hex(colours[int(255 * i / 8)])}"/>' for i in range(9)
    )
    ticks = "".join(
        f'<text x="{60 + 200 * v:.0f}" y="26" text-anchor="middle">{v:g}</text>'
        for v in (0, 0.25, 0.5, 0.75, 1)
    )
    return (
        '<svg viewBox="0 0 320 30" role="img" aria-label="Colour scale of the IoU"><defs><linearGradient id="iou">'
        f'{stops}</linearGradient></defs><rect x="60" y="5" width="200" height="9" fill="url(#iou)"/>{ticks}'
        '<text x="8" y="13">Mean IoU</text></svg>'
    )


def _table(found: dict[str, object]) -> str:
    rows = ""
    for name, errors in found.items():
        for degrees, change, iou in zip(errors.angles_deg, errors.change, errors.iou, strict=True):
            if np.isfinite(change).any():
                rows += (
                    f"<tr><td>{escape(model_title(name))}, {degrees:.0f}\u00b0</td>"
                    f"<td>{np.nanmin(iou):.3f} to {np.nanmax(iou):.3f}</td>"
                    f"<td>{scientific(float(np.nanmax(change)))}</td></tr>"
                )
    return f"<table><tr><th>Turn</th><th>IoU</th><th>largest change</th></tr>{rows}</table>" if rows else ""
