from __future__ import annotations

import codecs
import io
import pickle
import struct
import tracemalloc

import numpy as np
import pytest

from faceviz.io.pickles import load_plain_pickle
from faceviz.io.problems import Problem


class Calls:
    """Pickles as a call of ``function(*arguments)``."""

    def __init__(self, function, *arguments) -> None:
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


class Plain:
    """An ordinary object."""


def load(data: bytes):
    return load_plain_pickle(io.BytesIO(data), len(data))


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize(
    "value",
    [
        {"a": [1, -(2**70), 2.5, None, True], "b": ("text", b"bytes", "\u00fc")},
        np.arange(24.0).reshape(2, 3, 4),
        np.asfortranarray(np.arange(12, dtype=">i4").reshape(3, 4)),
        np.empty((0, 3)),
        np.array(["one", "three"]),
        np.array([True, False]),
        np.float32(1.5),
        np.array(7),
    ],
)
def test_plain_values_of_every_protocol_are_read(protocol, value):
    read = load(pickle.dumps(value, protocol=protocol))
    np.testing.assert_equal(read, value)
    assert np.asarray(read).dtype == np.asarray(value).dtype


@pytest.mark.parametrize("protocol", range(6))
def test_object_arrays_of_plain_values_are_read(protocol):
    value = np.empty(3, dtype=object)
    value[:] = ["a", np.arange(3), {"k": 1}]
    read = load(pickle.dumps(value, protocol=protocol))
    assert read[0] == "a" and read[2] == {"k": 1}
    np.testing.assert_array_equal(read[1], [0, 1, 2])


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("where", ["alone", "in a dict", "in an object array"])
def test_nothing_in_a_pickle_is_run(tmp_path, protocol, where):
    marker = tmp_path / "ran"
    evil = Calls(open, str(marker), "w")
    if where == "in a dict":
        evil = {"point_list": evil}
    elif where == "in an object array":
        array = np.empty(1, dtype=object)
        array[0] = evil
        evil = array
    data = pickle.dumps(evil, protocol=protocol)
    with pytest.raises(Problem, match="asks for '(io|_io|builtins|__builtin__).open'; nothing was run"):
        load(data)
    assert not marker.exists()


@pytest.mark.parametrize(
    "value",
    [
        Calls(eval, "1 + 1"),
        Calls(codecs.encode, "text", "rot13"),
        Calls(__import__, "os"),
        Calls(getattr, "", "upper"),
        Calls(np.load, "x.npy"),
        Calls(np.frombuffer, b"12345678"),
        Plain(),
        {1, 2}.__class__,
        np.random.default_rng(0),
        np.array(["2020-01-01"], dtype="datetime64[D]"),
        np.zeros(2, dtype=[("a", "f4")]),
        np.ma.masked_array([1.0], [True]),
        range(3),
    ],
)
def test_other_classes_and_functions_are_refused(value):
    with pytest.raises(Problem):
        load(pickle.dumps(value))


def test_the_old_way_to_make_objects_is_refused():
    for data in (
        b"(ios\nsystem\n.",
        b"(S'true'\nios\nsystem\n.",
        b"(cos\nsystem\nS'true'\no.",
        b"(S'text'\nS'latin1'\ni_codecs\nencode\n.",
        b"P1\n.",
        b"\x82\x01.",
    ):
        with pytest.raises(Problem):
            load(data)


def test_only_the_known_functions_can_be_called():
    call_a_dict = b"\x80\x04}(K\x01tR."
    build_a_dict = b"\x80\x04}}b."
    build_a_known_function = b"\x80\x04\x8c\x05numpy\x8c\x05dtype\x93}b."
    for data in (call_a_dict, build_a_dict, build_a_known_function):
        with pytest.raises(Problem, match="must not"):
            load(data)


def array_pickle(shape, code: str, content, order="<") -> bytes:
    """A pickle of the state of an array, right or wrong."""

    class Dtype:
        def __reduce__(self):
            return (np.dtype, (code, False, True), (3, order, None, None, None, -1, -1, 0))

    class Array:
        def __reduce__(self):
            state = (1, shape, Dtype(), False, content)
            return (np._core.multiarray._reconstruct, (np.ndarray, (0,), b"b"), state)

    return pickle.dumps(Array())


def test_the_handmade_pickle_of_an_array_is_right_when_it_is_right():
    np.testing.assert_array_equal(load(array_pickle((3,), "i4", struct.pack("<3i", 1, 2, 3))), [1, 2, 3])
    np.testing.assert_array_equal(load(array_pickle((1,), "i4", b"\0\0\0\1", order=">")), [1])


@pytest.mark.parametrize(
    ("shape", "code", "content"),
    [
        ((10**12,), "f8", b""),
        ((10**30,), "f8", b""),
        ((-1,), "f8", b""),
        ((2.0,), "f8", bytes(16)),
        ((True,), "f8", bytes(8)),
        ("ab", "f8", b""),
        ((2,), "f8", bytes(15)),
        ((2,), "f8", bytes(24)),
        ((2,), "f8", [0.0, 0.0]),
        ((2,), "f8", "x" * 16),
        ((2,), "O8", bytes(16)),
        ((3,), "O8", [1, 2]),
        ((1,) * 9, "f8", bytes(8)),
        ((1,), "f", bytes(4)),
        ((1,), "V8", bytes(8)),
        ((1,), "M8", bytes(8)),
        ((1,), "f3", bytes(3)),
    ],
)
def test_an_array_whose_state_lies_is_refused(shape, code, content):
    """Object pointers out of raw bytes, a billion elements out of none: NumPy's own code never sees such states."""
    with pytest.raises(Problem):
        load(array_pickle(shape, code, content))


@pytest.mark.parametrize(
    "data",
    [
        b"\x80\x04\x8e" + struct.pack("<Q", 2**30) + b"x.",
        b"\x80\x05\x96" + struct.pack("<Q", 2**30) + b"x.",
        b"\x80\x04\x95" + struct.pack("<Q", 2**30) + b"N.",
        b"\x80\x04B" + struct.pack("<I", 2**30) + b"x.",
        b"\x80\x04X" + struct.pack("<I", 2**30) + b"x.",
        b"\x80\x04\x8b" + struct.pack("<i", 2**30) + b"x.",
        b"\x80\x04Nr" + struct.pack("<I", 2**25) + b"r" + struct.pack("<I", 2**32 - 1) + b"0.",
    ],
)
def test_lengths_beyond_the_file_take_no_memory(tmp_path, data):
    (tmp_path / "lie").write_bytes(data)
    tracemalloc.start()
    try:
        with (tmp_path / "lie").open("rb") as stream, pytest.raises(Problem):
            load_plain_pickle(stream, len(data))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 5e6


def test_a_few_bytes_that_stand_for_billions_of_values_are_refused():
    value = [0]
    for _ in range(40):
        value = [value, value]
    with pytest.raises(Problem, match="too many values"):
        load(pickle.dumps(value))


def test_a_list_that_holds_itself_is_refused():
    value = []
    value.append(value)
    with pytest.raises(Problem, match="nested too deeply"):
        load(pickle.dumps(value))


def test_a_cut_off_pickle_is_refused():
    data = pickle.dumps({"a": np.arange(9)})
    for stop in range(0, len(data), 7):
        with pytest.raises(Problem):
            load(data[:stop])
