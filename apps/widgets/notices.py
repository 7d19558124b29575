"""Errors as notices on the page."""

from __future__ import annotations

import logging

import panel as pn

from faceviz.errors import FacevizError

_MILLISECONDS = 12_000


def notify(error: Exception, where: str = "") -> str:
    """Says it in a notice, and returns what it says; an error that nobody foresaw goes to the server's log too.

    Args:
        error: ours have a text for people.
        where: said before it.
    """
    if isinstance(error, FacevizError):
        text = f"{where}: {error}" if where else str(error)
    else:
        logging.getLogger("faceviz.app").error("unexpected", exc_info=error)
        text = f"{type(error).__name__}: {error}; the server's log says more"
    pn.state.notifications.error(text, duration=_MILLISECONDS)
    return text


def warn(text: str) -> None:
    """Something that a person should know, and that is no error."""
    pn.state.notifications.warning(text, duration=_MILLISECONDS)
