"""Two models under the same sliders, protocols, the trace of the layers and the sphere of turns, in a real browser."""

from __future__ import annotations

import itertools

import pytest

from tests.browser.driver import difference, halves, hot_share

pytestmark = [pytest.mark.browser, pytest.mark.slow]

OTHER = "pose_bound"


@pytest.fixture
def compared(page):
    """Ours and a network on plain coordinates, on a turned scan."""
    page.choose("Beside it", OTHER)
    page.type("Turn y, degrees", 40)
    page.wait_for_second()
    return page


def test_both_models_draw_a_face_and_only_the_other_one_changes_its_heat(compared):
    assert all(half.std() > 20 and hot_share(half) > 0.005 for half in halves(compared.picture()))
    compared.until(lambda: compared.changes()[1] > 1e-3)
    assert compared.changes()[0] < 1e-5


def test_a_protocol_that_aligns_first_hides_the_change(compared):
    compared.choose("Protocol", "ICP: aligned back first")
    compared.until(lambda: max(compared.changes()) < 1e-3)
    compared.choose("Protocol", "None: motion kept from it")
    compared.until(lambda: compared.changes() == (0.0, 0.0))


def test_the_other_model_in_the_first_place_breaks_the_meter(compared):
    compared.choose("Model", OTHER)
    compared.until(lambda: compared.change() > 1e-3)
    compared.choose("Model", "Ours")
    compared.until(lambda: compared.change() < 1e-5)


def test_the_layers_of_ours_turn_along_and_those_of_the_other_model_do_not(compared):
    compared.open_tab("Layers")
    lists = compared.page.locator("h4")
    lists.nth(1).wait_for()
    errors = [float(text) for text in compared.attributes(".layer", "data-error")]
    ours = next(i for i, error in enumerate(errors) if error > 1e-4)
    assert ours > 10 and min(errors[ours:]) > 1e-4 and len(errors) > ours + 10


def test_the_sphere_shows_its_progress_and_can_be_cancelled(compared):
    compared.open_tab("Sphere")
    compared.page.get_by_role("button", name="Measure", exact=True).click()
    compared.page.get_by_role("progressbar", name="Turns measured").wait_for()
    compared.page.locator("ellipse ~ circle:not([fill='none'])").first.wait_for()
    compared.page.get_by_role("button", name="Cancel", exact=True).click()
    compared.page.get_by_role("button", name="Measure", exact=True).wait_for()
    compared.rest()
    assert compared.page.get_by_role("progressbar", name="Turns measured").count() == 0


def test_a_path_without_a_model_makes_a_notice_and_the_choosers_stay(page):
    page.add_model("/nowhere/at/all")
    page.notice("no model named").first.wait_for()
    page.rest()
    assert page.text(page.chooser("Beside it")) == "Truth" and page.text(page.chooser("Model")) == "Ours"


def test_a_model_is_added_by_its_path(page, other_models):
    before = page.picture()
    page.add_model(str(other_models / OTHER))
    page.page.locator(f"canvas.gl[aria-label*='; {OTHER}']").wait_for()
    page.rest()
    assert difference(halves(before)[1], halves(page.picture())[1]) > 0.02


@pytest.mark.parametrize("size", [(1280, 720), (1920, 1080)])
def test_no_control_is_cut_off_and_none_covers_another(page, size):
    page.page.set_viewport_size({"width": size[0], "height": size[1]})
    page.page.wait_for_timeout(400)
    page.rest()
    boxes = page.control_boxes()
    assert len(boxes) > 20
    for name, (left, top, right, bottom) in boxes.items():
        assert left >= 0 and top >= 0 and right <= size[0] and bottom <= size[1], f"{name} is cut off"
    for (a, one), (b, two) in itertools.combinations(boxes.items(), 2):
        apart = one[2] <= two[0] + 1 or two[2] <= one[0] + 1 or one[3] <= two[1] + 1 or two[3] <= one[1] + 1
        assert apart, f"{a} and {b} cover each other"
    page.page.set_viewport_size({"width": 1280, "height": 720})
