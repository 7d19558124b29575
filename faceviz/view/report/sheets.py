"""Pages of paper for a PDF: text, tables, pictures and charts placed in inches from the upper left corner."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH, HEIGHT, MARGIN = 8.27, 11.69, 0.62  # A4, inches
INNER = WIDTH - 2 * MARGIN
BOTTOM = HEIGHT - 0.75
INK, SOFT, RULE, ACCENT = "#1c2330", "#5b6575", "#d5dae2", "#2b5bd7"
_LEADING = 1.45
_POINT = 1 / 72


class Sheets:
    """Grows page by page; ``y`` is how far down the page is filled, in inches.

    Args:
        running: what stands at the foot of each page.
    """

    def __init__(self, running: str) -> None:
        self.pages: list[Figure] = []
        self._running = running
        self.turn()

    def turn(self) -> None:
        """Begins a page."""
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        self.page = Figure(figsize=(WIDTH, HEIGHT), facecolor="white")
        FigureCanvasAgg(self.page)
        self.pages.append(self.page)
        self.y = MARGIN

    def room(self, height: float) -> None:
        """Turns the page where less than this is left."""
        if self.y + height > BOTTOM:
            self.turn()

    def write(
        self, x: float, y: float, text: str, *, size: float = 9, colour: str = INK, **style: Any
    ) -> None:
        """One line; ``y`` is its base line."""
        self.page.text(
            x / WIDTH, 1 - y / HEIGHT, text, fontsize=size, color=colour, parse_math=False, **style
        )

    def heading(self, text: str, *, size: float = 13) -> None:
        self.room(0.9)
        self.y += 0.16 + size * _POINT
        self.write(MARGIN, self.y, text, size=size, fontweight="bold")
        self.y += 0.14

    def paragraph(
        self,
        text: str,
        *,
        size: float = 9,
        colour: str = INK,
        indent: float = 0.0,
        family: str = "sans",
        bullet: bool = False,
    ) -> None:
        """Wrapped text; pages are turned between its lines."""
        for i, line in enumerate(wrapped(text, INNER - indent, size, family)):
            self.room(size * _POINT * _LEADING)
            self.y += size * _POINT * _LEADING
            if bullet and i == 0:
                self.write(MARGIN + indent - 0.14, self.y, "\u2022", size=size, colour=SOFT)
            self.write(MARGIN + indent, self.y, line, size=size, colour=colour, **_font(family))
        self.y += 0.06

    def pairs(self, rows: Sequence[tuple[str, str]], *, size: float = 8.5, left: float = 1.05) -> None:
        """Names and values in two columns."""
        for name, value in rows:
            lines = wrapped(value, INNER - left, size)
            self.room(len(lines) * size * _POINT * _LEADING)
            for i, line in enumerate(lines):
                self.y += size * _POINT * _LEADING
                if i == 0:
                    self.write(MARGIN, self.y, name, size=size, colour=SOFT)
                self.write(MARGIN + left, self.y, line, size=size)
            self.y += 0.035

    def rule(self) -> None:
        self.y += 0.05
        self.box(MARGIN, self.y, INNER, 0.01, RULE)
        self.y += 0.05

    def box(self, x: float, y: float, width: float, height: float, colour: str, **style: Any) -> None:
        """A filled rectangle, its upper left corner at (x, y)."""
        from matplotlib.patches import Rectangle

        place = (x / WIDTH, 1 - (y + height) / HEIGHT)
        self.page.add_artist(
            Rectangle(place, width / WIDTH, height / HEIGHT, facecolor=colour, edgecolor="none", **style)
        )

    def axes(self, height: float, *, left: float = 0.45, right: float = 0.25) -> Axes:
        """Room for a chart over the width of the text."""
        self.room(height)
        x, y, width = MARGIN + left, self.y + height, INNER - left - right
        place = (x / WIDTH, 1 - y / HEIGHT, width / WIDTH, height / HEIGHT)
        self.y += height
        return self.page.add_axes(place)

    def picture(self, image: np.ndarray) -> None:
        """An image (H, W, 3) uint8 over the width of the text, at its own resolution."""
        height = INNER * image.shape[0] / image.shape[1]
        axes = self.axes(height, left=0.0, right=0.0)
        axes.imshow(image, interpolation="none")
        axes.set_axis_off()

    def save(self, path: Path, title: str) -> None:
        """Writes the PDF, its pages numbered."""
        from matplotlib import rc_context
        from matplotlib.backends.backend_pdf import PdfPages

        with rc_context({"pdf.fonttype": 42, "pdf.compression": 6, "image.composite_image": False}):
            with PdfPages(path, metadata={"Title": title, "Creator": "faceviz"}) as pdf:
                for number, page in enumerate(self.pages, 1):
                    self.page = page
                    self.write(MARGIN, HEIGHT - 0.42, self._running, size=7.5, colour=SOFT)
                    last = f"{number} of {len(self.pages)}"
                    self.write(WIDTH - MARGIN, HEIGHT - 0.42, last, size=7.5, colour=SOFT, ha="right")
                    pdf.savefig(page, dpi=300)


def wrapped(text: str, width: float, size: float, family: str = "sans") -> list[str]:
    """Lines no wider than ``width`` inches; words that are wider alone are cut."""
    lines, line = [], ""
    for word in _short_enough(text.split(), width, size, family):
        longer = f"{line} {word}".strip()
        if line and _width(longer, family) * size > width:
            lines.append(line)
            line = word
        else:
            line = longer
    return [*lines, line] if line or not lines else lines


def _short_enough(words: Sequence[str], width: float, size: float, family: str) -> Iterator[str]:
    for word in words:
        while _width(word, family) * size > width:
            fit = max(1, int(len(word) * width / (_width(word, family) * size)) - 1)
            yield word[:fit]
            word = word[fit:]
        yield word


def _width(text: str, family: str) -> float:
    """Inches at one point."""
    return sum(_advance(character, family) for character in text)


@lru_cache(maxsize=4096)
def _advance(character: str, family: str) -> float:
    from matplotlib.font_manager import FontProperties, findfont
    from matplotlib.ft2font import FT2Font

    font = FT2Font(findfont(FontProperties(family=_font(family)["fontfamily"])))
    font.set_size(100, 72)
    return font.load_char(ord(character)).linearHoriAdvance / 65536 / 100 * _POINT


def _font(family: str) -> dict[str, str]:
    return {"fontfamily": "DejaVu Sans Mono" if family == "mono" else "DejaVu Sans"}
