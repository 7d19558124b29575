"""The heavy work, shared by all sessions of the server: each network is loaded once, and one makes a pass at a time."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import panel as pn

if TYPE_CHECKING:
    from faceviz.pipeline import LandmarkPredictor

#: Name or folder of the model that the app begins with, for those who want another than the one that comes along.
MODEL = os.environ.get("FACEVIZ_MODEL", "se3unet")

#: One worker, so that threads of two passes never fight over the cores.
WORKER = ThreadPoolExecutor(max_workers=1, thread_name_prefix="inference")

#: VTK wants to be called from one thread only.
PAINTER = ThreadPoolExecutor(max_workers=1, thread_name_prefix="painter")


@functools.lru_cache(maxsize=8)
def predictor(model: str) -> LandmarkPredictor:
    """A model by name or folder, or a published checkpoint; takes seconds the first time: call it in the worker.

    Raises:
        CheckpointError: there is no such model, or it is damaged.
    """
    from faceviz.evaluation.models import open_model
    from faceviz.pipeline import leave_a_core

    leave_a_core()
    return open_model(model)


def later(method: Callable[..., None]) -> Callable[..., None]:
    """The method, to be called from any thread; it runs in the thread of the page that is now being made."""
    document = pn.state.curdoc

    def call(*args) -> None:
        if document is None:
            method(*args)
        else:
            document.add_next_tick_callback(functools.partial(method, *args))

    return call
