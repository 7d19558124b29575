from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.browser.conftest import FLAGS
from tests.browser.driver import decoded, difference, hot_share
from tests.notebooks.lab import NotebookPage, jupyterlab

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "explore_scan.ipynb"


@pytest.mark.browser
@pytest.mark.slow
def test_a_slider_in_jupyterlab_moves_the_scan_and_its_heat_stays(chromium, tmp_path):
    with ThreadPoolExecutor(1) as pool:  # other tests drive a browser in the main thread
        pool.submit(_move_a_slider, chromium, tmp_path).result()


def _move_a_slider(chromium: str, tmp_path: Path) -> None:
    from playwright.sync_api import sync_playwright

    with jupyterlab(tmp_path, NOTEBOOK) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        notebook = NotebookPage(page, address, NOTEBOOK.name)
        for cell in (1, 3):  # reads the scan; explores it
            notebook.run(cell)
        canvas = notebook.wait_for_canvas()
        before, drawn = decoded(canvas.screenshot()), page.locator(".fv").get_attribute("data-heats")
        assert hot_share(before) > 0.01, "the canvas is blank"
        handle = notebook.slider("Turn y")
        handle.focus()
        for _ in range(4):
            page.keyboard.press("PageUp")
        page.wait_for_function("n => document.querySelector('.fv').dataset.heats != n", arg=drawn)
        page.get_by_text(re.compile("the motion changed the heat by")).wait_for()
        page.get_by_text("| Idle").first.wait_for()  # all four steps are answered
        notebook.wait_for_canvas()
        after = decoded(canvas.screenshot())
        assert difference(before, after) > 0.03 and hot_share(after) > 0.01
        changed = page.get_by_text(re.compile("the motion changed the heat by")).inner_text()
        assert 0 < float(re.search(r"by (\S+)", changed)[1]) < 1e-5
        browser.close()
