"""The viewer's module in a host of the kind that Jupyter offers, without Jupyter."""

from __future__ import annotations

import base64
import json

import pytest

from faceviz.display.scene import scene
from faceviz.display.settings import Settings
from faceviz.display.wire import VIEWER, scene_to_wire
from faceviz.testing import random_face
from tests.browser.driver import decoded, halves, hot_share
from tests.truthful import TruthfulPredictor

pytestmark = [pytest.mark.browser, pytest.mark.slow]

HOST = """
<!doctype html><meta charset="utf-8"><body style="margin:0"><div id="place" style="width:800px;height:480px"></div>
<script type="module">
  import viewer from "/viewer.js";
  const values = VALUES, changed = {};
  for (const [name, value] of Object.entries(values)) {
    if (name === "look") continue;
    values[name] = new DataView(Uint8Array.from(atob(value), (c) => c.charCodeAt(0)).buffer);
  }
  Object.assign(values, { tick: 1, message: "", clicks: 0, selected: -1 });
  const handlers = {};
  const model = {
    get: (name) => values[name],
    set: (name, value) => { changed[name] = value; },
    save_changes: () => { for (const name in changed) { values[name] = changed[name]; delete changed[name]; } },
    on: (event, handler) => (handlers[event] ??= new Set()).add(handler),
    off: (event, handler) => handlers[event]?.delete(handler),
  };
  const stop = viewer.render({ model, el: document.getElementById("place") });
  window.host = { values, stop, left: () => Object.values(handlers).reduce((n, set) => n + set.size, 0),
    put: (name, value) => { values[name] = value; handlers[`change:${name}`]?.forEach((handler) => handler()); } };
</script>
"""


@pytest.fixture(scope="module")
def page(browser):
    spec = scene(TruthfulPredictor().predict(random_face(1, 3000)), Settings())
    wire = {
        name: value if name == "look" else base64.b64encode(value).decode()
        for name, value in scene_to_wire(spec).items()
    }
    page = browser.new_page(viewport={"width": 800, "height": 480})
    page.route("**/viewer.js", lambda route: route.fulfill(path=VIEWER, content_type="text/javascript"))
    page.route(
        "http://host.test/",
        lambda route: route.fulfill(body=HOST.replace("VALUES", json.dumps(wire)), content_type="text/html"),
    )
    page.goto("http://host.test/")
    page.locator(".fv[data-drawn='1']").wait_for(timeout=60_000)
    yield page
    page.close()


def test_it_draws_both_panes(page):
    picture = decoded(page.screenshot(clip={"x": 0, "y": 60, "width": 800, "height": 340}))
    assert all(hot_share(half) > 0.02 for half in halves(picture))


def test_a_click_is_told_to_the_host(page):
    box = page.locator("canvas.gl").bounding_box()
    page.mouse.click(box["x"] + 0.25 * box["width"], box["y"] + 0.5 * box["height"])
    page.wait_for_function("host.values.clicks === 1 && host.values.selected >= 0")


def test_heat_of_former_points_is_not_drawn_on_new_ones(page):
    page.evaluate("host.put('heat', new DataView(new ArrayBuffer(40))); host.put('tick', 2)")
    page.locator(".fv[data-drawn='2']").wait_for()
    picture = decoded(page.screenshot(clip={"x": 0, "y": 60, "width": 800, "height": 340}))
    assert hot_share(picture) > 0.02


def test_it_stacks_the_panes_where_the_place_is_narrow(page):
    page.evaluate("document.getElementById('place').style.width = '300px'")
    page.wait_for_timeout(500)
    picture = decoded(page.screenshot(clip={"x": 0, "y": 0, "width": 300, "height": 480}))
    upper, lower = picture[60:220], picture[300:400]
    assert hot_share(upper) > 0.02 and hot_share(lower) > 0.02


def test_a_removed_viewer_leaves_no_listener_behind(page):
    assert page.evaluate("host.left()") > 5
    page.evaluate("host.stop()")
    assert page.evaluate("host.left()") == 0
    assert page.locator("canvas.gl").count() == 0
