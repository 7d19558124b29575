"""Sliders with numeric fields and resets, in rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import panel as pn
import param


class Sliders(pn.custom.JSComponent):
    """``values[i]`` belongs to ``rows[i]``, made by ``row``."""

    rows = param.List(default=[], item_type=dict)
    values = param.List(default=[], item_type=(int, float))

    _priority_changes = ["values"]  # Panel would wait 50 ms for more
    _esm = Path(__file__).with_name("sliders.js")


def row(
    label: str,
    low: float,
    high: float,
    *,
    step: float,
    unit: str = "",
    unit_name: str = "",
    digits: int = 1,
    rest: float = 0.0,
) -> dict[str, Any]:
    """One slider.

    Args:
        label: before it; ``unit`` stands after the number, and is read out as ``unit_name``.
        low, high: its ends.
        step: of the slider; the number may be finer.
        digits: decimals shown.
        rest: where the reset button leads.
    """
    return {
        "label": label, "min": low, "max": high, "step": step,
        "unit": unit, "unit_name": unit_name, "digits": digits, "rest": rest,
    }  # fmt: skip
