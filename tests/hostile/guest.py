"""Somebody at a page without a browser: the page's token, a websocket, and Bokeh's messages, by hand."""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import urllib.request
from collections.abc import Iterator
from typing import Any

from tornado.httpclient import HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

_READY = {
    "kind": "MessageSent",
    "msg_type": "bokeh_event",
    "msg_data": {"type": "event", "name": "document_ready", "values": {"type": "map", "entries": []}},
}


class Guest:
    """A session of a served page.

    Attributes:
        models: the page's models by id, as they came; later changes are not kept.
        bytes: received so far.
    """

    def __init__(self, address: str) -> None:
        self._address = address
        self._numbers = itertools.count()
        self._socket: WebSocketClientConnection | None = None
        self.models: dict[str, dict[str, Any]] = {}
        self.bytes = 0

    async def come(self) -> None:
        """Fetch the page, open its websocket and take the document."""
        page = await asyncio.to_thread(_fetch, self._address)
        found = re.search(r'"token":"([^"]+)"', page)
        assert found is not None, "the page holds no token"
        own = self._address.rpartition("/")[0]
        request = HTTPRequest(
            self._address.replace("http", "ws", 1) + "/ws", headers={"Origin": own}, connect_timeout=120
        )
        self._socket = await websocket_connect(request, subprotocols=["bokeh", found[1]])
        await self._message()  # the acknowledgement
        await self._send("PULL-DOC-REQ", {})
        document = {}
        while "doc" not in document:
            _, document = await self._message()
        self.models = {model["id"]: model for model in _models(document["doc"])}
        await self._send("PATCH-DOC", {"events": [_READY]})

    async def change(self, model: str, attribute: str, value: Any) -> None:
        """As a widget of the page does."""
        event = {"kind": "ModelChanged", "model": {"id": model}, "attr": attribute, "new": value}
        await self._send("PATCH-DOC", {"events": [event]})

    async def changes(self) -> list[dict[str, Any]]:
        """The events of the next change that the server sends."""
        while True:
            kind, content = await self._message()
            if kind == "PATCH-DOC":
                return content["events"]

    def leave(self) -> None:
        if self._socket is not None:
            self._socket.close()

    async def _send(self, kind: str, content: dict[str, Any]) -> None:
        assert self._socket is not None
        header = {"msgid": f"guest-{next(self._numbers)}", "msgtype": kind}
        for part in (header, {}, content):
            await self._socket.write_message(json.dumps(part))

    async def _message(self) -> tuple[str, dict[str, Any]]:
        header, _, content = [json.loads(await self._part()) for _ in range(3)]
        for _ in range(2 * header.get("num_buffers", 0)):
            await self._part()
        return header["msgtype"], content

    async def _part(self) -> str | bytes:
        assert self._socket is not None
        part = await self._socket.read_message()
        if part is None:
            raise ConnectionError("the server has closed the websocket")
        self.bytes += len(part)
        return part


def _fetch(address: str) -> str:
    with urllib.request.urlopen(address) as answer:
        return answer.read().decode()


def _models(value: Any) -> Iterator[dict[str, Any]]:
    """Every model of a document, wherever it stands."""
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            if value.get("type") == "object" and "id" in value:
                yield value
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
