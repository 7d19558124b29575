"""How the parts of all tabs look: sizes, margins, style sheets."""

from __future__ import annotations

from typing import Any

import panel as pn

from widgets import readouts

WIDE: dict[str, Any] = {"sizing_mode": "stretch_width"}
FIELD: dict[str, Any] = {"size": "small", "margin": (10, 8, 4, 8), "sizing_mode": "stretch_width"}

SMALL = ":host { font-size: 12.5px; line-height: 1.5; opacity: .75; }"
DROP = """
.filepond--root { box-sizing: border-box; min-height: 50px; margin: 0; font-family: inherit; font-size: 13px;
  border: 1.5px dashed color-mix(in srgb, currentColor 34%, transparent) !important; border-radius: 8px;
  background: none !important; }
.filepond--panel, .filepond--panel-root, .filepond--panel > div { background: none !important; border: 0; }
.filepond--drop-label { min-height: 46px !important; color: inherit; background: none; }
.filepond--drop-label label { font-size: 13px; padding: 8px; }
.filepond--credits { display: none; }
"""
CLAIM = """
:host { font-size: 14px; opacity: .8; align-self: center; min-width: 0; flex: 1 1 auto; }
div { white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
"""
BUSY = ":host { font-size: 13px; } .on { animation: show .2s .35s both; } @keyframes show { from { opacity: 0; } }"


def readout(share: float) -> pn.pane.HTML:
    """A place for a number that takes a share of the row's width."""
    styles = {"flex": f"{share} 1 0", "min-width": "104px"}
    return pn.pane.HTML(
        "", stylesheets=[readouts.STYLE], styles=styles, height=86, margin=(8, 0, 4, 8), **WIDE
    )


def claim(text: str) -> pn.pane.HTML:
    """What a tab is for, in the header; cut short where there is no room."""
    return pn.pane.HTML(text, stylesheets=[CLAIM], min_width=0, align="center", sizing_mode="stretch_width")
