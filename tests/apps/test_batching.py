"""The batch tab without a browser, with a predictor that knows the truth."""

from __future__ import annotations

import io
import time

import numpy as np
import pytest

from faceviz.batch import read_results
from faceviz.io import write_scan
from tests.evaluation.conftest import bumpy_scan


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "scans"
    folder.mkdir()
    for seed in range(4):
        write_scan(folder / f"{seed}.npz", bumpy_scan(seed, count=300))
    (folder / "bad.stl").write_bytes(b"")
    return folder


class Person:
    """Somebody at the tab."""

    def __init__(self) -> None:
        from widgets.batching import BatchApp

        self.app = BatchApp()
        self.page = self.app.page

    def settle(self) -> None:
        from widgets.engine import WORKER

        end = time.monotonic() + 30
        while self.app.working:
            assert time.monotonic() < end, "the tab does not come to rest"
            time.sleep(0.005)
        WORKER.submit(lambda: None).result(timeout=30)

    def start(self, folder: object = "") -> None:
        self.page.folder.value = str(folder)
        self.page.start.clicks += 1

    def drop(self, **files: bytes) -> None:
        self.page.drop[0].value = {name.replace("_", "."): content for name, content in files.items()}


@pytest.fixture
def person(predictor, notices, monkeypatch):
    predictor.description = {"sha256": "f00"}
    for module in ("folder", "scans"):
        monkeypatch.setattr(f"faceviz.batch.{module}.process_model", lambda *_: predictor)
    person = Person()
    yield person
    person.settle()
    person.app._leave()


def test_a_folder_becomes_rows_failures_included_and_a_csv(person, folder):
    person.start(folder)
    person.settle()
    rows = person.page.rows.value
    assert list(rows["Scan"]) == ["0.npz", "1.npz", "2.npz", "3.npz", "bad.stl"]
    assert list(rows["Face"]) == [True] * 4 + [False]
    assert rows["What went wrong"].iloc[-1].startswith("is empty") and rows["IoU"].iloc[0] > 0.9
    assert "Complete: 5 scans, 1 without" in person.page.message.object
    assert ">5<" in person.page.done.object and 'aria-valuenow="5"' in person.page.bar.object
    assert person.app._file().read() == (folder / "landmarks.csv").read_bytes()
    assert len(read_results(folder / "landmarks.csv")) == 5


def test_a_cancelled_batch_goes_on_where_it_stopped(person, folder, predictor, monkeypatch):
    slow = predictor.predict

    def predict(scan, *, raw=False):
        time.sleep(0.1)
        return slow(scan, raw=raw)

    monkeypatch.setattr(predictor, "predict", predict, raising=False)
    person.start(folder)
    end = time.monotonic() + 20
    while len(person.page.rows.value) < 1 and time.monotonic() < end:
        time.sleep(0.005)
    assert person.page.start.disabled and not person.page.cancel.disabled
    person.page.cancel.clicks += 1
    person.settle()
    assert "Cancelled" in person.page.message.object and not person.page.start.disabled
    assert 1 <= len(read_results(folder / "landmarks.csv")) < 5
    person.start(folder)
    person.settle()
    assert len(person.page.rows.value) == 5
    assert len({row.path for row in read_results(folder / "landmarks.csv")}) == 5


def test_dropped_files_are_landmarked_in_a_private_folder_that_goes_with_the_page(person):
    content = io.BytesIO()
    np.savez(content, points=bumpy_scan(0).points, landmarks=bumpy_scan(0).landmarks)
    person.drop(face_npz=content.getvalue(), bad_stl=b"")
    assert "2 files are here" in person.page.message.object
    place = person.app._kept
    assert place.stat().st_mode & 0o077 == 0
    person.start()
    person.settle()
    assert list(person.page.rows.value["Scan"]) == ["bad.stl", "face.npz"]
    person.app._leave()
    assert not place.exists()


def test_files_come_and_go_one_by_one_in_the_dictionary_of_the_widget(person):
    place = person.page.drop[0]
    for name in ("a.npz", "b.npz"):
        place.value[name] = b"x"
        place.param.trigger("value")
    assert {path.name for path in person.app._uploads.iterdir()} == {"a.npz", "b.npz"}
    del place.value["a.npz"]
    place.param.trigger("value")
    assert [path.name for path in person.app._uploads.iterdir()] == ["b.npz"]
    assert "1 file is here" in person.page.message.object


@pytest.mark.parametrize("name", ["../../evil.npz", "..\\evil.npz", "/etc/evil.npz", ".evil.npz"])
def test_a_file_name_leads_nowhere_else(person, name):
    person.page.drop[0].value = {name: b"x"}
    assert [path.name for path in person.app._uploads.iterdir()] == ["evil.npz"]


def test_what_cannot_begin_is_one_notice(person, notices, tmp_path):
    person.start()
    assert "name a folder, or drop some files" in notices[-1]
    person.start(tmp_path / "nowhere")
    person.settle()
    assert "is no folder" in notices[-1] and not person.page.start.disabled
    (tmp_path / "landmarks.csv").write_text("mine\n")
    write_scan(tmp_path / "a.npz", bumpy_scan(0, count=300))
    person.start(tmp_path)
    person.settle()
    assert "something else than results" in notices[-1]


def test_on_a_shared_server_no_folder_can_be_named(predictor, notices, monkeypatch, folder):
    import widgets.batch_page
    import widgets.batching

    monkeypatch.setattr(widgets.batch_page, "SHARED", True)
    monkeypatch.setattr(widgets.batching, "SHARED", True)
    person = Person()
    assert not person.page.folder.visible
    person.start(folder)
    assert "drop some files" in notices[-1] and not (folder / "landmarks.csv").exists()
