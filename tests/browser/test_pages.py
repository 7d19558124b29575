"""Files that a browser opens from the disk, the network off: the scene as one page, and the report."""

from __future__ import annotations

import numpy as np
import pytest

from faceviz.display.session import Session
from faceviz.view.report import content as content_module
from faceviz.view.report import report_content, write_report
from faceviz.view.scene_html import scene_html
from tests.browser.driver import decoded, halves, hot_share
from tests.meshes import random_mesh
from tests.truthful import TruthfulPredictor

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def session():
    predictor = TruthfulPredictor()
    return Session.of_prediction(predictor.predict(random_mesh(1, 900)), predictor)


@pytest.fixture(scope="module")
def offline(browser):
    """Opens a file in a browser without a network; what the page asked for is in ``requests``."""
    context = browser.new_context(viewport={"width": 900, "height": 600}, offline=True)

    def open_file(path):
        page = context.new_page()
        page.set_default_timeout(90_000)
        page.requests, page.errors = [], []
        page.on("request", lambda request: page.requests.append(request.url))
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        page.goto(path.as_uri())
        page.locator(".fv[data-drawn='1'][data-still]").wait_for()
        return page

    yield open_file
    context.close()


@pytest.fixture(scope="module")
def scene_page(session, offline, tmp_path_factory):
    path = tmp_path_factory.mktemp("pages") / "scene.html"
    path.write_text(scene_html(session.scene()), encoding="utf-8")
    return offline(path)


def pictured(page) -> np.ndarray:
    """The canvas without titles and colour bar."""
    box = page.locator("canvas.gl").bounding_box()
    clip = {"x": box["x"], "y": box["y"] + 60, "width": box["width"], "height": box["height"] - 140}
    return decoded(page.screenshot(clip=clip))


def alone(page) -> bool:
    return [url for url in page.requests if not url.startswith(("file:", "data:", "blob:"))] == []


def test_the_scene_is_drawn_from_the_file_alone(scene_page):
    assert all(hot_share(half) > 0.05 for half in halves(pictured(scene_page)))
    assert alone(scene_page) and scene_page.errors == []


def test_a_chosen_landmark_shows_its_own_heat_in_both_panes(scene_page):
    before = [hot_share(half) for half in halves(pictured(scene_page))]
    scene_page.locator("#landmark").select_option("30")
    scene_page.locator(".fv[data-drawn='2'][data-still]").wait_for()
    after = [hot_share(half) for half in halves(pictured(scene_page))]
    assert all(0.001 < now < 0.4 * then for now, then in zip(after, before, strict=True))
    assert "landmark 30, nose tip" in scene_page.locator("canvas.gl").get_attribute("aria-label")


def test_a_drag_turns_the_scan(scene_page):
    before = pictured(scene_page)
    box = scene_page.locator("canvas.gl").bounding_box()
    x, y = box["x"] + 0.25 * box["width"], box["y"] + 0.5 * box["height"]
    scene_page.mouse.move(x, y)
    scene_page.mouse.down()
    scene_page.mouse.move(x + 90, y, steps=4)
    scene_page.mouse.up()
    scene_page.wait_for_timeout(600)
    assert np.abs(pictured(scene_page).astype(int) - before).mean() > 3


def test_the_report_shows_pictures_charts_and_a_scene_to_turn(session, offline, tmp_path, monkeypatch):
    monkeypatch.setattr(content_module, "_PICTURE", (420, 228))
    write_report(
        tmp_path / "report.html", report_content(session, "faceviz report mesh_1.ply -o report.html")
    )
    page = offline(tmp_path / "report.html")
    assert page.evaluate(
        "[...document.images].every((image) => image.complete && image.naturalWidth === 420)"
    )
    page.locator("#scene").scroll_into_view_if_needed()
    page.wait_for_timeout(600)
    assert hot_share(pictured(page)) > 0.02
    assert page.locator("svg.chart").count() == 3 and page.locator("tbody tr").count() == 68
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (
        "nothing is wider than the page"
    )
    assert alone(page) and page.errors == []
