"""The heavy work, shared by all sessions of the server: each network is loaded once, and one makes a pass at a time."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import panel as pn
from tornado.ioloop import IOLoop

from faceviz.display.models import folders_from_environment, known_models
from faceviz.display.turns import FairTurns
from widgets.serving import check_model

if TYPE_CHECKING:
    from faceviz.pipeline import LandmarkPredictor
    from faceviz.reconstruct import FaceReconstructor

#: Name or folder of the model that the app begins with, for those who want another than the one that comes along.
MODEL = os.environ.get("FACEVIZ_MODEL", "se3unet")

#: Likewise of the reconstruction network.
RECONSTRUCTOR = os.environ.get("FACEVIZ_RECONSTRUCTOR") or "faceviz-stream"

#: One worker, so that threads of two passes never fight over the cores; all pages in turn.
WORKER = FairTurns(lambda: pn.state.curdoc, name="inference")

#: VTK wants to be called from one thread only.
PAINTER = ThreadPoolExecutor(max_workers=1, thread_name_prefix="painter")


_COLLECTED = 12.0  # seconds; Panel collects what has gone five seconds after the last session has ended


@functools.lru_cache(maxsize=8)
def predictor(model: str) -> LandmarkPredictor:
    """A model by name or folder, or a published checkpoint; takes seconds the first time: call it in the worker.

    Raises:
        CheckpointError: there is no such model, or it is damaged.
    """
    from faceviz.evaluation.models import open_model
    from faceviz.pipeline import leave_a_core

    check_model(model, [MODEL, *known_models(folders_from_environment()).values()])
    leave_a_core()
    return open_model(model)


@functools.lru_cache(maxsize=2)
def reconstructor(live: bool) -> FaceReconstructor:
    """The reconstructor that all people share, one after the other; each puts his own ``state`` in before an image.

    Call it in the worker.

    Args:
        live: follows a face from picture to picture, quickly; else each picture is searched thoroughly.

    Raises:
        CheckpointError: there is no such model, or it is damaged.
    """
    from faceviz.pipeline import leave_a_core
    from faceviz.reconstruct import FaceReconstructor

    leave_a_core()
    return FaceReconstructor.from_pretrained(RECONSTRUCTOR, live=live)


@functools.cache
def get_ready() -> None:
    """The worker imports and loads what the first scan needs, while the first browser still loads its page."""
    IOLoop.current().call_later(0.05, WORKER.submit, predictor, MODEL)  # once the page is on its way


def later(method: Callable[..., None]) -> Callable[..., None]:
    """The method, to be called from any thread; it runs in the thread of the page that is now being made.

    That thread is asked to put it into the document's line: a document holds changes back now and then, and loses what
    another thread adds to them meanwhile.
    """
    document = pn.state.curdoc
    if document is None:
        return method
    loop = IOLoop.current()

    def call(*args) -> None:
        loop.add_callback(document.add_next_tick_callback, functools.partial(method, *args))

    return call


def _give_back_memory() -> None:
    """What glibc keeps of freed memory goes back to the system."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):  # another C library
            ctypes.CDLL(None).malloc_trim(0)


def forget_when_gone() -> None:
    """When the session of the page that is now being made ends, its waiting jobs are dropped, and it with them.

    Panel keeps the root of Material's notifications, and by it the whole document: it never enters the document in
    the area, and then takes the area to be gone already.
    """
    document = pn.state.curdoc

    def forget(_) -> None:
        WORKER.forget(document)
        for ref, (_, _, owner, _) in list(pn.state._views.items()):
            if owner is document:
                del pn.state._views[ref]
        IOLoop.current().call_later(_COLLECTED, _give_back_memory)

    pn.state.on_session_destroyed(forget)
