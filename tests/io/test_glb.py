from __future__ import annotations

import json
import struct

import numpy as np
import pytest

from faceviz.io import read_scan_bytes


@pytest.fixture
def changed(make, points, triangles):
    """A GLB of the bump after a change of its JSON."""

    def build(change) -> bytes:
        document, binary = make.glb_document(points, triangles)
        change(document)
        return make.glb_pack(document, binary)

    return build


def test_transforms_of_all_ancestors_are_applied(changed, points):
    def change(document):
        document["nodes"] = [
            {"children": [1], "translation": [10, 20, 30]},
            {"children": [2], "rotation": [0, 0, np.sqrt(0.5), np.sqrt(0.5)]},
            {"mesh": 0, "scale": [2, 3, 4]},
        ]

    scan = read_scan_bytes("a.glb", changed(change))
    x, y, z = points.T
    np.testing.assert_allclose(scan.points, np.stack([10 - 3 * y, 20 + 2 * x, 30 + 4 * z], axis=1), atol=1e-4)


def test_a_matrix_is_read_column_by_column(changed, points):
    matrix = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 5, 6, 7, 1]
    scan = read_scan_bytes("a.glb", changed(lambda d: d["nodes"][0].update(matrix=matrix)))
    np.testing.assert_allclose(scan.points, points + [5, 6, 7], atol=1e-6)


def test_every_instance_of_a_mesh_is_there_in_the_order_of_the_nodes(changed, points, triangles):
    def change(document):
        document["nodes"] = [{"mesh": 0}, {"mesh": 0, "translation": [500, 0, 0]}]
        document["scenes"][0]["nodes"] = [1, 0]

    scan = read_scan_bytes("two.glb", changed(change))
    np.testing.assert_array_equal(scan.points, np.concatenate([points, points + [500, 0, 0]]))
    np.testing.assert_array_equal(scan.triangles, np.concatenate([triangles, triangles + len(points)]))


def test_point_clouds_and_strips_are_read(changed, points):
    cloud = read_scan_bytes("p.glb", changed(lambda d: d["meshes"][0]["primitives"][0].update(mode=0)))
    np.testing.assert_array_equal(cloud.points, points)
    assert cloud.triangles is None
    strip = read_scan_bytes("s.glb", changed(lambda d: d["meshes"][0]["primitives"][0].update(mode=5)))
    assert len(strip.points) == len(points) and strip.triangles.max() < len(points)


def test_interleaved_vertices_are_read(make, points):
    table = np.concatenate([points, np.ones_like(points)], axis=1).astype("<f4")
    document, _ = make.glb_document(points, np.zeros((1, 3), np.int64))
    document["bufferViews"] = [{"buffer": 0, "byteLength": table.nbytes, "byteStride": 24}]
    del document["meshes"][0]["primitives"][0]["indices"], document["accessors"][1]
    document["meshes"][0]["primitives"][0]["mode"] = 0
    scan = read_scan_bytes("i.glb", make.glb_pack(document, table.tobytes()))
    np.testing.assert_array_equal(scan.points, points)


def test_images_and_names_of_files_in_unused_places_are_not_touched(changed, points):
    def change(document):
        document["images"] = [{"uri": "../../etc/passwd"}, {"bufferView": 99}]
        document["materials"] = [{"pbrMetallicRoughness": {"baseColorTexture": {"index": 0}}}]
        document["textures"] = [{"source": 0}]
        document["meshes"][0]["primitives"][0]["material"] = 0

    assert len(read_scan_bytes("image.glb", changed(change)).points) == len(points)


def test_geometry_in_another_file_is_refused(changed, complaint):
    message = complaint("out.glb", changed(lambda d: d["buffers"][0].update(uri="../secret.bin")))
    assert "in another file" in message


@pytest.mark.parametrize(
    "extension", ["KHR_draco_mesh_compression", "EXT_meshopt_compression", "KHR_mesh_quantization"]
)
def test_compressed_geometry_is_refused_by_name(changed, complaint, extension):
    assert extension in complaint("small.glb", changed(lambda d: d.update(extensionsRequired=[extension])))


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d["accessors"][0].update(count=2_000_000),
        lambda d: d["accessors"][0].update(count=0),
        lambda d: d["accessors"][0].update(count=-1),
        lambda d: d["accessors"][0].update(count="25"),
        lambda d: d["accessors"][0].update(byteOffset=8),
        lambda d: d["accessors"][0].update(type="VEC4"),
        lambda d: d["accessors"][0].update(componentType=5123),
        lambda d: d["accessors"][0].update(componentType=[5126]),
        lambda d: d["accessors"][0].update(bufferView=9),
        lambda d: d["accessors"][0].pop("bufferView"),
        lambda d: d["accessors"][0].update(sparse={"count": 1}),
        lambda d: d["accessors"][1].update(count=95),
        lambda d: d["bufferViews"][0].update(byteOffset=10**6),
        lambda d: d["bufferViews"][0].update(byteLength=10**6),
        lambda d: d["bufferViews"][0].update(byteStride=0),
        lambda d: d["bufferViews"][0].update(byteStride=4),
        lambda d: d["bufferViews"][0].update(buffer=1),
        lambda d: d["nodes"][0].update(children=[0]),
        lambda d: d["nodes"][0].update(children=[5]),
        lambda d: d["nodes"][0].update(children="0"),
        lambda d: d["nodes"][0].update(mesh=4),
        lambda d: d["nodes"][0].update(matrix=[1] * 15),
        lambda d: d["nodes"][0].update(scale=[1, 1, float("inf")]),
        lambda d: d["nodes"][0].update(rotation=[0, 0, 0, 0]),
        lambda d: d["nodes"][0].update(translation=["a", 0, 0]),
        lambda d: d["scenes"][0].update(nodes=[0, 0]),
        lambda d: d["scenes"][0].update(nodes=[]),
        lambda d: d.update(scene=3),
        lambda d: d.update(nodes={}),
        lambda d: d.update(meshes=[7]),
        lambda d: d["meshes"][0]["primitives"][0].update(mode=6),
        lambda d: d["meshes"][0]["primitives"][0].update(indices=0),
        lambda d: d["meshes"][0]["primitives"][0].update(attributes=[]),
    ],
)
def test_json_that_does_not_fit_the_bytes_is_refused(changed, complaint, change):
    complaint("bad.glb", changed(change))


def test_trimesh_never_sees_json_that_was_not_checked(changed, complaint, monkeypatch):
    monkeypatch.setattr("faceviz.io.glb._trimesh_scene", lambda *_: pytest.fail("trimesh was called"))
    complaint("bad.glb", changed(lambda d: d["accessors"][0].update(count=2_000_000)))


def test_an_index_out_of_range_is_refused(make, complaint, points, triangles):
    broken = triangles.copy()
    broken[5, 1] = len(points)
    assert "face 5 of 32" in complaint("index.glb", make.glb(points, broken))


def test_many_instances_of_one_mesh_are_counted_before_they_are_made(changed, complaint):
    def change(document):
        document["nodes"] = [{"children": list(range(1, 1000))}] + [{"mesh": 0}] * 999

    assert "points, more than the 2,000 allowed" in complaint("many.glb", changed(change), max_points=2000)


def test_a_long_chain_of_nodes_is_read_without_recursion(changed, points):
    def change(document):
        document["nodes"] = [{"children": [i + 1]} for i in range(3000)] + [{"mesh": 0}]

    assert len(read_scan_bytes("chain.glb", changed(change)).points) == len(points)


def test_too_many_nodes_are_refused(changed, complaint):
    assert "20,000 nodes" in complaint("nodes.glb", changed(lambda d: d.update(nodes=[{"mesh": 0}] * 20_000)))


def test_deeply_nested_json_is_refused(complaint):
    content = (b'{"a":' + b"[" * 200_000).ljust(200_008)
    chunk = struct.pack("<I4s", len(content), b"JSON") + content
    assert "damaged JSON" in complaint("deep.glb", struct.pack("<4sII", b"glTF", 2, 12 + len(chunk)) + chunk)


@pytest.mark.parametrize("content", [b"[1] ", b"{   ", b"\xff\xfe{}", b"    "])
def test_json_that_is_none_is_refused(complaint, content):
    chunk = struct.pack("<I4s", len(content), b"JSON") + content
    complaint("json.glb", struct.pack("<4sII", b"glTF", 2, 12 + len(chunk)) + chunk)


def test_json_beyond_its_limit_is_refused_unread(make, complaint, monkeypatch):
    monkeypatch.setattr(json, "loads", lambda *_: pytest.fail("the JSON was parsed"))
    document = b'{"asset":{}' + b" " * 5_000_000 + b"}"
    chunk = struct.pack("<I4s", len(document), b"JSON") + document
    assert "bytes of JSON" in complaint("big.glb", struct.pack("<4sII", b"glTF", 2, 12 + len(chunk)) + chunk)


def test_lengths_in_the_header_must_be_true(meshes, complaint):
    data = meshes["face.glb"]
    assert "cut off" in complaint("cut.glb", data[:-8])
    assert "runs over" in complaint("chunk.glb", data[:12] + struct.pack("<I", 10**6) + data[16:])
    assert "version 1" in complaint("old.glb", data[:4] + struct.pack("<I", 1) + data[8:])


def test_the_triangles_of_a_strip_are_counted_before_they_are_made(
    make, complaint, points, triangles, monkeypatch
):
    monkeypatch.setattr("faceviz.io.glb._trimesh_scene", lambda *_: pytest.fail("trimesh was called"))
    document, binary = make.glb_document(points, np.tile(triangles, (2, 1)))
    document["meshes"][0]["primitives"][0]["mode"] = 5
    message = complaint("strip.glb", make.glb_pack(document, binary), max_points=25)
    assert "190 faces, more than the 100 allowed" in message
