from __future__ import annotations

import io
import json
import zipfile

import numpy as np
import pytest

from faceviz.io.archives import holds, pack_archive, unpack_archive
from faceviz.io.problems import Limits, Problem

ARRAYS = {"points": np.arange(6.0).reshape(2, 3), "ids": np.arange(2)}


def unpacked(data: bytes, limits: Limits | None = None):
    return unpack_archive(data, "notes.json", ARRAYS, limits or Limits())


def zipped(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in {"notes.json": b"{}", **members}.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def npy(values, **options) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, values, **options)
    return buffer.getvalue()


def test_what_was_packed_comes_out_equal_to_the_last_bit():
    document = {"text": "a\nb", "number": 0.1, "nothing": None}
    archive = unpacked(pack_archive("notes.json", document, ARRAYS))
    assert archive.document == document
    for name, values in ARRAYS.items():
        np.testing.assert_array_equal(archive.arrays[name], values)
        assert archive.arrays[name].dtype == values.dtype


def test_equal_contents_give_equal_bytes():
    assert pack_archive("notes.json", {}, ARRAYS) == pack_archive("notes.json", {}, ARRAYS)


def test_a_zip_is_known_by_its_document():
    assert holds(pack_archive("notes.json", {}, {}), "notes.json")
    assert not holds(zipped(), "other.json")
    assert not holds(b"ply\n", "notes.json") and not holds(b"PK\x05\x06", "notes.json")


@pytest.mark.parametrize(
    ("data", "cause"),
    [
        (b"", "is no zip"),
        (b"PK\x03\x04 and then nothing", "damaged zip"),
        (zipped()[:-30], "damaged zip"),
        (zipped(**{"../../etc/passwd": b"x"}), "does not belong"),
        (zipped(**{"/abs.npy": npy(np.zeros(2))}), "does not belong"),
        (zipped(**{"points.npy": npy(np.array([{}]), allow_pickle=True)}), "run code"),
        (zipped(**{"points.npy": npy(np.zeros((2, 3)))[:-8]}), "announces"),
        (zipped(**{"points.npy": npy(np.array([[np.nan, 0, 0]]))}), "not finite"),
        (zipped(**{"points.npy": npy(np.array(["a"]))}), "values of type"),
        (zipped(**{"points.npy": b"PK"}), "no NPY"),
        (zipped(**{"notes.json": b"[1]"}), "no JSON object"),
        (zipped(**{"notes.json": b'{"a": NaN}'}), "no JSON"),
        (zipped(**{"notes.json": b"[" * 100_000}), "no JSON"),
        (zipped(**{"notes.json": json.dumps("x" * (1 << 20)).encode()}), "bytes"),
    ],
)
def test_a_hostile_or_damaged_archive_is_refused(data, cause):
    with pytest.raises(Problem, match=cause) as caught:
        unpacked(data)
    assert "\n" not in str(caught.value)


def test_members_may_not_hold_more_together_than_is_allowed():
    data = zipped(**{"points.npy": npy(np.zeros((400, 3))), "ids.npy": npy(np.zeros(400))})
    with pytest.raises(Problem, match="more than the 10,000 allowed"):
        unpacked(data, Limits(bytes=10_000))


def test_a_member_packed_ten_thousandfold_is_taken_for_a_bomb():
    data = zipped(**{"points.npy": npy(np.zeros((1 << 20, 3)))})
    with pytest.raises(Problem, match="zip bomb"):
        unpacked(data)
