from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest
from bokeh.document import Document
from bokeh.models import Div
from bokeh.protocol import Protocol


class Socket:
    """A browser's end that takes its time over each message, and meanwhile lets the server go on."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.meanwhile = lambda: None

    def take(self, _, events=None, msg=None) -> list[asyncio.Future]:
        self.heard += [change["new"] for change in msg.content["events"]]
        loop = asyncio.get_running_loop()
        written = loop.create_future()
        loop.call_later(0.01, self._end, written)
        return [written]

    def _end(self, written: asyncio.Future) -> None:
        written.set_result(None)
        meanwhile, self.meanwhile = self.meanwhile, lambda: None
        meanwhile()


class Connection:
    def __init__(self, socket: Socket) -> None:
        self._socket, self.protocol = socket, Protocol()


@pytest.mark.parametrize("mended", [True, False])
def test_a_change_that_comes_while_others_are_written_is_written_too(mended, monkeypatch):
    from panel.io import document as panel_messages
    from widgets import messages

    monkeypatch.setattr(panel_messages, "_dispatch_msgs", messages._dispatch)
    monkeypatch.setitem(
        panel_messages.extra_socket_handlers, Socket, lambda *args, **kw: socket.take(*args, **kw)
    )
    if mended:
        messages.leave_none_behind()
    socket, document, label = Socket(), Document(), Div()
    document.add_root(label)
    connection = Connection(socket)

    def say(text: str) -> None:
        heard = []
        document.on_change(heard.append)
        label.text = text
        document.remove_on_change(heard.append)
        panel_messages.schedule_write_events(document, [connection], heard)

    async def page() -> None:
        socket.meanwhile = lambda: say("done")
        say("working")
        await asyncio.sleep(0.2)

    with ThreadPoolExecutor(1) as pool:  # this thread may have a loop of its own already
        pool.submit(lambda: asyncio.run(page())).result(60)
    assert socket.heard == (["working", "done"] if mended else ["working"]), "see whether Panel has mended it"
