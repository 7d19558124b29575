from __future__ import annotations

import csv

import numpy as np
import pytest

from faceviz.batch.results import COLUMNS, ResultsFile, RunIdentity, ScanResult, read_results
from faceviz.errors import FileFormatError

RUN = RunIdentity("/scans", "se3unet", "abc", "")


def result(path="a.ply", seed=0):
    rng = np.random.default_rng(seed)
    return ScanResult(
        path, "", "mm", 0.9, 1.5, 1.25, 1.0, 4.0, 0.3, rng.normal(size=(68, 3)), rng.uniform(size=68)
    )


def write(path, *results, run=RUN):
    with ResultsFile(path, run) as file:
        for one in results:
            file.add(one)


def test_a_row_reads_back_to_the_last_bit(tmp_path):
    write(tmp_path / "r.csv", result())
    (read,) = read_results(tmp_path / "r.csv")
    np.testing.assert_array_equal(read.landmarks, result().landmarks)
    np.testing.assert_array_equal(read.confidence, result().confidence)
    assert (read.path, read.unit, read.mean_iou, read.largest_error) == ("a.ply", "mm", 0.9, 4.0)


def test_the_file_is_plain_csv_with_named_columns(tmp_path):
    write(tmp_path / "r.csv", result(), ScanResult("b,\u00e9.ply", "is empty; export it again"))
    with (tmp_path / "r.csv").open(newline="", encoding="utf-8") as file:
        first, second = csv.DictReader(file)
    assert float(first["landmark_67_z"]) == result().landmarks[67, 2]
    assert second["path"] == "b,\u00e9.ply" and second["landmark_0_x"] == second["mean_iou"] == ""
    assert second["failure"] == "is empty; export it again"


@pytest.mark.parametrize("cut", [1, 30, 1000])
def test_a_row_that_was_cut_off_is_removed_and_the_rest_kept(tmp_path, cut):
    path = tmp_path / "r.csv"
    write(path, result("a.ply"), result("b.ply"))
    path.write_bytes(path.read_bytes()[:-cut])
    with ResultsFile(path, RUN) as file:
        assert list(file.done) == ["a.ply"]
        file.add(result("b.ply"))
    assert [one.path for one in read_results(path)] == ["a.ply", "b.ply"]


def test_a_file_whose_header_was_cut_off_is_begun_again(tmp_path):
    path = tmp_path / "r.csv"
    path.write_text(",".join(COLUMNS)[:100])
    write(path, result())
    assert len(read_results(path)) == 1


@pytest.mark.parametrize("content", [b"my notes", b"x,y\n1,2\n", b"path,failure\n"])
def test_another_file_is_refused_and_left_as_it_is(tmp_path, content):
    path = tmp_path / "r.csv"
    path.write_bytes(content)
    with pytest.raises(FileFormatError, match="something else than results"):
        ResultsFile(path, RUN)
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    ("other", "what"),
    [
        (RunIdentity("/others", "se3unet", "abc", ""), "folder: /scans, now /others"),
        (RunIdentity("/scans", "mine", "abc", ""), "model: se3unet, now mine"),
        (RunIdentity("/scans", "se3unet", "abd", ""), "checksum"),
        (RunIdentity("/scans", "se3unet", "abc", "unit=cm"), "settings: none, now unit=cm"),
    ],
)
def test_results_of_another_run_are_refused(tmp_path, other, what):
    write(tmp_path / "r.csv", result())
    before = (tmp_path / "r.csv").read_bytes()
    with pytest.raises(FileFormatError, match=what):
        ResultsFile(tmp_path / "r.csv", other)
    assert (tmp_path / "r.csv").read_bytes() == before


def test_two_runs_cannot_write_into_one_file(tmp_path):
    with ResultsFile(tmp_path / "r.csv", RUN), pytest.raises(FileFormatError, match="another run is writing"):
        ResultsFile(tmp_path / "r.csv", RUN)
    ResultsFile(tmp_path / "r.csv", RUN).close()


def test_a_damaged_line_in_the_middle_is_named(tmp_path):
    path = tmp_path / "r.csv"
    write(path, result("a.ply"), result("b.ply"))
    lines = path.read_text().splitlines(keepends=True)
    path.write_text(lines[0] + "a.ply,,mm\n" + lines[2])
    with pytest.raises(FileFormatError, match="line 2 is damaged"):
        ResultsFile(path, RUN)
    with pytest.raises(FileFormatError, match="line 2 is damaged"):
        read_results(path)


def test_a_place_that_cannot_be_written_is_one_line(tmp_path):
    with pytest.raises(FileFormatError, match="cannot be written"):
        ResultsFile(tmp_path / "none" / "r.csv", RUN)
    with pytest.raises(FileFormatError, match="cannot be read"):
        read_results(tmp_path / "none.csv")
