from __future__ import annotations

import io
import pickle
import struct
import zipfile

import numpy as np
import pytest

from faceviz.io import arrays, read_scan_bytes


class Marker:
    """Leaves a file behind when unpickled."""

    def __init__(self, path) -> None:
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


def npy_with_header(header: str, body: bytes = b"") -> bytes:
    content = header.encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(content)) + content + body


@pytest.mark.parametrize("dtype", [">f8", "<f4", "<f2", "<i2", "u1"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_numbers_of_any_type_and_order_are_read(make, dtype, order):
    values = np.arange(30).reshape(10, 3).astype(dtype)
    scan = read_scan_bytes("a.npy", make.npy(np.asarray(values, order=order)))
    np.testing.assert_array_equal(scan.points, np.arange(30).reshape(10, 3))


def test_an_npz_holds_points_triangles_landmarks_and_unit(make, points, triangles, landmarks):
    data = make.npz(
        points=points, triangles=triangles, landmarks=landmarks, unit=np.array("cm"), other=np.zeros(9)
    )
    scan = read_scan_bytes("a.npz", data)
    np.testing.assert_array_equal(scan.points, points)
    np.testing.assert_array_equal(scan.triangles, triangles)
    np.testing.assert_array_equal(scan.landmarks, landmarks)
    assert scan.unit == "cm"


def test_an_npz_may_call_them_vertices_and_faces(make, points, triangles):
    scan = read_scan_bytes("a.npz", make.npz(vertices=points, faces=triangles.astype(np.uint16)))
    np.testing.assert_array_equal(scan.triangles, triangles)


def test_faces_of_the_vertices_are_not_taken_for_faces_of_the_points(make, points, triangles):
    scan = read_scan_bytes("a.npz", make.npz(points=points[:9], vertices=points, faces=triangles))
    assert len(scan.points) == 9 and scan.triangles is None


@pytest.mark.parametrize(
    ("array", "cause"),
    [
        (np.zeros((3, 50)), "transpose"),
        (np.zeros((50, 2)), "(50, 2)"),
        (np.zeros(3), "(3,)"),
        (np.zeros((0, 3)), "no points"),
        (np.zeros((5, 3), complex), "complex128"),
        (np.zeros((5, 3), bool), "bool"),
        (np.full((5, 3), "a"), "<U1"),
        (np.zeros(5, [("x", "f4"), ("y", "f4")]), "type"),
        (np.array([[0, 0, 0], [0, np.nan, 0]]), "point 1 of 2"),
    ],
)
def test_an_array_that_is_no_cloud_is_refused(make, complaint, array, cause):
    assert cause in complaint("a.npy", make.npy(array))


def test_an_array_of_objects_is_refused_and_not_unpickled(tmp_path, make, complaint):
    marker = tmp_path / "ran"
    hostile = np.empty((1, 3), dtype=object)
    hostile[0, 0] = Marker(marker)
    data = make.npy(hostile)
    assert "Python objects" in complaint("evil.npy", data)
    assert "Python objects" in complaint("evil.npz", zipped({"points.npy": data}))
    assert not marker.exists()


def test_a_pickle_named_npy_is_refused_and_not_unpickled(tmp_path, complaint):
    marker = tmp_path / "ran"
    assert "pickle" in complaint("evil.npy", pickle.dumps(Marker(marker)))
    assert not marker.exists()


@pytest.mark.parametrize(
    "header",
    [
        "{'descr': '<f8', 'fortran_order': False, 'shape': (1900000, 3)}\n",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999, 3)}\n",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (-1, 3)}\n",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (1, 1, 1, 1, 1, 1, 3)}\n",
        "{'descr': '<f8', 'fortran_order': False, 'shape': 3}\n",
        "{'descr': 'f999', 'fortran_order': False, 'shape': (1, 3)}\n",
        "{'descr': '<f8', 'shape': (1, 3)}\n",
        "__import__('os').system('true')\n",
        "((((((((((((((((((((((((((\n",
    ],
)
def test_an_npy_header_that_lies_is_refused(complaint, header):
    complaint("lie.npy", npy_with_header(header, bytes(24)))


def test_a_cut_off_npy_is_refused(make, complaint, points):
    data = make.npy(points)
    for stop in (7, 9, 30, len(data) - 1):
        complaint("cut.npy", data[:stop])
    assert "announces shape" in complaint("long.npy", data + b"x")


def test_an_npy_header_longer_than_any_is_not_unpacked(complaint):
    """NumPy reads the whole header before it looks at its length: here 16 MB out of 16 KB."""
    header = b"\x93NUMPY\x02\x00" + struct.pack("<I", 16_000_000) + bytes(16_000_000)
    data = zipped({"points.npy": header}, zipfile.ZIP_DEFLATED)
    assert "NPY header of 16,000,000 bytes" in complaint("bomb.npz", data)


def test_a_zip_bomb_is_refused_before_it_is_unpacked(make, complaint, monkeypatch):
    monkeypatch.setattr(arrays, "npy_header", lambda *_: pytest.fail("the member was opened"))
    bomb = zipped({"points.npy": make.npy(np.zeros((1_500_000, 3)))}, zipfile.ZIP_DEFLATED)
    assert len(bomb) < 100_000
    assert "zip bomb" in complaint("bomb.npz", bomb)


def test_a_member_larger_than_allowed_is_refused(make, complaint, rng):
    data = make.npz(points=rng.normal(size=(5000, 3)).round(1))
    assert len(data) < 60_000
    assert "bytes, more than the 60,000 allowed" in complaint("large.npz", data, max_bytes=60_000)


def test_more_points_than_allowed_are_refused(make, complaint, points):
    assert "more than the 24 allowed" in complaint("many.npy", make.npy(points), max_points=24)
    assert "more than the 24 allowed" in complaint("many.npz", make.npz(points=points), max_points=24)


def test_a_zip_of_countless_members_is_refused_before_its_directory_is_read(complaint, monkeypatch):
    data = zipped({f"{i}.npy": b"" for i in range(2000)})
    monkeypatch.setattr(zipfile, "ZipFile", lambda *_: pytest.fail("the directory was read"))
    assert "a zip of about 2,000 members" in complaint("many.npz", data)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_members_of_one_name_are_refused(make, complaint, points):
    stream = io.BytesIO(zipped({"points.npy": make.npy(points)}))
    with zipfile.ZipFile(stream, "a") as archive:
        archive.writestr("points.npy", make.npy(points + 1))
    assert "two members of one name" in complaint("twice.npz", stream.getvalue())


def test_a_member_that_climbs_out_of_its_folder_is_only_ever_a_name(tmp_path, make, points, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data = zipped({"../../evil.npy": make.npy(points), "/etc/evil.npy": b"", "points.npy": make.npy(points)})
    assert len(read_scan_bytes("a.npz", data).points) == len(points)
    assert list(tmp_path.iterdir()) == []


def test_other_compressions_than_numpys_are_refused(make, complaint, points):
    data = zipped({"points.npy": make.npy(points)}, zipfile.ZIP_BZIP2)
    assert "in a way that NumPy does not use" in complaint("bz.npz", data)


def test_an_encrypted_member_is_refused(make, complaint, points):
    data = bytearray(zipped({"points.npy": make.npy(points)}))
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    assert "is encrypted" in complaint("secret.npz", bytes(data))


@pytest.mark.parametrize("size", [100, 2**31])
def test_a_stored_member_whose_sizes_lie_is_refused_before_it_is_read(make, complaint, points, size):
    data = bytearray(zipped({"points.npy": make.npy(points)}))
    directory = data.index(b"PK\x01\x02")
    data[directory + 20 : directory + 24] = struct.pack("<I", size)
    assert "a size that cannot be" in complaint("sizes.npz", bytes(data))


def test_a_damaged_member_is_refused(make, complaint, points):
    data = bytearray(zipped({"points.npy": make.npy(points)}))
    data[300] ^= 1
    assert "damaged" in complaint("crc.npz", bytes(data))


def test_a_zip_without_points_lists_what_it_holds(make, complaint):
    assert "but 'mean', 'tri'" in complaint("model.npz", make.npz(mean=np.zeros(3), tri=np.zeros(3)))
    assert "but nothing" in complaint("none.npz", zipped({}))


def test_a_bundle_of_many_scans_is_sent_to_its_reader(make, complaint, points):
    assert "read_bundle" in complaint("train_neutral.npy", make.npz(point_list=points[None]))


@pytest.mark.parametrize(
    ("extra", "cause"),
    [
        ({"triangles": np.array([[0, 1, 25]])}, "points to vertex 25"),
        ({"triangles": np.array([[0, 1, -1]])}, "points to vertex -1"),
        ({"triangles": np.array([[0, 1, 2**64 - 1]], dtype=np.uint64)}, "points to vertex"),
        ({"triangles": np.array([[0.0, 1.0, 2.0]])}, "float64 triangles"),
        ({"triangles": np.array([[0, 1, 2, 3]])}, "(1, 4)"),
        ({"landmarks": np.zeros((51, 3))}, "(51, 3)"),
        ({"landmarks": np.full((68, 3), np.nan)}, "landmark 0 is not finite"),
        ({"unit": np.array("furlong")}, "unit 'furlong'"),
        ({"unit": np.array(["mm", "cm"])}, "no short text"),
        ({"unit": np.array(3.0)}, "no short text"),
        ({"unit": np.array("m" * 1000)}, "no short text"),
    ],
)
def test_an_npz_with_one_bad_array_is_refused(make, complaint, points, extra, cause):
    assert cause in complaint("bad.npz", make.npz(points=points, **extra))
