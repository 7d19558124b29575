from __future__ import annotations

import numpy as np
import pytest

from faceviz.io.folders import scan_files


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / ".hidden").mkdir()
    for name in ("z.ply", "a.OBJ", "b/c.npy", ".hidden/d.ply", ".e.ply", "picture.jpg", "z_landmarks.npy"):
        (tmp_path / name).write_bytes(b"anything")
    return tmp_path


def names(folder, **settings):
    return [path.relative_to(folder).as_posix() for path in scan_files(folder, **settings)]


def test_scans_are_known_by_their_extension_and_sorted(folder):
    assert names(folder) == ["a.OBJ", "z.ply"]


def test_the_folders_within_are_searched_when_asked_but_not_hidden_ones(folder):
    assert names(folder, recursive=True) == ["a.OBJ", "b/c.npy", "z.ply"]


def test_a_text_is_a_scan_if_it_begins_with_points_or_has_landmarks_beside_it(tmp_path):
    np.savetxt(tmp_path / "points.txt", np.ones((200, 3)))
    (tmp_path / "notes.txt").write_text("3 people came today\n")
    (tmp_path / "table.csv").write_text("path,failure\na.ply,\n")
    (tmp_path / "odd.txt").write_text("see beside\n")
    (tmp_path / "odd.landmarks.json").write_text("{}")
    assert names(tmp_path) == ["odd.txt", "points.txt"]


def test_a_loop_of_links_ends(tmp_path):
    (tmp_path / "face.ply").write_bytes(b"ply")
    (tmp_path / "again").symlink_to(tmp_path)
    assert names(tmp_path, recursive=True) == ["face.ply"]
