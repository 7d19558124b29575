from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
from PIL import Image

from faceviz.errors import FileFormatError
from faceviz.io.facescape_views import MultiViewTree, read_params

K = [[50.0, 0.0, 32.0, 0.0], [0.0, 50.0, 24.0, 0.0], [0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 1.0]]
RT = [[1.0, 0.0, 0.0, 0.0], [0.0, -1.0, 0.0, 0.0], [0.0, 0.0, -1.0, 4.0]]


def params(count: int, **changes) -> dict:
    out = {}
    for v in range(count):
        camera = {
            "K": K, "Rt": RT, "distortion": [0.2, 0.0, 0.0, 0.0, 0.0], "width": 64, "height": 48, "matches": [],
            "valid": v != 1, "sn": "x", "ori": 0,
        }  # fmt: skip
        out |= {f"{v}_{key}": value for key, value in (camera | changes).items()}
    return out


@pytest.fixture
def tree(make, points, triangles, tmp_path):
    """One subject with two expressions of three views, the second invalid; a mesh of the first."""
    for name in ("1_neutral", "2_smile"):
        folder = tmp_path / "images" / "7" / name
        folder.mkdir(parents=True)
        (folder / "params.json").write_text(json.dumps(params(3)))
        for v in range(3):
            Image.fromarray(np.full((48, 64, 3), 50 * v, np.uint8)).save(folder / f"{v}.jpg")
    (tmp_path / "meshes" / "7").mkdir(parents=True)
    (tmp_path / "meshes" / "7" / "1_neutral.ply").write_bytes(make.ply_binary(points, triangles))
    alignment = {"7": {"1": [2.0, [[0, -1, 0, 10], [1, 0, 0, 20], [0, 0, 1, 30]]]}}
    (tmp_path / "Rt_scale_dict.json").write_text(json.dumps(alignment))
    return tmp_path


def test_sets_and_their_valid_views_are_found(tree):
    data = MultiViewTree(tree / "images", tree / "meshes")
    assert data.subjects == (7,) and [item.name for item in data.sets] == ["7/1_neutral", "7/2_smile"]
    assert [view.path.name for view in data.sets[0].views] == ["0.jpg", "2.jpg"]
    assert [item.mesh is None for item in data.sets] == [False, True]
    assert len(MultiViewTree(tree / "images", expressions=["smile"]).sets) == 1


def test_cameras_project_as_opencv_does(tree):
    view = MultiViewTree(tree / "images").sets[0].views[0]
    points = np.random.default_rng(0).uniform(-1, 1, (20, 3))
    turn = cv2.Rodrigues(view.pose[:, :3])[0]
    expected, _ = cv2.projectPoints(points, turn, view.pose[:, 3], view.intrinsics, None)
    np.testing.assert_allclose(view.project(points), expected[:, 0])


def test_pictures_come_without_distortion(tree):
    view = MultiViewTree(tree / "images").sets[0].views[0]
    grid = np.zeros((48, 64, 3), np.uint8)
    grid[:, 60] = 255
    Image.fromarray(grid).save(view.path, quality=100)
    image = view.read()
    assert image.shape == (48, 64, 3) and image.dtype == np.uint8
    row = image[24, :, 0].astype(int)
    assert row.argmax() != 60, "a line near the rim moves"


def test_a_picture_of_another_size_is_refused(tree):
    view = MultiViewTree(tree / "images").sets[0].views[0]
    Image.new("RGB", (32, 24)).save(view.path)
    with pytest.raises(FileFormatError, match="has 32 x 24 pixels, but params.json says 64 x 48"):
        view.read()


def test_a_mesh_comes_in_its_own_frame_or_aligned_in_mm(tree, points):
    plain = MultiViewTree(tree / "images", tree / "meshes")
    scan = plain.mesh(plain.sets[0])
    np.testing.assert_allclose(scan.points, points)
    assert scan.unit == "unknown"
    aligned = MultiViewTree(tree / "images", tree / "meshes", alignment=tree / "Rt_scale_dict.json")
    scan = aligned.mesh(aligned.sets[0])
    expected = np.stack([-2 * points[:, 1] + 10, 2 * points[:, 0] + 20, 2 * points[:, 2] + 30], axis=1)
    np.testing.assert_allclose(scan.points, expected)
    assert scan.unit == "mm"
    with pytest.raises(FileFormatError, match="Rt_scale_dict.json does not hold it"):
        aligned.alignment(aligned.sets[1])
    with pytest.raises(FileFormatError, match="has no mesh"):
        aligned.mesh(aligned.sets[1])


@pytest.mark.parametrize(
    "content",
    [
        b"", b"{", b"[]", b"{}", b"3", b"[" * 100_000, json.dumps(params(2, K=[[1, 2], [3, 4]])).encode(),
        json.dumps(params(1, Rt="x")).encode(), json.dumps(params(1, distortion=[1, 2])).encode(),
        json.dumps(params(1, width=None)).encode(), b'{"0_K": NaN, "a":1,"b":1,"c":1,"d":1,"e":1,"f":1,"g":1,"h":1}',
    ],
)  # fmt: skip
def test_damaged_parameters_are_refused_in_one_line(tmp_path, content):
    (tmp_path / "params.json").write_bytes(content)
    with pytest.raises(FileFormatError, match="^params.json: .*; ") as caught:
        read_params(tmp_path / "params.json")
    assert len(str(caught.value).splitlines()) == 1


def test_a_folder_without_sets_says_what_belongs_there(tmp_path):
    with pytest.raises(FileFormatError, match="params.json"):
        MultiViewTree(tmp_path)
    with pytest.raises(FileFormatError, match="is no folder"):
        MultiViewTree(tmp_path / "none")
