"""The directive ``{commands}``: the help of every command of ``faceviz``, a section each, as the terminal shows it."""

from __future__ import annotations

from collections.abc import Iterator

import click
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

_WIDTH = 92


class Commands(SphinxDirective):
    """Below the section in which it stands."""

    def run(self) -> list[nodes.Node]:
        return [_section(name, text) for name, text in helps()]


def helps() -> Iterator[tuple[str, str]]:
    """Name and help of each command, in the order of ``faceviz --help``."""
    import typer

    from faceviz.cli import app

    command = typer.main.get_command(app)
    yield from _walk(command, click.Context(command, info_name="faceviz", max_content_width=_WIDTH))


def _walk(command: click.Command, context: click.Context) -> Iterator[tuple[str, str]]:
    inner = getattr(command, "commands", None)
    if inner is None:
        yield context.command_path, command.get_help(context)
        return
    for name, part in inner.items():
        if not part.hidden:
            yield from _walk(
                part, click.Context(part, info_name=name, parent=context, max_content_width=_WIDTH)
            )


def _section(name: str, text: str) -> nodes.section:
    section = nodes.section(ids=[nodes.make_id(name)], names=[nodes.fully_normalize_name(name)])
    block = nodes.literal_block(text, text)
    block["language"] = "text"
    section += [nodes.title(name, name), block]
    return section


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("commands", Commands)
    return {"parallel_read_safe": True}
