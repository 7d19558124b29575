from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from faceviz.errors import FileFormatError
from faceviz.io.face_folders import face_folders


@pytest.fixture
def add(make, points, triangles):
    """Makes a folder of pictures, each as bright as its number, and a PLY."""

    def make_folder(path, pictures: int = 3, shapes: int = 1):
        path.mkdir(parents=True)
        for number in range(pictures):
            Image.new("RGB", (16, 16), (number, number, number)).save(path / f"{number}.png")
        for number in range(shapes):
            (path / f"face{number}.ply").write_bytes(make.ply_binary(points, triangles))

    return make_folder


def test_each_folder_is_a_face(add, tmp_path, points):
    add(tmp_path / "anna")
    add(tmp_path / "bert", pictures=12)
    (tmp_path / "notes").mkdir()
    anna, bert = face_folders(tmp_path)
    assert (anna.name, anna.split, len(anna.images)) == ("anna", None, 3)
    np.testing.assert_allclose(anna.truth().points, points)
    assert [int(image[0, 0, 0]) for image in bert.pictures(11)] == list(range(11))
    drawn = [int(image[0, 0, 0]) for image in bert.pictures(5, np.random.default_rng(0))]
    assert len(set(drawn)) == 5 and drawn != list(range(5))


def test_the_reports_folders_are_splits(add, tmp_path):
    add(tmp_path / "Training" / "F001")
    add(tmp_path / "Testing" / "M002")
    assert {face.name: face.split for face in face_folders(tmp_path)} == {"F001": "train", "M002": "test"}


@pytest.mark.parametrize("shapes", [0, 2])
def test_pictures_without_exactly_one_shape_are_refused(add, tmp_path, shapes):
    add(tmp_path / "anna", shapes=shapes)
    with pytest.raises(FileFormatError, match=f"holds {shapes} PLY files"):
        face_folders(tmp_path)


def test_a_shape_without_pictures_is_refused(add, tmp_path):
    add(tmp_path / "anna", pictures=0)
    with pytest.raises(FileFormatError, match="put images there"):
        face_folders(tmp_path)


def test_no_folder_of_faces_is_refused(tmp_path):
    with pytest.raises(FileFormatError, match="no folder in it holds"):
        face_folders(tmp_path)
    with pytest.raises(FileFormatError, match="is no folder"):
        face_folders(tmp_path / "none")
