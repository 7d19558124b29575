from __future__ import annotations

import re

import numpy as np
import pytest

from faceviz.io import read_scan, write_scan
from tests.browser.driver import difference, halves

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_the_table_shows_uncertainty_and_names_what_to_check_first(page):
    cells = page.page.locator(".tabulator-row [tabulator-field='\u00b1']").filter(has_text=re.compile(r"\d"))
    page.until(lambda: cells.count() > 5)
    assert all(0.3 < float(text) < 30.0 for text in cells.all_inner_texts())
    assert page.page.get_by_text("Check first").is_visible()


def test_the_button_and_its_key_draw_where_the_truths_lie(page):
    before = page.picture()
    page.page.get_by_role("button", name="Show or hide the uncertainty").click()
    page.rest()
    left, right = (difference(a, b) for a, b in zip(halves(before), halves(page.picture()), strict=True))
    assert left > 0.001 and right < 0.0005, "the truth has no uncertainty"
    page.page.locator("canvas.gl").focus()
    page.page.keyboard.press("u")
    page.page.locator("canvas.gl").blur()  # the ring of the focus is blue, too
    page.rest()
    assert difference(before, page.picture()) < 0.002


def test_a_suspect_truth_is_marked_in_the_table_and_red_in_the_picture(page, tmp_path):
    scan = read_scan("assets/scans/sample_neutral.ply")
    truth = scan.landmarks.copy()
    truth[[36, 45]] = truth[[45, 36]]
    write_scan(tmp_path / "swapped.npz", scan.with_(landmarks=truth))
    page.upload("swapped.npz", (tmp_path / "swapped.npz").read_bytes())
    page.page.get_by_text("2 suspect").first.wait_for()
    page.rest()
    marked = page.page.locator(".tabulator-row", has_text="\u26a0")
    page.until(lambda: marked.count() == 2)
    assert any("right eye outer corner" in text for text in marked.all_inner_texts())
    red, green, blue = np.moveaxis(halves(page.picture())[1].astype(int), -1, 0)
    assert ((red > 180) & (green < 90) & (blue < 110) & (blue > 40)).sum() > 8


def test_a_bar_of_the_chart_chooses_its_landmark_everywhere(page):
    page.open_tab("Chart")
    page.page.get_by_role("button", name="Uncertainty", exact=True).click()
    page.page.locator("ul.bars[aria-label^='Uncertainty']").wait_for()
    landmark = page.page.locator("button[data-landmark]").first.get_attribute("data-landmark")
    bar = page.page.locator(f"button[data-landmark='{landmark}']")
    bar.click()
    page.page.locator(f".fv[data-selected='{landmark}']").wait_for()
    page.rest()
    assert page.text(page.chooser("Heat of")).startswith(f"{landmark} ")
    page.until(lambda: bar.get_attribute("aria-pressed") == "true")


def test_keys_choose_the_next_landmark_and_undo_it(page):
    page.page.locator("canvas.gl").focus()
    page.page.keyboard.press("]")
    page.page.locator(".fv[data-selected='0']").wait_for()
    page.page.keyboard.press("]")
    page.page.locator(".fv[data-selected='1']").wait_for()
    page.rest(quiet=1.0)
    page.page.keyboard.press("Control+z")
    page.page.locator(".fv[data-selected='0']").wait_for()
    page.page.locator("canvas.gl").focus()
    page.page.keyboard.press("Escape")
    page.page.locator(".fv[data-selected='-1']").wait_for()


def test_the_help_opens_by_its_key_and_closes(page):
    page.page.locator("canvas.gl").focus()
    page.page.keyboard.press("?")
    dialog = page.page.get_by_role("dialog", name="Help")
    dialog.wait_for()
    assert "look from the front" in dialog.inner_text() and "First steps" in dialog.inner_text()
    page.page.keyboard.press("Escape")
    dialog.wait_for(state="detached")
