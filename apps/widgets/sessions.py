"""Session files on the landmarks tab: what is shown as a session, and a session as what is shown."""

from __future__ import annotations

from faceviz.display.session import DOCUMENT, Session, read_session_bytes
from faceviz.display.settings import Settings
from faceviz.errors import FacevizError
from faceviz.io.archives import holds
from widgets.engine import predictor
from widgets.serving import MAX_UPLOAD_MB
from widgets.shown import Shown


def is_session(name: str, content: bytes | str) -> bool:
    """Is an upload a session? No scan is a plain zip, so that a ``.zip`` without one is told what it lacks."""
    return isinstance(content, bytes) and (name.lower().endswith(".zip") or holds(content, DOCUMENT))


def read_upload(name: str, content: bytes) -> Session:
    """An uploaded session, its network with it where the same weights are here; call it in the worker.

    Raises:
        FileFormatError: it cannot be opened.
    """
    session = read_session_bytes(name, content, max_bytes=MAX_UPLOAD_MB * 1_000_000)
    try:
        network = predictor(session.settings.model or session.models[0].name)
    except FacevizError:
        return session
    return session.with_predictor(network) if session.knows(network) else session


def session_of(shown: Shown) -> Session | None:
    """What is shown, for a file; None while there is nothing."""
    if shown.moved is None:
        return None
    beside = shown.second if shown.settings.beside == "model" else None
    return Session(shown.moved, shown.settings, beside)


def restore(shown: Shown, session: Session, settings: Settings) -> None:
    """Shows a session with the numbers that it was saved with; no network is asked.

    Args:
        shown: changed in place.
        session: as it was read.
        settings: its own, without what this page cannot do.
    """
    shown.moved, shown.model, shown.settings = session.moved, settings.model, settings
    shown.second = session.second if settings.beside == "model" else None
    shown.worst, shown.moves = session.moved.change or 0.0, 0 if session.moved.change is None else 1
