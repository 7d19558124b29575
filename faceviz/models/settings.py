"""Settings of a network as they come from a file."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from faceviz.errors import ConfigError, nearest_name


def check_keys(values: Mapping[str, Any], kind: type) -> None:
    """Refuse what a dataclass does not know, or knows as something else.

    Raises:
        ConfigError: an unknown key (the nearest known one is named), or a value of another kind than the default.
    """
    known = {entry.name: entry.default for entry in fields(kind)}
    for key, value in values.items():
        if key not in known:
            raise ConfigError(f"unknown setting {key!r} of the network{nearest_name(str(key), known)}")
        if not _fits(value, known[key]):
            raise ConfigError(
                f"setting {key!r} of the network is {value!r:.60}; its default is {known[key]!r}"
            )


def _fits(value: Any, default: Any) -> bool:
    """Is it of the default's kind? Numbers are finite; a list may stand for a tuple."""
    if isinstance(default, bool | str):
        return type(value) is type(default)
    if isinstance(default, int):
        return isinstance(value, int) and not isinstance(value, bool)
    if isinstance(default, float):
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if isinstance(default, tuple) and default:
        return isinstance(value, list | tuple) and all(_fits(part, default[0]) for part in value)
    return True
