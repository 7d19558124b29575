"""The reconstruction tab in a real browser, with a network that has learnt nothing and a camera fed from a film."""

from __future__ import annotations

import numpy as np
import pytest

from faceviz import assets
from faceviz.io import read_scan
from tests.browser.driver import difference, hot_share
from tests.browser.filming import sample_pictures, write_avi
from tests.browser.reconstruct_tab import ReconstructTab, coloured_share, marked_share

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def opened(browser, server):
    tab = ReconstructTab(browser, server)
    yield tab
    tab.close()


@pytest.fixture
def tab(opened):
    """Before any picture."""
    if opened.button("New face").is_enabled():
        opened.button("New face").click()
        opened.settle()
    return opened


def image(number: int) -> bytes:
    return assets.path(f"sequences/sample/{number:02d}.jpg").read_bytes()


def test_the_sample_makes_the_mean_face_somebodys(tab):
    mean = tab.face()
    assert coloured_share(mean) > 0.15, "the canvas is blank"
    tab.play_sample()
    assert tab.used >= 12
    face, again = tab.face(), tab.face()
    assert difference(mean, face) > 0.004 and coloured_share(face) > 0.15
    assert difference(face, again) < 0.0004, "a face that rests is drawn the same"
    assert tab.shot().std() > 30 and marked_share(tab.shot()) > 0.002
    assert tab.page.locator(".row[data-used]").count() == 16
    assert tab.page.locator("rect.bar").count() == tab.used
    assert tab.page.get_by_text("helped most").is_visible()


def test_colours_of_the_change_and_points_are_other_pictures(tab):
    tab.run(a_jpg=image(0), b_jpg=image(1))
    height = tab.face()
    tab.choose("Colour by", "Change by the last picture")
    change = tab.face()
    assert difference(height, change) > 0.1
    tab.choose("Colour by", "Height")
    tab.choose("Draw", "Points")
    points = tab.face()
    assert difference(height, points) > 0.01 and coloured_share(points) > 0.1
    tab.choose("Draw", "Surface")


def test_the_expression_of_the_last_picture_is_another_face(tab):
    tab.run(a_jpg=image(0), b_jpg=image(1))
    neutral = tab.face()
    tab.choose("Expression", "As last seen")
    seen = tab.face()
    assert difference(neutral, seen) > 0.003 and coloured_share(seen) > 0.15
    tab.choose("Expression", "Neutral")
    assert difference(neutral, tab.face()) < 0.0004


def test_the_camera_feeds_the_face_until_it_is_paused_or_stopped(tab):
    mean = tab.face()
    assert difference(mean, tab.face()) < 0.0002, "nothing moves yet"
    tab.button("Start camera").click()
    tab.until(lambda: tab.used >= 2)
    tab.until(lambda: marked_share(tab.shot()) > 0.001)
    tab.button("Pause").click()
    tab.button("Resume").wait_for()
    tab.settle()
    held = tab.used
    assert difference(mean, tab.face()) > 0.001
    tab.page.wait_for_timeout(1200)
    assert tab.used == held, "paused"
    tab.button("Resume").click()
    tab.until(lambda: tab.used > held)
    assert "dropped" in tab.tile("Pictures used")
    tab.button("Stop camera").click()
    tab.button("Start camera").wait_for()
    assert tab.used > held, "the face stays"


def test_images_that_cannot_be_read_are_named_and_the_rest_is_used(tab):
    tab.drop(a_jpg=image(0), b_jpg=image(1)[:900], c_jpg=image(2))
    tab.said("3 pictures looked at")
    assert tab.used == 2 and "1 unreadable" in tab.tile("Pictures used")
    assert tab.page.get_by_text("b.jpg: is damaged or cut off").is_visible()


def test_a_film_is_shown_with_its_progress_and_can_be_cancelled(tab, tmp_path):
    pictures = [picture for _ in range(10) for picture in sample_pictures(4)]
    tab.drop(film_avi=write_avi(tmp_path / "film.avi", pictures).read_bytes())
    bar = tab.page.get_by_role("progressbar", name="Pictures looked at")
    bar.wait_for()
    tab.until(lambda: tab.used >= 2)
    assert bar.get_attribute("aria-valuemax") == "40"
    tab.button("Cancel").click()
    tab.said("cancelled")
    assert 2 <= tab.used < 40 and bar.count() == 0


def test_a_hostile_file_is_a_notice_and_the_next_one_works(tab):
    tab.drop(evil_mp4=np.random.default_rng(0).bytes(20_000))
    tab.notice("evil.mp4: is neither an image nor a video").first.wait_for()
    tab.run(a_jpg=image(0))
    assert tab.used == 1


def test_two_people_at_once_have_a_face_each(tab, browser, server):
    other = ReconstructTab(browser, server)
    try:
        tab.button("Sample").click()
        other.run(a_jpg=image(2), b_jpg=image(3))
        tab.said("16 pictures looked at")
        assert other.used == 2 and tab.used >= 12
        assert difference(tab.shot(), other.shot()) > 0.05
    finally:
        other.close()


@pytest.mark.parametrize("kind", ["PLY", "OBJ", "NPZ"])
def test_the_face_is_saved(tab, tmp_path, kind):
    tab.run(a_jpg=image(0))
    with tab.page.expect_download() as download:
        tab.button(f"Save the face as {kind}").click()
    path = tmp_path / f"face.{kind.lower()}"
    download.value.save_as(path)
    scan = read_scan(path, landmarks=None)
    assert len(scan) == 16384 and len(scan.triangles) == 32258


def test_one_click_brings_the_face_to_its_landmarks(tab):
    tab.run(a_jpg=image(0), b_jpg=image(1))
    tab.button("Landmarks on this face").click()
    tab.until(lambda: tab.chooser("Scan").is_visible())
    tab.until(lambda: tab.text(tab.chooser("Scan")) == "Reconstructed face")
    tab.settle()
    assert hot_share(tab.face()) > 0.02
    tab.button("Reconstruct").click()
    tab.settle()
    assert tab.used == 2, "the other tab keeps what it had"


@pytest.mark.parametrize("size", [(1280, 720), (1920, 1080)])
def test_no_control_is_cut_off(tab, size):
    tab.page.set_viewport_size({"width": size[0], "height": size[1]})
    tab.settle()
    boxes = tab.control_boxes()
    assert len(boxes) > 10
    for name, (left, top, right, bottom) in boxes.items():
        assert left >= 0 and top >= 0 and right <= size[0] and bottom <= size[1], f"{name} is cut off"
    tab.page.set_viewport_size({"width": 1280, "height": 720})


def test_no_script_failed_on_the_page(tab):
    assert tab.errors == []
