"""Every change that the server makes to a page reaches the page."""

from __future__ import annotations

from bokeh.document import Document
from panel.io import document as messages

_dispatch = messages._dispatch_msgs


def leave_none_behind() -> None:
    """For all pages of the process; called again, it changes nothing.

    What Panel cannot write at once, it writes by a task. The task takes the mark "something waits" away when its own
    messages are out, also where further ones have come meanwhile; those would lie until the page is changed again.
    """
    messages._dispatch_msgs = _dispatch_all


async def _dispatch_all(document: Document) -> None:
    await _dispatch(document)
    if document in messages._WRITE_MSGS and document not in messages._WRITE_BLOCK:
        messages._WRITE_BLOCK[document] = True
        messages._dispatch_write_task(document, messages._dispatch_msgs, document)
