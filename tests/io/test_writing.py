from __future__ import annotations

import io
import stat

import numpy as np
import pytest

from faceviz.errors import FileFormatError, ShapeError
from faceviz.io import read_scan, write_scan
from faceviz.scan import FaceScan

EXTENSIONS = ("ply", "obj", "npz")


@pytest.fixture
def scan(rng, triangles) -> FaceScan:
    """A mesh whose coordinates need all digits of a double."""
    return FaceScan(rng.normal(size=(25, 3)) * 100, triangles, rng.normal(size=(68, 3)) * 100, unit="mm")


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_what_is_written_is_read_back_to_the_last_bit(tmp_path, scan, extension):
    write_scan(tmp_path / f"face.{extension}", scan)
    back = read_scan(tmp_path / f"face.{extension}")
    np.testing.assert_array_equal(back.points, scan.points)
    np.testing.assert_array_equal(back.triangles, scan.triangles)
    np.testing.assert_array_equal(back.landmarks, scan.landmarks)


@pytest.mark.parametrize("extension", EXTENSIONS)
@pytest.mark.parametrize("unit", ["mm", "cm", "m", "in", "unknown"])
def test_the_unit_is_read_back_whatever_the_extent(tmp_path, scan, extension, unit):
    write_scan(tmp_path / f"face.{extension}", scan.with_(unit=unit, landmarks=None))
    assert read_scan(tmp_path / f"face.{extension}").unit == unit


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_a_cloud_without_triangles_or_landmarks_is_read_back(tmp_path, scan, extension):
    write_scan(tmp_path / f"face.{extension}", FaceScan(scan.points))
    back = read_scan(tmp_path / f"face.{extension}")
    np.testing.assert_array_equal(back.points, scan.points)
    assert back.triangles is None and back.landmarks is None


@pytest.mark.parametrize("extension", ["ply", "obj"])
def test_trimesh_reads_what_is_written(tmp_path, scan, extension):
    import trimesh

    colours = np.arange(75, dtype=np.uint8).reshape(25, 3)
    write_scan(tmp_path / f"face.{extension}", scan, colours=colours)
    mesh = trimesh.load_mesh(tmp_path / f"face.{extension}", process=False, maintain_order=True)
    np.testing.assert_allclose(mesh.vertices, scan.points)
    np.testing.assert_array_equal(mesh.faces, scan.triangles)
    np.testing.assert_allclose(mesh.visual.vertex_colors[:, :3], colours, atol=1)


def test_heat_is_a_scalar_of_a_ply_and_does_not_disturb_reading(tmp_path, scan):
    import trimesh

    heat = np.linspace(0, 1, 25)
    write_scan(tmp_path / "hot.ply", scan, heat=heat)
    raw = trimesh.exchange.ply.load_ply(io.BytesIO((tmp_path / "hot.ply").read_bytes()))["metadata"][
        "_ply_raw"
    ]
    np.testing.assert_allclose(raw["vertex"]["data"]["heat"].ravel(), heat, rtol=1e-6)
    np.testing.assert_array_equal(read_scan(tmp_path / "hot.ply").points, scan.points)


def test_an_npz_holds_the_heat_of_all_landmarks(tmp_path, scan, rng):
    heat = rng.random((25, 68)).astype(np.float32)
    write_scan(tmp_path / "hot.npz", scan, heat=heat)
    with np.load(tmp_path / "hot.npz") as content:
        np.testing.assert_array_equal(content["heatmaps"], heat)


@pytest.mark.parametrize(("name", "shape"), [("hot.obj", (25,)), ("hot.ply", (25, 68))])
def test_heat_that_a_format_cannot_hold_is_refused(tmp_path, scan, name, shape):
    with pytest.raises(FileFormatError, match=f"^{name}: .*; "):
        write_scan(tmp_path / name, scan, heat=np.zeros(shape))
    assert list(tmp_path.iterdir()) == []


def test_heat_and_colours_must_fit_the_points(tmp_path, scan):
    with pytest.raises(ShapeError, match=r"\(25,\)"):
        write_scan(tmp_path / "a.ply", scan, heat=np.zeros(24))
    with pytest.raises(ShapeError, match="uint8"):
        write_scan(tmp_path / "a.ply", scan, colours=np.zeros((25, 3)))


@pytest.mark.parametrize("name", ["face.stl", "face", "face.jpg"])
def test_an_extension_that_cannot_be_written_lists_those_that_can(tmp_path, scan, name):
    with pytest.raises(FileFormatError, match=f"^{name}: .*; use one of .ply, .obj, .npz$"):
        write_scan(tmp_path / name, scan)


def test_a_missing_folder_is_named(tmp_path, scan):
    with pytest.raises(FileFormatError, match="^face.npz: .*no such folder.*; check the folder .*absent"):
        write_scan(tmp_path / "absent" / "face.npz", scan)


def test_a_former_file_survives_when_writing_fails(tmp_path, scan, monkeypatch):
    path = tmp_path / "face.npz"
    write_scan(path, scan)
    before = path.read_bytes()

    def full_disk(stream, **_):
        stream.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez_compressed", full_disk)
    with pytest.raises(FileFormatError, match="no space left on device"):
        write_scan(path, scan)
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["face.npz"]


def test_who_reads_the_former_file_reads_it_to_its_end(tmp_path, scan):
    path = tmp_path / "face.npz"
    write_scan(path, scan)
    before = path.read_bytes()
    with path.open("rb") as reader:
        write_scan(path, scan.with_(triangles=None))
        assert reader.read() == before
    assert path.read_bytes() != before


def test_new_files_have_the_rights_that_the_umask_leaves(tmp_path, scan):
    (tmp_path / "plain").touch()
    write_scan(tmp_path / "face.npz", scan)
    assert stat.S_IMODE((tmp_path / "face.npz").stat().st_mode) == stat.S_IMODE(
        (tmp_path / "plain").stat().st_mode
    )


def test_a_scan_without_landmarks_is_not_laid_beside_those_of_another(tmp_path, scan):
    write_scan(tmp_path / "face.ply", scan)
    with pytest.raises(FileFormatError, match="face.landmarks.json lies there"):
        write_scan(tmp_path / "face.ply", scan.with_(landmarks=None))
    np.testing.assert_array_equal(read_scan(tmp_path / "face.ply").landmarks, scan.landmarks)
