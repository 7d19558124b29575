"""Files that look right and are not, drawn by Hypothesis: read, or refused in one line by a guard."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from faceviz.errors import FacevizError, FileFormatError
from faceviz.io import read_scan_bytes
from tests.hostile import scans

quick = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)

COUNTS = st.one_of(st.integers(-2, 40), st.sampled_from([2**31, 2**63, 10**18, 10**30]))
NUMBERS = st.one_of(
    st.floats(), st.integers(-(2**70), 2**70), st.sampled_from(["", "x", "1_0", "0x1", "1e999", "\u0664"])
)
WORDS = st.sampled_from(
    "char uchar short ushort int uint float double list vertex_indices x y z nx red vertex face edge".split()
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def settle(read: Callable[[], object]) -> None:
    """Whatever comes, it is a result or one line that a guard wrote."""
    try:
        read()
    except FileFormatError as error:
        assert error.__cause__ is None, f"only the last resort met it: {error.__cause__!r}"
        assert len(str(error).splitlines()) == 1
    except FacevizError as error:
        assert len(str(error).splitlines()) == 1


@quick
@given(st.lists(st.tuples(WORDS, COUNTS, st.lists(WORDS, min_size=1, max_size=4)), max_size=4),
       st.sampled_from(["ascii", "binary_little_endian", "binary_big_endian"]), st.binary(max_size=200))  # fmt: skip
def test_any_header_of_a_ply(elements, encoding, body):
    lines = [f"format {encoding} 1.0"]
    for name, count, properties in elements:
        lines += [
            f"element {name} {count}",
            *(f"property {' '.join(properties[i:])}" for i in range(len(properties))),
        ]
    settle(lambda: read_scan_bytes("face.ply", scans.ply("\n".join(lines), body)))


@quick
@given(st.lists(st.tuples(st.sampled_from(["v", "f", "vt", "g", "mtllib", "#", "f -1/"]),
                          st.lists(NUMBERS, max_size=5)), max_size=12))  # fmt: skip
def test_any_lines_of_an_obj(lines):
    text = "v 0 0 0\nv 1 0 0\nv 0 1 0\n" + "".join(
        f"{word} {' '.join(map(str, rest))}\n" for word, rest in lines
    )
    settle(lambda: read_scan_bytes("face.obj", text.encode()))


@quick
@given(st.lists(COUNTS, max_size=5), st.sampled_from(["<f8", "<f4", "|O", "<U9", "<M8[D]", "V8", "x", "f4,f4"]),
       st.booleans(), st.binary(max_size=120))  # fmt: skip
def test_any_header_of_an_npy(shape, dtype, fortran, body):
    header = repr({"descr": dtype, "fortran_order": fortran, "shape": tuple(shape)}).encode() + b"\n"
    data = b"\x93NUMPY\1\0" + struct.pack("<H", len(header)) + header + body
    settle(lambda: read_scan_bytes("face.npy", data))


@quick
@given(st.sampled_from(["scenes", "nodes", "meshes", "accessors", "bufferViews", "buffers"]), JSON)
def test_any_part_of_a_glb_replaced(part, value):
    document, binary = scans.glb_document(*scans.grid())
    settle(lambda: read_scan_bytes("face.glb", scans.glb_pack(document | {part: value}, binary)))


@quick
@given(JSON)
def test_any_json_in_place_of_landmarks(tmp_path, value):
    from faceviz.io import read_landmarks

    path = tmp_path / "face.landmarks.json"
    path.write_text(json.dumps({"landmarks": value}))
    settle(lambda: read_landmarks(path))
    path.write_text(json.dumps(value))
    settle(lambda: read_landmarks(path))


@quick
@given(st.dictionaries(st.sampled_from("landmark threshold colormap body model rotation_deg scan x".split()),
                       st.text(max_size=12), max_size=4))  # fmt: skip
def test_any_query_of_an_address(query):
    from faceviz.display.settings import Settings

    settle(lambda: Settings.from_query(query))
