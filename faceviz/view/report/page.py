"""The report as one page of HTML: pictures, charts, viewer and scene are inside, and nothing is loaded."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

import numpy as np

from faceviz.landmarks import LANDMARK_COUNT, NAMES, REGIONS, region_of
from faceviz.view.report.charts import draw_curves, draw_landmarks
from faceviz.view.report.content import ReportContent
from faceviz.view.report.markdown import Block, markdown_blocks
from faceviz.view.scene_html import HOST, json_in_html, scene_data, viewer_script

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_TEMPLATE = Path(__file__).with_name("page.html")


def report_html(content: ReportContent, pictures: Sequence[np.ndarray]) -> str:
    """The page."""
    document = content.document
    encoded = [_png(picture) for picture in pictures]
    return Template(_TEMPLATE.read_text(encoding="utf-8")).substitute(
        title=escape(f"Landmark report: {content.title}"),
        date=escape(document.provenance.date[:10]),
        heading=escape(content.title),
        model=escape(document.views[0].model.name),
        tiles="".join(
            f'<div class="tile"><span>{escape(name)}</span><b>{escape(value)}</b><span>{escape(note)}</span></div>'
            for name, value, note in content.headline()
        ),
        pictures="".join(_figure(png) for png in encoded),
        charts=_charts(content),
        table=_table(content),
        protocol="".join(f"<p>{escape(sentence)}</p>" for sentence in content.protocol()),
        facts="".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in content.facts()),
        command=escape(content.command),
        card=_card(content.card),
        data=json_in_html(scene_data(content.scenes[0], encoded[0])),
        viewer=viewer_script(),
        host=HOST.read_text(encoding="utf-8"),
    )


def _png(picture: np.ndarray) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, format="png", optimize=True)
    return buffer.getvalue()


def _figure(png: bytes) -> str:
    text = base64.b64encode(png).decode("ascii")
    label = "The scan with its heat: prediction, and truth and difference where the truth is known"
    return f'<figure><img alt="{label}" src="data:image/png;base64,{text}"></figure>'


def _charts(content: ReportContent) -> str:
    numbers, parts = content.first, []
    if numbers.iou is not None:
        iou = np.array([np.nan if value is None else value for value in numbers.iou])
        parts.append(_chart("IoU against the threshold", lambda axes: draw_curves(axes, content), 3.0))
        heading = f"IoU at {numbers.threshold:g} of each landmark"
        parts.append(_chart(heading, lambda axes: draw_landmarks(axes, iou, "IoU", 1.0), 2.4))
    if numbers.error is not None:
        error, unit = np.array(numbers.error), numbers.error_unit
        parts.append(
            _chart("Distance to the truth", lambda axes: draw_landmarks(axes, error, f"error, {unit}"), 2.4)
        )
    else:
        confidence = content.confidence
        heading = "Confidence of each landmark"
        parts.append(_chart(heading, lambda axes: draw_landmarks(axes, confidence, "highest heat", 1.0), 2.4))
    return "".join(parts)


def _chart(heading: str, draw: Callable[[Axes], object], height: float) -> str:
    """A heading and a chart as SVG, its text as text."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10.0, height + 0.5), layout="constrained", facecolor="none")
    FigureCanvasSVG(figure)
    draw(figure.subplots())
    buffer = io.StringIO()
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": heading}):
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :].replace(
        "<svg", f'<svg class="chart" role="img" aria-label="{escape(heading)}"', 1
    )
    return f"<h2>{escape(heading)}</h2>{svg}"


def _table(content: ReportContent) -> str:
    numbers, unit = content.first, content.document.scan.unit
    length = "" if unit == "unknown" else f", {unit}"
    heads = [
        "#",
        "landmark",
        "confidence",
        f"IoU at {numbers.threshold:g}",
        f"error, {numbers.error_unit}",
        "\u00b1 mm",
    ]
    heads += [f"{axis}{length}" for axis in "xyz"]
    head = "".join(
        f'<th class="{"text" if name == "landmark" else ""}">{escape(name)}</th>' for name in heads
    )
    digits = content.digits
    rows = ""
    for i in range(LANDMARK_COUNT):
        iou = None if numbers.iou is None else numbers.iou[i]
        error = None if numbers.error is None else numbers.error[i]
        bar = "" if iou is None else f'<i style="width:{55 * iou:.0f}px"></i>'
        cells = f"<td>{i}</td><td class='text'>{escape(NAMES[i])}</td><td>{content.confidence[i]:.2f}</td>"
        cells += f"<td class='iou'>{bar}{_number(iou, 3)}</td><td>{_number(error, 2)}</td>"
        doubt = None if content.uncertainty is None else content.uncertainty[i]
        cells += f"<td>{_number(doubt, 1)}</td>"
        cells += "".join(f"<td>{value:.{digits}f}</td>" for value in content.landmarks[i])
        odd = list(REGIONS).index(region_of(i)) % 2
        rows += f'<tr class="{"odd" if odd else ""}">{cells}</tr>'
    error_mean = None if numbers.error is None else float(np.mean(numbers.error))
    foot = f"<td></td><td class='text'>mean</td><td>{content.confidence.mean():.2f}</td>"
    foot += f"<td>{_number(numbers.mean_iou, 3)}</td><td>{_number(error_mean, 2)}</td><td colspan='4'></td>"
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody><tfoot><tr>{foot}</tr></tfoot></table>"


def _number(value: float | None, digits: int) -> str:
    return "\u2013" if value is None else f"{value:.{digits}f}"


def _card(card: str) -> str:
    blocks = markdown_blocks(card)
    return "<h2>Model card</h2>" + "".join(_block(block) for block in blocks) if blocks else ""


def _block(block: Block) -> str:
    if block.kind == "heading":
        return f"<h3>{escape(block.text)}</h3>"
    if block.kind == "bullet":
        return f"<ul><li>{escape(block.text)}</li></ul>"
    if block.kind == "paragraph":
        return f"<p>{escape(block.text)}</p>"
    head, *body = ("".join(f"<td>{escape(cell)}</td>" for cell in row) for row in block.rows)
    rows = "".join(f"<tr>{row}</tr>" for row in body)
    return f"<div class='wide'><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
