"""The triangles that are drawn in software while something moves (js/src/coarse.js)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import trimesh

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SOURCE = Path(__file__).parents[2] / "js/src/coarse.js"
RUN = """async ([points, triangles, count]) => {
  const { coarsened } = await import("/coarse.js");
  return Array.from(coarsened(Float32Array.from(points), Uint32Array.from(triangles), count));
}"""


@pytest.fixture(scope="module")
def page(browser):
    page = browser.new_page()
    page.route("**/coarse.js", lambda route: route.fulfill(path=SOURCE, content_type="text/javascript"))
    page.route("http://host.test/", lambda route: route.fulfill(body="", content_type="text/html"))
    page.goto("http://host.test/")
    yield page
    page.close()


def coarsened(page, mesh: trimesh.Trimesh, count: int) -> trimesh.Trimesh:
    triangles = page.evaluate(RUN, [mesh.vertices.ravel().tolist(), mesh.faces.ravel().tolist(), count])
    return trimesh.Trimesh(mesh.vertices, np.reshape(triangles, (-1, 3)), process=False)


def test_a_ball_keeps_its_surface_with_a_fraction_of_its_triangles(page):
    ball = trimesh.creation.icosphere(subdivisions=6, radius=80.0)  # 81,920 triangles
    fewer = coarsened(page, ball, 4000)
    assert 2000 < len(fewer.faces) < 8000
    assert fewer.area == pytest.approx(ball.area, rel=0.03)
    assert fewer.extents == pytest.approx(ball.extents, rel=0.03)


def test_no_triangle_has_a_corner_twice(page):
    fewer = coarsened(page, trimesh.creation.icosphere(subdivisions=5), 1000)
    assert (np.diff(np.sort(fewer.faces, axis=1), axis=1) > 0).all()


def test_what_has_few_triangles_keeps_them(page):
    ball = trimesh.creation.icosphere(subdivisions=3)  # 1,280 triangles
    assert np.array_equal(coarsened(page, ball, 1000).faces, ball.faces)


def test_triangles_without_area_are_left_as_they_are(page):
    flat = trimesh.Trimesh(np.zeros((3, 3)), np.zeros((600, 3), dtype=int), process=False)
    assert len(coarsened(page, flat, 100).faces) == 600
