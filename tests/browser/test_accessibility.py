"""Every tab in light and dark as axe sees it, and at two sizes of the window as somebody with a mouse does."""

from __future__ import annotations

import itertools
import json

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.browser.driver import LandmarksPage

pytestmark = [pytest.mark.browser, pytest.mark.slow]

#: Of every tab, a control that no other one has.
TABS = {
    "Landmarks": ("combobox", "Scan"),
    "Compare": ("combobox", "First scan"),
    "Reconstruct": ("button", "Sample"),
    "Batch": ("button", "Start"),
}
SERIOUS = {"serious", "critical"}
#: Of a control: its box, cut to what its scrolling parents show.
VISIBLE = """
(control) => {
  let box = control.getBoundingClientRect();
  let [left, top, right, bottom] = [box.left, box.top, box.right, box.bottom];
  for (let at = control; at; at = at.parentElement ?? at.getRootNode()?.host) {
    if (!(at instanceof Element) || at === control) continue;
    const style = getComputedStyle(at);
    if (style.overflowX === "visible" && style.overflowY === "visible") continue;
    const edge = at.getBoundingClientRect();
    if (/auto|scroll/.test(style.overflowY) && at.scrollHeight > at.clientHeight + 1) return null; // can be reached
    [left, top] = [Math.max(left, edge.left), Math.max(top, edge.top)];
    [right, bottom] = [Math.min(right, edge.right), Math.min(bottom, edge.bottom)];
  }
  return [box.width * box.height, Math.max(right - left, 0) * Math.max(bottom - top, 0)];
}
"""


@pytest.fixture(scope="module")
def opened(browser, server):
    """A page of its own, on which every tab has been opened."""
    page = LandmarksPage(browser, server)
    page.page.locator(".fv[data-drawn]").first.wait_for()
    for tab in TABS:
        go(page, tab)
        if tab == "Compare":
            page.page.get_by_text("beyond uncertainty").first.wait_for()
    yield page
    page.close()


def go(page: LandmarksPage, tab: str) -> None:
    """Opens a tab, and waits until nothing works or moves there any more."""
    page.page.get_by_role("button", name=tab, exact=True).click()
    role, name = TABS[tab]
    page.page.get_by_role(role, name=name, exact=True).wait_for()
    page.until(lambda: page.page.locator("[role=status].on:visible").count() == 0)
    seen: list[dict] = []

    def settled() -> bool:
        seen.append(page.control_boxes())
        return len(seen) > 1 and seen[-1] == seen[-2]

    page.until(settled)


def darken(page: LandmarksPage, dark: bool) -> None:
    go(page, "Landmarks")
    if page.page.locator(".fv[data-dark]").count() != dark:
        page.page.get_by_role("button", name="Toggle theme").click()
        page.page.locator(".fv[data-dark]" if dark else ".fv:not([data-dark])").first.wait_for()
        page.page.wait_for_timeout(3000)  # colours fade from one theme to the other


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe_finds_no_serious_violation_on_any_tab(opened, dark):
    darken(opened, dark)
    found = []
    for tab in TABS:
        go(opened, tab)
        answer = Axe().run(opened.page, options={"resultTypes": ["violations"]}).response
        assert answer["passes"], "axe looked at nothing"
        for violation in answer["violations"]:
            if violation["impact"] in SERIOUS:
                found += [(tab, violation["id"], node["html"][:120]) for node in violation["nodes"]]
    assert found == []


@pytest.mark.parametrize("size", [(1280, 720), (1920, 1080)], ids=lambda size: f"{size[0]}x{size[1]}")
def test_no_control_of_any_tab_is_clipped_or_lies_on_another(opened, size):
    opened.page.set_viewport_size({"width": size[0], "height": size[1]})
    for tab in TABS:
        go(opened, tab)
        boxes = opened.control_boxes()
        assert len(boxes) > 8, tab
        out = [name for name, (x0, _, x1, _) in boxes.items() if x0 < -1 or x1 > size[0] + 1]
        assert out == [], f"{tab}: beyond the edge of the window"
        pairs = itertools.combinations(boxes.items(), 2)
        on = [(a, b) for (a, one), (b, other) in pairs if overlap(one, other) > 4.0]
        assert on == [], f"{tab}: one on the other"
        cut = [name for name, (whole, seen) in shown(opened).items() if seen < 0.9 * whole]
        assert cut == [], f"{tab}: clipped"


def test_two_scans_are_compared_side_by_side_and_saved(opened):
    go(opened, "Compare")
    page = opened.page
    page.get_by_text("beyond uncertainty").first.wait_for()
    page.locator(".fv:visible[data-panes='2']").wait_for()
    with page.expect_download() as download:
        page.get_by_role("button", name="Save the displacements").click()
    saved = json.loads(download.value.path().read_text())
    corner = saved["landmarks"][48]
    assert corner["distance"] > 4.0 and saved["unit"] == "mm", "a smile moves the corner of the mouth"


def overlap(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    """The least side of what two boxes share, in pixels; 0 where one holds the other, as a field its button."""
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    inside = all(x <= y + 1 for x, y in zip(a[:2], b[:2], strict=True)) and all(
        x >= y - 1 for x, y in zip(a[2:], b[2:], strict=True)
    )
    outside = all(x >= y - 1 for x, y in zip(a[:2], b[:2], strict=True)) and all(
        x <= y + 1 for x, y in zip(a[2:], b[2:], strict=True)
    )
    return 0.0 if inside or outside else max(0.0, min(width, height))


def shown(page: LandmarksPage) -> dict[str, tuple[float, float]]:
    """The area of every button and chooser, and how much of it can be seen."""
    areas = {}
    for role in ("combobox", "button", "tab"):
        for i, control in enumerate(page.page.get_by_role(role).all()):
            if control.is_visible() and (areas_of := control.evaluate(VISIBLE)) and areas_of[0] > 16:
                name = control.get_attribute("aria-label") or control.inner_text()
                areas[f"{role} {i} {name[:30]}"] = tuple(areas_of)
    return areas
