from __future__ import annotations

import pytest

from faceviz.io import SUPPORTED, read_extensions, read_scan_bytes, write_extensions


def test_the_table_of_formats_names_each_extension_once():
    extensions = read_extensions()
    assert len(set(extensions)) == len(extensions)
    assert {".ply", ".obj", ".stl", ".off", ".glb", ".npy", ".npz", ".xyz"} <= set(extensions)
    assert write_extensions() == (".ply", ".obj", ".npz")
    assert all(known.holds for known in SUPPORTED)


@pytest.mark.parametrize("extension", ["", ".bin", ".dat", ".PLY", ".txt"])
@pytest.mark.parametrize("name", ["text.ply", "little.ply", "face.off", "face.glb", "face.npz"])
def test_first_bytes_that_settle_the_format_win_over_the_extension(meshes, points, name, extension):
    assert len(read_scan_bytes("scan" + extension, meshes[name]).points) == len(points)


@pytest.mark.parametrize("name", ["face.obj", "text.stl", "binary.stl"])
def test_text_without_such_bytes_is_recognised_where_the_extension_says_nothing(meshes, triangles, name):
    assert len(read_scan_bytes("scan", meshes[name]).triangles) == len(triangles)


def test_a_cloud_of_numbers_is_recognised_where_the_extension_says_nothing(clouds, points):
    assert len(read_scan_bytes("scan.dat", clouds["face.xyz"]).points) == len(points)


def test_extensions_in_capitals_are_known(meshes, points):
    assert len(read_scan_bytes("FACE.OBJ", meshes["face.obj"]).points) == len(points)


@pytest.mark.parametrize("extension", [".ply", ".off", ".glb", ".npy", ".npz"])
def test_a_text_with_another_formats_extension_is_refused(complaint, extension):
    message = complaint("letter" + extension, b"Dear reader, this is no mesh.\n")
    assert f"is no {extension[1:].upper()}: it begins with 'Dear reader" in message


def test_an_obj_named_ply_is_refused_with_its_true_name(meshes, complaint):
    assert "it looks like OBJ: name it .obj" in complaint("face.ply", meshes["face.obj"])


@pytest.mark.parametrize(
    "name", ["a.ply", "a.obj", "a.stl", "a.off", "a.glb", "a.npy", "a.npz", "a.xyz", "a.jpg", "a"]
)
@pytest.mark.parametrize("data", [b"", b"  \n\n"])
def test_an_empty_file_is_refused(complaint, name, data):
    assert "is empty" in complaint(name, data)


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"\xff\xd8\xff\xe0\0\x10JFIF", "a JPEG image"),
        (b"\x89PNG\r\n\x1a\n", "a PNG image"),
        (b"%PDF-1.7", "a PDF"),
        (b"\x1f\x8b\x08\0", "packed with gzip"),
        (b"#VRML V1.0 ascii\n", "VRML of another version"),
        (b"\n<!DOCTYPE html><html>", "an HTML or XML file"),
    ],
)
@pytest.mark.parametrize("name", ["a.ply", "a.obj", "a.xyz", "a"])
def test_other_kinds_of_files_are_called_by_their_name(complaint, name, data, what):
    assert f"is {what}" in complaint(name, data)


def test_an_unknown_extension_with_unknown_content_lists_what_is_supported(complaint):
    message = complaint("notes.md", b"# Notes\nnothing here\n")
    assert "'.md'" in message and ".ply" in message and ".xyz" in message
