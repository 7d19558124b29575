"""The frame that all tabs of the page stand in: header, navigation, theme."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Protocol

import panel as pn
import panel_material_ui as pmui
import param
from jinja2 import Template
from panel.util import edit_readonly
from panel_material_ui.base import BASE_TEMPLATE

from widgets.accessible import Accessible
from widgets.help import Help

BAR = 52  # height of the header, in CSS pixels
MAIN_HEIGHT = f"calc(100vh - {BAR + 8}px)"

_WIDE = {"sizing_mode": "stretch_width"}


class Section(Protocol):
    """One tab of the page. Its three parts are asked for once."""

    def header(self) -> pn.viewable.Viewable: ...

    def sidebar(self) -> pn.viewable.Viewable: ...

    def main(self) -> pn.viewable.Viewable: ...

    def darken(self, dark: bool) -> None:
        """The page is dark, or light, from now on; called when the section is opened, too."""
        ...


class _Idle(param.Parameterized):
    """In place of the whole server's state, which a page follows otherwise, and which then keeps it for ever."""

    busy = param.Boolean(False)


class Frame:
    """The page with its tabs; the first one is open.

    Args:
        sections: by the titles of their tabs; each is made when it is first opened.
    """

    def __init__(self, sections: Mapping[str, Callable[[], Section]]) -> None:
        self._makers = dict(sections)
        self._opened: dict[str, tuple[Section, tuple[pn.viewable.Viewable, ...]]] = {}
        titles = list(self._makers)
        self.tabs = pmui.RadioButtonGroup(
            options=titles,
            value=titles[0],
            color="default",
            size="small",
            margin=(0, 12),
            align="center",
            sx=_TABS,
        )
        self._header = pmui.Row(align="center", margin=0, **_WIDE)
        self._sidebar = pmui.Column(margin=0, **_WIDE)
        self._main = pmui.Column(margin=0, sizing_mode="stretch_both")
        self.tabs.param.watch(lambda e: self._show(e.new), "value")
        self.help = Help(align="center", margin=(0, 6))
        self._page: pmui.Page | None = None

    def open(self, title: str) -> None:
        """As if its tab had been clicked."""
        self.tabs.value = title

    def template(self) -> pmui.Page:
        names = Accessible(width=0, height=0, margin=0)
        self._page = pmui.Page(
            title="faceviz",
            template=_template(),
            sidebar=[self._sidebar],
            main=[self._main],
            header=[pmui.Row(self.tabs, self._header, self.help, names, margin=0, **_WIDE)],
            sidebar_width=300,
            sidebar_resizable=False,
            theme_config=_THEME,
            busy_indicator=None,
            sx=_FRAME,
        )
        with edit_readonly(self._page):
            self._page.busy = _Idle().param.busy
        self._page.param.watch(lambda e: self._darken(e.new), "dark_theme")
        self._show(self.tabs.value)
        return self._page

    def _show(self, title: str) -> None:
        if title not in self._opened:
            self._add(title)
        for name, (_, parts) in self._opened.items():
            for part in parts:
                part.visible = name == title

    def _add(self, title: str) -> None:
        section = self._makers[title]()
        section.darken(self._page.dark_theme)
        parts = section.header(), section.sidebar(), section.main()
        for place, part in zip((self._header, self._sidebar, self._main), parts, strict=True):
            place.append(part)
        self._opened[title] = section, parts

    def _darken(self, dark: bool) -> None:
        for section, _ in self._opened.values():
            section.darken(dark)


#: What covers the page until it can be used; a click that came earlier would be lost. Scripts are loaded once it shows.
_LOADING = """{% extends BASE_NAME %}
{% block loader_css %}{{ super() }}
#loader { background: {{ "#121212" if theme_name == "dark" else "#fff" }}; font: 15px/1.4 system-ui, sans-serif;
  color: {{ "#ddd" if theme_name == "dark" else "#444" }} }
#loader b { display: block; font-size: 20px; text-align: center }
#loader.error p { display: none }
.spinner { width: 28px; height: 28px; border-width: 3px }
{% endblock %}
{% block js_resources %}{% endblock %}
{% block loader %}<div id="loader" style="display: flex" role="status"><div class="spinner"></div>
<p><b>faceviz</b>Loading the page</p><div id="loader-error"></div></div>{{ bokeh_js }}{% endblock %}
""".replace("BASE_NAME", f'"{BASE_TEMPLATE.name}"')


@functools.cache
def _template() -> Template:
    return BASE_TEMPLATE.environment.from_string(_LOADING)


_TABS = {
    "& .MuiToggleButton-root": {"textTransform": "none", "fontSize": "13.5px", "padding": "3px 12px"},
    "& .MuiToggleButton-root.Mui-selected, & .MuiToggleButton-root:hover": {
        "backgroundColor": "color-mix(in srgb, currentColor 15%, transparent) !important",
        "color": "inherit !important",
    },
}
_THEME = {
    "light": {"palette": {"primary": {"main": "#2b5bd7"}}},
    "dark": {"palette": {"primary": {"main": "#8fb0ff"}}},
}
_FRAME = {
    "& .MuiToolbar-root": {"minHeight": f"{BAR}px !important", "height": f"{BAR}px"},
    "& .MuiToolbar-root > .MuiBox-root": {
        "minWidth": 0
    },  # a claim that is too long gives way, not the buttons
    "& .MuiAppBar-root": {
        "backgroundColor": "background.paper",
        "backgroundImage": "none",
        "color": "text.primary",
        "boxShadow": "none",
        "borderBottom": "1px solid",
        "borderColor": "divider",
    },
    "& .MuiAppBar-root .MuiTypography-root": {"color": "text.primary", "fontSize": "20px"},
}
