"""A place to drop files that keeps its limit on the server too, whatever the browser sends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import panel as pn

from widgets.look import DROP, WIDE
from widgets.serving import MAX_UPLOAD_MB

#: Many files make a long list, which would lie on what is below; the tabs themselves say what has come.
_LOW = ".filepond--root { max-height: 52px; overflow: hidden; } .filepond--list-scroller { display: none; }"


class Dropper(pn.widgets.FileDropper):
    """Files up to the server's limit, which the browser checks before it sends a byte."""

    def __init__(self, **params: Any) -> None:
        super().__init__(max_file_size=f"{MAX_UPLOAD_MB}MB", **params)

    def _process_event(self, event: Any) -> None:
        """A piece of a file. Honest pages stay within the limit; the pieces of others are let go."""
        if event.event_name == "upload_event":
            name, piece = event.data["name"], event.data["data"]
            if event.data["chunk"] != 1 and name not in self._file_buffer:
                return
            held = sum(len(part) for parts in self._file_buffer.values() for part in parts)
            kept = sum(len(content) for content in self.value.values())
            if held + kept + len(piece) > self._most:
                self._file_buffer.pop(name, None)
                return
        super()._process_event(event)

    @property
    def _most(self) -> int:
        """Bytes of all files together: several images may be dropped at once."""
        return (4 if self.multiple else 1) * MAX_UPLOAD_MB * 1_000_000


def place_for_files(most: int, dropped: Callable) -> Dropper:
    """An empty place for at most so many files; ``dropped`` is called as they come."""
    place = Dropper(
        multiple=True,
        max_files=most,
        previews=[],
        layout="compact",
        height=52,
        margin=0,
        stylesheets=[DROP, _LOW],
        **WIDE,
    )
    place.param.watch(dropped, "value")
    return place
