from __future__ import annotations

import json
import os

import numpy as np
import pytest

from faceviz.errors import ConfigError, FileFormatError
from faceviz.io import formats, read_scan, read_scan_bytes

MESHES = (
    "text.ply",
    "little.ply",
    "big.ply",
    "face.obj",
    "text.stl",
    "binary.stl",
    "face.off",
    "face.glb",
    "face.npz",
)
CLOUDS = ("face.npy", "face.xyz", "face.csv")


@pytest.mark.parametrize("name", MESHES)
def test_every_format_gives_the_same_mesh(tmp_path, meshes, points, triangles, name):
    (tmp_path / name).write_bytes(meshes[name])
    scan = read_scan(tmp_path / name)
    assert scan.unit == "mm" and scan.source == name and scan.landmarks is None
    np.testing.assert_allclose(scan.points[scan.triangles], points[triangles], atol=1e-5)
    assert len(scan.points) == len(points)


@pytest.mark.parametrize("name", [name for name in MESHES if not name.endswith(".stl")])
def test_every_indexed_format_keeps_the_order_of_the_vertices(meshes, points, triangles, name):
    scan = read_scan_bytes(name, meshes[name])
    np.testing.assert_array_equal(scan.points, points)
    np.testing.assert_array_equal(scan.triangles, triangles)


@pytest.mark.parametrize("name", CLOUDS)
def test_every_format_gives_the_same_cloud(clouds, points, name):
    scan = read_scan_bytes(name, clouds[name])
    np.testing.assert_array_equal(scan.points, points)
    assert scan.triangles is None


@pytest.mark.parametrize(
    "name", ["text.ply", "little.ply", "big.ply", "face.obj", "text.stl", "face.off", "face.glb"]
)
def test_trimesh_reads_the_same_mesh(meshes, name):
    import io

    import trimesh

    extension = name.rpartition(".")[2]
    theirs = trimesh.load_mesh(
        io.BytesIO(meshes[name]), file_type=extension, process=False, maintain_order=True
    )
    theirs = theirs.to_geometry() if isinstance(theirs, trimesh.Scene) else theirs
    ours = read_scan_bytes(name, meshes[name])
    np.testing.assert_allclose(ours.points[ours.triangles], theirs.vertices[theirs.faces], atol=1e-5)


@pytest.mark.parametrize("extension", ["ply", "obj", "stl", "off", "glb"])
def test_what_trimesh_writes_is_read(points, triangles, extension):
    import trimesh

    data = trimesh.Trimesh(points, triangles, process=False).export(file_type=extension)
    scan = read_scan_bytes(f"face.{extension}", data.encode() if isinstance(data, str) else data)
    np.testing.assert_allclose(scan.points[scan.triangles], points[triangles], atol=1e-4)


def test_degenerate_clouds_are_read_for_the_predictor_to_judge():
    for data in (b"1 2 3\n", b"1 2 3\n" * 9, b"0 0 0\n1 1 1\n2 2 2\n"):
        assert len(read_scan_bytes("few.xyz", data).points) == data.count(b"\n")


def test_the_points_of_a_scan_cannot_be_changed_by_accident(clouds):
    with pytest.raises(ValueError):
        read_scan_bytes("face.npy", clouds["face.npy"]).points[0] = 0


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("absent.ply", "does not exist"),
        ("folder", "is no file"),
        ("pipe", "is no file"),
        ("empty.ply", "is empty"),
    ],
)
def test_a_path_that_leads_to_no_scan_is_refused(tmp_path, name, cause):
    (tmp_path / "folder").mkdir()
    (tmp_path / "empty.ply").touch()
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(FileFormatError, match=f"^{name}: {cause}.*; "):
        read_scan(tmp_path / name)


def test_a_path_with_a_null_byte_is_refused():
    with pytest.raises(FileFormatError, match="cannot be opened"):
        read_scan("face\0.ply")


def test_a_file_beyond_the_limit_is_refused_unread(tmp_path, monkeypatch):
    path = tmp_path / "large.xyz"
    with path.open("wb") as stream:
        stream.truncate(300 * 1024**2)
    monkeypatch.setattr("pathlib.Path.open", lambda *_: pytest.fail("the file was opened"))
    with pytest.raises(
        FileFormatError, match="314,572,800 bytes, more than the 268,435,456 allowed; .*max_bytes"
    ):
        read_scan(path)


def test_an_upload_beyond_the_limit_is_refused(clouds, complaint):
    assert "more than the 99 allowed" in complaint("face.xyz", clouds["face.xyz"], max_bytes=99)


def test_the_limit_of_points_can_be_raised_and_lowered(clouds, complaint):
    assert "more than the 24 allowed; reduce" in complaint("face.xyz", clouds["face.xyz"], max_points=24)
    assert len(read_scan_bytes("face.xyz", clouds["face.xyz"], max_points=25).points) == 25


def test_names_of_uploads_lose_their_folders_and_control_characters(clouds):
    assert read_scan_bytes("C:\\scans\\face.xyz", clouds["face.xyz"]).source == "face.xyz"
    with pytest.raises(FileFormatError) as caught:
        read_scan_bytes("../two\nlines.ply", b"hello")
    assert str(caught.value).startswith("two\\nlines.ply: ")


def test_content_in_a_message_is_short_and_in_one_line(complaint):
    message = complaint("a.ply", b"\x1b[31mred\r\n\x00" * 1000)
    assert len(message) < 200 and "\x1b" not in message


def test_a_unit_that_does_not_exist_is_a_mistake_of_the_caller(tmp_path, clouds):
    with pytest.raises(ConfigError):
        read_scan_bytes("face.xyz", clouds["face.xyz"], unit="mn")
    with pytest.raises(ConfigError):
        read_scan(tmp_path / "face.xyz", unit="mn")


@pytest.mark.parametrize("surprise", [KeyError("x"), RecursionError(), MemoryError(), AssertionError()])
def test_a_surprise_inside_a_parser_still_becomes_one_line(clouds, monkeypatch, surprise):
    def surprised(*_):
        raise surprise

    broken = formats.Format("XYZ", (".xyz",), False, "", surprised)
    monkeypatch.setattr("faceviz.io.reading.detect", lambda *_: broken)
    with pytest.raises(FileFormatError, match="^face.xyz: .*; "):
        read_scan_bytes("face.xyz", clouds["face.xyz"])


@pytest.fixture
def scan_file(tmp_path, clouds):
    path = tmp_path / "face.xyz"
    path.write_bytes(clouds["face.xyz"])
    return path


def test_landmarks_beside_a_scan_are_picked_up(scan_file, landmarks):
    beside = scan_file.with_name("face.landmarks.json")
    beside.write_text(json.dumps({"landmarks": landmarks.tolist(), "unit": "mm"}))
    np.testing.assert_array_equal(read_scan(scan_file).landmarks, landmarks)
    assert read_scan(scan_file, landmarks=None).landmarks is None


def test_landmarks_as_text_and_as_array_are_picked_up(scan_file, landmarks):
    text = scan_file.with_name("face_landmarks.txt")
    np.savetxt(text, landmarks)
    np.testing.assert_allclose(read_scan(scan_file).landmarks, landmarks)
    np.save(scan_file.with_name("face_landmarks.npy"), landmarks + 1)
    np.testing.assert_array_equal(read_scan(scan_file).landmarks, landmarks + 1)


def test_landmarks_elsewhere_can_be_named(scan_file, tmp_path, landmarks):
    np.save(tmp_path / "truth.npy", landmarks)
    np.testing.assert_array_equal(read_scan(scan_file, landmarks=tmp_path / "truth.npy").landmarks, landmarks)


def test_a_landmark_file_is_not_its_own_landmarks(tmp_path, landmarks):
    np.savetxt(tmp_path / "face_landmarks.txt", landmarks)
    assert read_scan(tmp_path / "face_landmarks.txt").landmarks is None


def test_bad_landmarks_beside_a_scan_are_refused_by_their_own_name(scan_file):
    scan_file.with_name("face.landmarks.json").write_text('{"landmarks": [[0, 0]]}')
    with pytest.raises(FileFormatError, match="^face.landmarks.json: "):
        read_scan(scan_file)


def test_the_unit_that_the_landmarks_name_is_the_scans(scan_file, landmarks):
    beside = scan_file.with_name("face.landmarks.json")
    beside.write_text(json.dumps({"landmarks": landmarks.tolist(), "unit": "cm"}))
    assert read_scan(scan_file).unit == "cm"
    assert read_scan(scan_file, unit="m").unit == "m"


def test_landmarks_in_another_unit_than_the_scan_are_refused(scan_file, landmarks):
    beside = scan_file.with_name("face.landmarks.json")
    beside.write_text(json.dumps({"landmarks": (landmarks / 1000).tolist(), "unit": "m"}))
    with pytest.raises(FileFormatError, match="is in mm by its extent, its landmarks in m; "):
        read_scan(scan_file)


@pytest.mark.shared
@pytest.mark.parametrize("name", ["african_head", "ct_headsq", "igl_face"])
def test_real_heads_are_read_in_millimetres(shared_folder, name):
    scan = read_scan(shared_folder / "data" / "real_heads" / f"{name}.npz")
    assert len(scan.points) == 8192 and scan.unit == "mm" and scan.landmarks is not None
