from __future__ import annotations

import os
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks.batch_resume import kill_and_continue
from faceviz.batch import landmark_folder, read_results
from faceviz.batch.results import COLUMNS
from faceviz.cluster import Lost
from faceviz.errors import CheckpointError, FileFormatError, NoFaceError
from faceviz.io import write_scan
from tests.evaluation.conftest import bumpy_scan


class FakePredictor:
    """Is off by (3, 0, 4) units everywhere; sees no face in a scan of 99 points."""

    name = "fake"
    description = {"sha256": "f00"}

    def predict(self, scan, *, raw=False):
        if len(scan) == 99:
            raise NoFaceError(f"{scan.source}: no face was found; crop it")
        landmarks = scan.points[:68] if scan.landmarks is None else scan.landmarks
        return SimpleNamespace(landmarks=landmarks + [3.0, 0.0, 4.0], confidence=np.linspace(0, 1, 68))


@pytest.fixture
def fake(monkeypatch):
    predictor = FakePredictor()
    for module in ("folder", "scans"):
        monkeypatch.setattr(f"faceviz.batch.{module}.process_model", lambda *_: predictor)
    return predictor


@pytest.fixture
def scans(tmp_path):
    """Six files: two good ones with a truth, one without, one without a face, two that are no scans."""
    folder = tmp_path / "scans"
    (folder / "b").mkdir(parents=True)
    write_scan(folder / "a.npz", bumpy_scan(0, count=200))
    write_scan(folder / "b" / "good.npz", bumpy_scan(1, count=200))
    write_scan(folder / "c.npz", bumpy_scan(2, count=200).with_(landmarks=None))
    write_scan(folder / "d.npz", bumpy_scan(3, count=99))
    (folder / "e.ply").write_bytes(b"ply\nformat ascii 1.0\nelement vertex 9\nend_header\n1 2")
    (folder / "f.stl").write_bytes(b"")
    return folder


@pytest.mark.usefixtures("fake")
class TestWithAFake:
    def test_every_scan_has_a_row_in_the_order_of_the_paths_and_failures_say_why(self, scans, tmp_path):
        summary = landmark_folder(scans, tmp_path / "r.csv")
        rows = read_results(tmp_path / "r.csv")
        assert [row.path for row in rows] == ["a.npz", "b/good.npz", "c.npz", "d.npz", "e.ply", "f.stl"]
        assert [bool(row.failure) for row in rows] == [False, False, False, True, True, True]
        assert "no face was found" in rows[3].failure and rows[5].failure.startswith("is empty")
        assert (summary.total, summary.done, summary.new, summary.failed) == (6, 6, 6, 3)
        assert summary.complete

    def test_the_errors_are_those_of_the_truth_and_empty_without_one(self, scans, tmp_path):
        landmark_folder(scans, tmp_path / "r.csv")
        first, _, bare, *_ = read_results(tmp_path / "r.csv")
        assert (first.mean_error, first.inner_median_error, first.largest_error) == pytest.approx((5, 5, 5))
        assert np.isnan(bare.mean_error) and bare.landmarks.shape == (68, 3)

    def test_landmarks_that_are_not_valid_do_not_count(self, scans, tmp_path, fake, monkeypatch):
        scan = bumpy_scan(0, count=200)
        valid = np.arange(68) != 20
        np.savez(scans / "a.npz", points=scan.points, landmarks=scan.landmarks, unit="mm", valid=valid)
        offset = np.zeros((68, 3))
        offset[20] = 1000.0
        monkeypatch.setattr(
            fake,
            "predict",
            lambda scan, raw=False: SimpleNamespace(
                landmarks=scan.landmarks + offset, confidence=np.ones(68)
            ),
            raising=False,
        )
        (scans / "only").mkdir()
        (scans / "a.npz").rename(scans / "only" / "a.npz")
        landmark_folder(scans / "only", tmp_path / "r.csv")
        assert read_results(tmp_path / "r.csv")[0].largest_error < 1e-9

    def test_progress_counts_and_guesses_the_time_left(self, scans, tmp_path):
        told = []
        landmark_folder(scans, tmp_path / "r.csv", progress=told.append)
        assert [one.done for one in told] == list(range(7)) and {one.total for one in told} == {6}
        assert told[0].seconds_left is None and told[-1].seconds_left == 0 and told[-1].failed == 3
        assert told[3].seconds_left > 0 and told[3].result.path == "c.npz"

    def test_a_cancelled_batch_goes_on_where_it_stopped_and_does_nothing_twice(self, scans, tmp_path):
        told = []
        first = landmark_folder(
            scans, tmp_path / "r.csv", progress=told.append, cancel=lambda: told[-1].done == 2
        )
        assert (first.done, first.complete) == (2, False)
        second = landmark_folder(scans, tmp_path / "r.csv")
        assert (second.done, second.new, second.failed) == (6, 4, 3)
        paths = [row.path for row in read_results(tmp_path / "r.csv")]
        assert len(paths) == len(set(paths)) == 6

    def test_a_batch_cancelled_before_it_begins_does_nothing(self, scans, tmp_path):
        assert landmark_folder(scans, tmp_path / "r.csv", cancel=lambda: True).done == 0
        assert read_results(tmp_path / "r.csv") == []

    def test_an_interruption_leaves_whole_rows_and_the_next_run_completes_them(self, scans, tmp_path):
        def interrupt(progress):
            if progress.done == 3:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            landmark_folder(scans, tmp_path / "r.csv", progress=interrupt)
        assert len(read_results(tmp_path / "r.csv")) == 3
        assert landmark_folder(scans, tmp_path / "r.csv").new == 3

    def test_a_complete_batch_does_nothing_more(self, scans, tmp_path):
        landmark_folder(scans, tmp_path / "r.csv")
        before = (tmp_path / "r.csv").read_bytes()
        assert landmark_folder(scans, tmp_path / "r.csv").new == 0
        assert (tmp_path / "r.csv").read_bytes() == before

    def test_new_scans_are_added_to_what_is_there(self, scans, tmp_path):
        landmark_folder(scans, tmp_path / "r.csv")
        write_scan(scans / "0.npz", bumpy_scan(5, count=200))
        assert landmark_folder(scans, tmp_path / "r.csv").new == 1
        assert read_results(tmp_path / "r.csv")[-1].path == "0.npz"

    def test_results_may_lie_in_the_folder_itself(self, scans):
        landmark_folder(scans, scans / "r.csv")
        assert landmark_folder(scans, scans / "r.csv").total == 6

    def test_results_of_another_folder_are_refused(self, scans, tmp_path):
        landmark_folder(scans / "b", tmp_path / "r.csv")
        with pytest.raises(FileFormatError, match="another folder"):
            landmark_folder(scans, tmp_path / "r.csv")

    def test_results_of_other_weights_are_refused(self, scans, tmp_path, fake, monkeypatch):
        landmark_folder(scans, tmp_path / "r.csv")
        monkeypatch.setattr(fake, "description", {"sha256": "bar"}, raising=False)
        with pytest.raises(FileFormatError, match="another checksum: f00, now bar"):
            landmark_folder(scans, tmp_path / "r.csv")

    def test_a_strange_error_is_a_row_too(self, scans, tmp_path, fake, monkeypatch):
        monkeypatch.setattr(fake, "predict", lambda *_, **__: 1 / 0, raising=False)
        landmark_folder(scans, tmp_path / "r.csv")
        assert "ZeroDivisionError" in read_results(tmp_path / "r.csv")[0].failure

    def test_a_scan_whose_workers_died_is_a_failure_of_that_scan(self, scans, tmp_path):
        def each(function, items):
            return (Lost() if "c.npz" in item else function(item) for item in items)

        assert landmark_folder(scans, tmp_path / "r.csv", each=each).failed == 4
        assert "worker died" in read_results(tmp_path / "r.csv")[2].failure

    def test_a_name_that_no_line_can_hold_is_escaped_and_still_done_once(self, tmp_path):
        folder = tmp_path / "scans"
        folder.mkdir()
        for name in (b"new\nline.ply", b"latin\xe9.ply"):
            with open(os.path.join(os.fsencode(folder), name), "wb") as file:
                file.write(b"ply")
        landmark_folder(folder, tmp_path / "r.csv")
        assert landmark_folder(folder, tmp_path / "r.csv").new == 0
        assert [row.path for row in read_results(tmp_path / "r.csv")] == [
            "latin\\udce9.ply",
            "new\\nline.ply",
        ]

    @pytest.mark.parametrize(("make", "message"), [(False, "is no folder"), (True, "holds no scans")])
    def test_a_folder_without_scans_is_an_error(self, tmp_path, make, message):
        if make:
            (tmp_path / "x").mkdir()
        with pytest.raises(FileFormatError, match=message):
            landmark_folder(tmp_path / "x", tmp_path / "r.csv")
        assert not (tmp_path / "r.csv").exists()


def test_a_model_that_does_not_exist_is_said_before_anything_is_written(scans, tmp_path):
    with pytest.raises(CheckpointError, match="no model named"):
        landmark_folder(scans, tmp_path / "r.csv", model="nobody")
    assert not (tmp_path / "r.csv").exists()


def test_the_landmarks_are_those_of_the_predictor(tmp_path, sample_scan):
    from faceviz import LandmarkPredictor
    from faceviz.cluster import one_thread

    write_scan(tmp_path / "face.npz", sample_scan)
    landmark_folder(tmp_path, tmp_path / "r.csv", device="cpu")
    (row,) = read_results(tmp_path / "r.csv")
    with one_thread():
        expected = LandmarkPredictor.from_pretrained(device="cpu").predict(sample_scan)
    np.testing.assert_array_equal(row.landmarks, expected.landmarks)
    np.testing.assert_array_equal(row.confidence, expected.confidence.astype(float))
    assert row.mean_iou > 0.7 and row.inner_median_error < 5


def test_a_batch_that_is_killed_has_every_scan_exactly_once_in_the_end(tmp_path):
    done = kill_and_continue(tmp_path, scans=80, kills=5, slow=0.01)
    assert done.kills == 5 and 0 < done.last < 75
    assert (done.rows, done.missing, done.repeated, done.wrong) == (80, 0, 0, 0)


def test_there_are_as_many_columns_as_promised():
    assert len(COLUMNS) == 3 + 6 + 4 + 204 + 68 and len(set(COLUMNS)) == len(COLUMNS)
