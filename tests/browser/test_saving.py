"""The dialog "Save as…" in a real browser, saved sessions opened by upload, and a connection that is lost."""

from __future__ import annotations

import itertools
import json
import zipfile

import pytest

from tests.browser.driver import PATIENCE, LandmarksPage, decoded, difference, hot_share

pytestmark = [pytest.mark.browser, pytest.mark.slow]

KEEP_SOCKETS = """
  window.sockets = [];
  const Plain = window.WebSocket;
  window.WebSocket = class extends Plain { constructor(...a) { super(...a); window.sockets.push(this); } };
"""


@pytest.fixture(scope="module")
def opened(browser, server):
    """A page of its own, on which the first sample is turned and one landmark chosen."""
    page = LandmarksPage(browser, server, init_script=KEEP_SOCKETS)
    page.start_anew()
    page.type("Turn y, degrees", 140)
    page.choose("Heat of", "30 nose tip")
    yield page
    page.close()


@pytest.fixture(scope="module")
def told(opened):
    """The numbers and the picture of it."""
    return numbers(opened), opened.picture()


@pytest.fixture(scope="module")
def session(opened, told):
    """Name and content of the session that was saved of it."""
    return saved(opened, "Session")


def numbers(page: LandmarksPage) -> tuple[str, str, float]:
    """What the tiles say of a scan that was moved."""
    page.page.locator("[data-change]").wait_for()
    return page.tile("IoU at"), page.tile("Median error"), page.change()


def saved(page: LandmarksPage, form: str) -> tuple[str, bytes]:
    """Saves by the dialog, and closes it by its cross."""
    page.page.get_by_role("button", name="Save as").click()
    dialog = page.page.get_by_role("dialog")
    dialog.wait_for()
    if page.text(page.chooser("What")) != form:
        page.pick("What", form)
    with page.page.expect_download(timeout=2 * PATIENCE) as download:  # a report asks the network many times
        dialog.get_by_role("button", name="Save", exact=True).click()
    dialog.get_by_text(f"{download.value.suggested_filename}: ").wait_for()
    dialog.get_by_role("button", name="close", exact=True).click()
    dialog.wait_for(state="detached")
    page.rest()
    return download.value.suggested_filename, download.value.path().read_bytes()


def test_a_saved_session_brings_back_scan_pose_settings_and_numbers(opened, told, session):
    name, content = session
    assert name == "sample_neutral.session.zip"
    opened.choose("Scan", "Smile")
    opened.choose("Heat of", "All 68 landmarks")
    opened.type("Turn y, degrees", 10)
    opened.until(lambda: numbers(opened) != told[0])
    opened.upload(name, content)
    opened.until(lambda: opened.text(opened.chooser("Heat of")) == "30 nose tip")
    opened.rest()
    opened.until(lambda: numbers(opened) == told[0])
    assert difference(told[1], opened.picture()) < 0.002
    turn = opened.page.get_by_role("spinbutton", name="Turn y, degrees", exact=True)
    assert float(turn.input_value()) == 140 and opened.data("selected") == "30"


def test_a_session_of_another_version_is_a_notice_and_the_scan_stays(opened, session, tmp_path):
    (tmp_path / "saved.zip").write_bytes(session[1])
    with zipfile.ZipFile(tmp_path / "saved.zip") as old, zipfile.ZipFile(tmp_path / "new.zip", "w") as new:
        document = json.loads(old.read("session.json")) | {"version": 99}
        new.writestr("session.json", json.dumps(document))
    before = numbers(opened)
    opened.upload("new.zip", (tmp_path / "new.zip").read_bytes())
    opened.notice("new.zip: is a session of version 99").first.wait_for()
    opened.rest()
    assert numbers(opened) == before and opened.data("selected") == "30"


def test_a_picture_and_a_report_are_saved_from_the_dialog(opened, session):
    name, content = saved(opened, "Picture, PNG")
    picture = decoded(content)
    assert name == "sample_neutral.png" and picture.shape == (720, 1280, 3) and hot_share(picture) > 0.0005
    name, content = saved(opened, "Report, PDF")
    assert name == "sample_neutral.report.pdf" and content.startswith(b"%PDF-") and len(content) > 50_000


def test_a_lost_connection_comes_back_with_the_state(opened, session):
    heats, turns = int(opened.data("heats")), itertools.cycle((20, 25))

    def answered() -> bool:
        opened.type("Turn y, degrees", next(turns))
        return int(opened.data("heats")) > heats

    opened.page.evaluate("sockets.forEach((socket) => socket.close())")
    opened.page.wait_for_function("sockets.length > 1 && sockets.at(-1).readyState === 1")
    opened.until(answered)
    assert opened.data("selected") == "30" and opened.change() < 1e-4


def test_no_script_failed_on_the_page(opened):
    assert opened.errors == []
