"""Settings of a network as they come from a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from faceviz.errors import ConfigError, nearest_name


def check_keys(values: Mapping[str, Any], kind: type) -> None:
    """Refuse what a dataclass does not know.

    Raises:
        ConfigError: an unknown key; the nearest known one is named.
    """
    known = {entry.name for entry in fields(kind)}
    for key in values:
        if key not in known:
            raise ConfigError(f"unknown setting {key!r} of the network{nearest_name(str(key), known)}")
