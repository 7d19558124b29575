"""As much of Markdown as model cards use: headings, paragraphs, bullets and tables."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

_BULLET = re.compile(r"^[-*] ")
_RULE = re.compile(r"^\|[\s:|-]+\|$")


@dataclass(frozen=True, slots=True)
class Block:
    """One block; a table has ``rows``, the others ``text``; ``level`` is a heading's."""

    kind: Literal["heading", "paragraph", "bullet", "table"]
    text: str = ""
    level: int = 0
    rows: tuple[tuple[str, ...], ...] = ()


def markdown_blocks(text: str) -> list[Block]:
    """The blocks of a text, marks of emphasis and code removed.

    >>> [block.kind for block in markdown_blocks("# A\\n\\ntext\\nmore\\n- x\\n")]
    ['heading', 'paragraph', 'bullet']
    """
    blocks: list[Block] = []
    for part in re.split(r"\n\s*\n", text):
        for lines in _pieces(part.strip("\n").splitlines()):
            blocks.append(_block(lines))
    return blocks


def _pieces(lines: list[str]) -> list[list[str]]:
    """Lines that belong together: a heading alone, a bullet with what follows it, a table."""
    pieces: list[list[str]] = []
    for line in lines:
        begins = line.startswith("#") or bool(_BULLET.match(line))
        table = line.startswith("|")
        after = not pieces or pieces[-1][0].startswith("#") or pieces[-1][0].startswith("|") != table
        if begins or after:
            pieces.append([line])
        else:
            pieces[-1].append(line)
    return pieces


def _block(lines: list[str]) -> Block:
    first = lines[0]
    if first.startswith("#"):
        marks = len(first) - len(first.lstrip("#"))
        return Block("heading", _plain(first[marks:]), level=marks)
    if first.startswith("|"):
        rows = [line for line in lines if not _RULE.match(line.strip())]
        return Block(
            "table", rows=tuple(tuple(_plain(c) for c in row.strip().strip("|").split("|")) for row in rows)
        )
    text = " ".join(line.strip() for line in lines)
    if _BULLET.match(text):
        return Block("bullet", _plain(text[2:]))
    return Block("paragraph", _plain(text))


def _plain(text: str) -> str:
    return re.sub(r"\\([*_`#|])", r"\1", re.sub(r"(?<!\\)(\*\*|`)", "", text)).strip()
