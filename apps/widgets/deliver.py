"""A file that the server has made, handed to the browser without a further click."""

from __future__ import annotations

import mimetypes
from pathlib import Path

import panel as pn
import param


class Deliver(pn.custom.JSComponent):
    """Sends ``content``; it is forgotten as soon as the browser has it."""

    content = param.Bytes(default=b"")
    name_ = param.String(default="", doc="Of the file.")
    mime = param.String(default="")
    tick = param.Integer(default=0, doc="Counts the files.")

    _esm = Path(__file__).with_name("deliver.js")

    def send(self, name: str, content: bytes) -> None:
        mime = mimetypes.guess_type(name)[0] or "application/octet-stream"
        self.param.update(content=content, name_=name, mime=mime, tick=self.tick + 1)

    def _handle_msg(self, _: object) -> None:
        self.content = b""
