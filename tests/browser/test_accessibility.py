from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.browser.driver import LandmarksPage

pytestmark = [pytest.mark.browser, pytest.mark.slow]

TABS = ("Landmarks", "Compare", "Reconstruct", "Batch")
SERIOUS = {"serious", "critical"}


@pytest.fixture(scope="module")
def opened(browser, server):
    """A page of its own, on which every tab has been opened."""
    page = LandmarksPage(browser, server)
    page.page.locator(".fv[data-drawn]").first.wait_for()
    for tab in TABS:
        go(page, tab)
        if tab == "Compare":
            page.page.locator(".fv:visible").first.wait_for()
    yield page
    page.close()


def go(page: LandmarksPage, tab: str) -> None:
    page.page.get_by_role("button", name=tab, exact=True).click()
    page.page.wait_for_timeout(1500)


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
