"""The batch tab in a real browser."""

from __future__ import annotations

import csv

import pytest

from faceviz import assets
from tests.browser.driver import PATIENCE, LandmarksPage

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SCAN = "sample_neutral"
LONG = 2 * PATIENCE  # milliseconds, for several scans on a busy machine


class BatchTab(LandmarksPage):
    """One open page, on that tab."""

    def __init__(self, browser, address: str) -> None:
        super().__init__(browser, address)
        self.page.get_by_role("button", name="Batch", exact=True).click()
        self.button("Start").wait_for()

    def button(self, name: str):
        return self.page.get_by_role("button", name=name, exact=True)

    def said(self, text: str) -> None:
        self.page.get_by_role("status").filter(has_text=text).wait_for(timeout=LONG)

    def rows(self, **holding: str):
        return self.page.locator(".tabulator-row:visible", **holding)

    def drop(self, *files: tuple[str, bytes]) -> None:
        content = [
            {"name": name, "mimeType": "application/octet-stream", "buffer": data} for name, data in files
        ]
        self.page.locator("input[type=file]").last.set_input_files(content)

    def name_folder(self, path: object) -> None:
        field = self.page.get_by_label("Folder on this machine")
        field.fill(str(path))
        field.press("Enter")


@pytest.fixture(scope="module")
def tab(browser, server):
    tab = BatchTab(browser, server)
    yield tab
    tab.close()


@pytest.fixture
def folder(tmp_path):
    """A scan with its true landmarks, the same without them, and a file that is no scan."""
    scan = assets.path(f"scans/{SCAN}.ply").read_bytes()
    (tmp_path / "a.ply").write_bytes(scan)
    (tmp_path / "a.landmarks.json").write_bytes(assets.path(f"scans/{SCAN}.landmarks.json").read_bytes())
    (tmp_path / "b.ply").write_bytes(scan)
    (tmp_path / "torn.stl").write_bytes(b"")
    return tmp_path


def test_a_cancelled_folder_goes_on_and_becomes_rows_and_a_csv(tab, folder):
    tab.name_folder(folder)
    tab.button("Start").click()
    tab.until(tab.button("Cancel batch").is_enabled)
    tab.button("Cancel batch").click()
    tab.said("Start goes on where it stopped")
    tab.button("Start").click()
    tab.said("Complete: 3 scans, 1 without landmarks.")
    bar = tab.page.get_by_role("progressbar", name="Scans done")
    assert bar.get_attribute("aria-valuenow") == bar.get_attribute("aria-valuemax") == "3"
    tab.until(lambda: tab.rows().count() == 3)
    assert "is empty; check the export" in tab.rows(has_text="torn.stl").inner_text()
    with tab.page.expect_download() as download:
        tab.page.get_by_role("button", name="Save the results").click()
    with open(download.value.path(), newline="") as file:
        saved = {row["path"]: row for row in csv.DictReader(file)}
    assert sorted(saved) == ["a.ply", "b.ply", "torn.stl"] and saved["torn.stl"]["failure"]
    assert float(saved["a.ply"]["mean_iou"]) > 0.5 and not saved["b.ply"]["mean_iou"]


def test_dropped_files_are_landmarked_failures_included(tab):
    scan = assets.path(f"scans/{SCAN}.ply").read_bytes()
    tab.drop(("face.ply", scan), ("letter.ply", b"Dear reader, this is a letter.\n"))
    tab.said("2 files are here; press Start.")
    tab.button("Start").click()
    tab.said("Complete: 2 scans, 1 without landmarks.")
    tab.until(lambda: tab.rows().count() == 2)
    assert "letter.ply" not in tab.rows(has_text="face.ply").inner_text()
    assert len(tab.rows(has_text="letter.ply").inner_text()) > 40, "the row says why"


def test_a_folder_that_is_not_there_is_one_notice(tab):
    tab.name_folder("/nowhere/at/all")
    tab.button("Start").click()
    tab.notice("/nowhere/at/all").first.wait_for()
    assert tab.button("Start").is_enabled()
