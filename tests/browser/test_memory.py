from __future__ import annotations

import pytest

from tests.browser.driver import LandmarksPage, halves, hot_share

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_an_address_restores_what_was_shown_and_undo_leads_back(browser, server):
    page = LandmarksPage(browser, f"{server}?scan=Smile&landmark=30&rotation_deg=0,30,0&threshold=0.4")
    try:
        turn = page.page.get_by_label("Turn y, degrees")
        page.page.locator(".fv[data-selected='30']").wait_for()
        page.rest()
        assert float(turn.input_value()) == 30 and page.text(page.chooser("Scan")) == "Smile"
        assert "at 0.4" in page.tile("IoU at")
        assert hot_share(halves(page.picture())[0]) > 0.001
        page.type("Turn y, degrees", 60)
        page.until(lambda: "rotation_deg=0,60,0" in page.page.url)
        page.page.get_by_role("button", name="Undo").click()
        page.until(lambda: float(turn.input_value()) == 30)
        page.page.get_by_role("button", name="Redo").click()
        page.until(lambda: float(turn.input_value()) == 60)
    finally:
        page.close()
