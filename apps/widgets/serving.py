"""What the server allows those who come: set by ``faceviz serve`` in the environment, once for the process."""

from __future__ import annotations

import os

import panel as pn

from faceviz.errors import CheckpointError

#: Largest upload, in megabytes; the page says so, and checks it before a byte is sent.
MAX_UPLOAD_MB = int(os.environ.get("FACEVIZ_MAX_UPLOAD_MB", "64"))

#: People at once; those who come later are told to try again. 0: any number.
MAX_SESSIONS = int(os.environ.get("FACEVIZ_MAX_SESSIONS", "0"))

#: Do others than the owner of this machine use the server? They choose models from the list and name no paths.
SHARED = os.environ.get("FACEVIZ_SHARED_SERVER", "") == "1"

_guests: set[object] = set()

_FULL = """
<div role="alert" style="max-width: 34rem; margin: 18vh auto; font: 16px/1.5 system-ui, sans-serif; text-align: center">
<h1 style="font-size: 22px">All places are taken</h1>
<p>{count} people use this server, as many as it was started for. Reload the page in a minute.</p></div>
"""


def admit() -> bool:
    """Count the person whose page is now being made, until the session ends; False where all places are taken."""
    document = pn.state.curdoc
    if MAX_SESSIONS and len(_guests) >= MAX_SESSIONS:
        return False
    _guests.add(document)
    pn.state.on_session_destroyed(lambda _: _guests.discard(document))
    return True


def full_page() -> pn.viewable.Viewable:
    """What is shown where all places are taken."""
    return pn.pane.HTML(_FULL.format(count=MAX_SESSIONS), sizing_mode="stretch_width")


def check_model(name: str, known: list[str]) -> None:
    """Refuse models by path where others use the server; whatever a page sends, it opens no file of this machine.

    Raises:
        CheckpointError: it is not one of the known.
    """
    if SHARED and name not in known:
        raise CheckpointError("models are chosen from the list on this server; ask who runs it to add one")
