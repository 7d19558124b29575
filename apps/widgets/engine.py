"""The network, shared by all sessions of the server: loaded once, one pass at a time."""

from __future__ import annotations

import functools
import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from faceviz.pipeline import LandmarkPredictor

#: Name or folder of the weights, for those who want others than the ones that come along.
MODEL = os.environ.get("FACEVIZ_MODEL", "se3unet")

#: One worker, so that threads of two passes never fight over the cores.
WORKER = ThreadPoolExecutor(max_workers=1, thread_name_prefix="inference")


@functools.cache
def predictor() -> LandmarkPredictor:
    """Takes seconds the first time; call it in the worker."""
    from faceviz.pipeline import LandmarkPredictor

    return LandmarkPredictor.from_pretrained(MODEL)
