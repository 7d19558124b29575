"""Mends what the framework's own parts lack for screen readers; shows nothing."""

from __future__ import annotations

from pathlib import Path

import panel as pn


class Accessible(pn.custom.JSComponent):
    """One a page."""

    _esm = Path(__file__).with_name("accessible.js")
