from __future__ import annotations

import numpy as np
import pytest
import trimesh
from PIL import Image

from faceviz.errors import ConfigError, FileFormatError, GeometryError
from faceviz.io.bu4dfe import Bu4dfeTree, clean_mesh, read_bnd, read_frame, split_clips, truth_cloud
from faceviz.scan import FaceScan


@pytest.fixture
def tree(make, points, triangles, tmp_path):
    """Two subjects with one and two clips of three frames, a folder of another kind, one picture without a mesh."""
    for subject, expression, height in (("F001", "Happy", 0.0), ("M002", "Angry", 5.0), ("M002", "Sad", 9.0)):
        folder = tmp_path / subject / expression
        folder.mkdir(parents=True)
        for number in range(3):
            Image.new("RGB", (16, 20)).save(folder / f"{number:03d}.jpg")
            mesh = make.vrml(points + [0, 0, height + number], triangles)
            (folder / f"{number:03d}.wrl").write_bytes(mesh)
    Image.new("RGB", (16, 20)).save(tmp_path / "F001" / "Happy" / "003.jpg")
    (tmp_path / "BU_WrlViewer_V2").mkdir()
    return tmp_path


def test_clips_are_found_by_subject_and_expression(tree):
    data = Bu4dfeTree(tree)
    assert data.subjects == ("F001", "M002") and [len(clip) for clip in data.clips] == [3, 3, 3]
    assert [clip.expression for clip in data.of("M002")] == ["Angry", "Sad"]
    assert data.incomplete == 1
    clip = data.clips[0]
    assert [path.stem for path in clip.images] == [path.stem for path in clip.meshes] == ["000", "001", "002"]


def test_subjects_and_expressions_can_be_chosen(tree):
    assert Bu4dfeTree(tree, subjects=["M002"], expressions=["sad"]).clips[0].expression == "Sad"
    with pytest.raises(ConfigError, match="did you mean 'Happy'"):
        Bu4dfeTree(tree, expressions=["Hapy"])


def test_a_folder_without_clips_says_what_belongs_there(tmp_path):
    with pytest.raises(FileFormatError, match="unpack subjects there"):
        Bu4dfeTree(tmp_path)
    with pytest.raises(FileFormatError, match="is no folder"):
        Bu4dfeTree(tmp_path / "none")


def test_the_neutral_mesh_is_the_first_frame_of_the_first_clip(tree, points):
    scan = Bu4dfeTree(tree).neutral("M002")
    np.testing.assert_allclose(scan.points, points + [0, 0, 5.0])
    assert scan.unit == "mm" and scan.source == "bu4dfe:M002/Angry/000.wrl"
    with pytest.raises(ConfigError, match="no subject 'M009'"):
        Bu4dfeTree(tree).neutral("M009")


def test_pictures_are_drawn_without_repetition(tree, rng):
    data = Bu4dfeTree(tree)
    assert len({str(path) for path in data.pictures("M002", 4, rng)}) == 4
    assert len(data.pictures("M002", 99, rng)) == 6
    first, again = (data.pictures("M002", 3, np.random.default_rng(1)) for _ in range(2))
    assert first == again


def test_cleaning_leaves_every_edge_at_most_two_triangles_and_no_lonely_point(points, triangles):
    fin = np.array([[6, 7, 25]])  # a third triangle on an inner edge
    dirty = np.concatenate([points, [[0, 0, 90], [500, 0, 0]]])
    kept, faces = clean_mesh(dirty, np.concatenate([triangles, fin, triangles[:1], [[3, 3, 4]]]))
    mesh = trimesh.Trimesh(kept, faces, process=False)
    counts = np.unique(mesh.edges_sorted, axis=0, return_counts=True)[1]
    assert counts.max() <= 2
    assert len(np.unique(faces)) == len(kept) and not (kept == [500, 0, 0]).all(axis=1).any()
    assert len(faces) >= len(triangles) - 1


def test_a_clean_mesh_stays_as_it_is(points, triangles):
    kept, faces = clean_mesh(points, triangles)
    np.testing.assert_array_equal(kept, points)
    np.testing.assert_array_equal(faces, triangles)


def test_a_mesh_of_which_nothing_is_left_is_refused(make, points, tmp_path):
    with pytest.raises(GeometryError, match="no triangle is left"):
        clean_mesh(points, np.array([[1, 1, 2]]))
    (tmp_path / "a.wrl").write_bytes(make.vrml(points, np.array([[1, 1, 2]])))
    with pytest.raises(FileFormatError, match="a.wrl: no triangle is left"):
        read_frame(tmp_path / "a.wrl")


def test_the_truth_lies_on_the_surface_about_the_origin_with_radius_one(points, triangles):
    scan = FaceScan(points, triangles)
    cloud = truth_cloud(scan, np.random.default_rng(0), count=500)
    assert cloud.shape == (500, 3)
    np.testing.assert_allclose(cloud.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(np.linalg.norm(cloud, axis=1).max(), 1.0)
    kept = truth_cloud(scan, np.random.default_rng(0), count=500, unit_radius=False)
    np.testing.assert_allclose(kept / np.linalg.norm(kept, axis=1).max(), cloud)
    assert 100 < np.linalg.norm(kept, axis=1).max() < 160, "mm"
    assert len(truth_cloud(scan, np.random.default_rng(0))) == 16384


def test_points_without_triangles_give_no_truth(points, rng):
    with pytest.raises(GeometryError, match="no triangles"):
        truth_cloud(FaceScan(points), rng)


def test_the_83_feature_points_are_read(tmp_path, rng):
    table = rng.normal(size=(83, 3))
    text = "".join(f"{i} {x} {y} {z}\n" for i, (x, y, z) in enumerate(table))
    (tmp_path / "000.bnd").write_text(text + "\n84 0 0 0\n")
    np.testing.assert_allclose(read_bnd(tmp_path / "000.bnd"), table)
    for bad in (text[: len(text) // 2], text.replace("5 ", "five ", 1), "", "\x80"):
        (tmp_path / "bad.bnd").write_bytes(bad.encode("latin-1"))
        with pytest.raises(FileFormatError, match="bad.bnd: is no list of 83"):
            read_bnd(tmp_path / "bad.bnd")


def test_nobody_is_in_two_splits_and_the_seed_decides():
    names = [f"F{i:03d}" for i in range(1, 59)] + [f"M{i:03d}" for i in range(1, 39)]
    split = split_clips(names * 2, seed=3)
    assert (len(split["train"]), len(split["test"])) == (70, 26), "as in the report"
    assert sorted(split["train"] + split["test"]) == names
    assert split == split_clips(names[::-1], seed=3) != split_clips(names, seed=4)
    with pytest.raises(ConfigError, match="between 0 and 96"):
        split_clips(names, test=97)
