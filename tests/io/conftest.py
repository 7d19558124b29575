"""Small valid files of every format, built from the formats' own rules rather than by the code under test."""

from __future__ import annotations

import io
import json
import struct
import tracemalloc
from random import Random
from types import SimpleNamespace

import numpy as np
import pytest

from faceviz.errors import FileFormatError
from faceviz.io import read_scan_bytes

SIDE = 5


def grid() -> tuple[np.ndarray, np.ndarray]:
    """A bump of 25 points, about 250 mm across, exact in float32, and its 32 triangles."""
    x, y = np.meshgrid(np.linspace(-90, 90, SIDE), np.linspace(-80, 80, SIDE))
    points = np.stack([x, y, 20 + x * y / 128], axis=-1).reshape(-1, 3).astype(np.float32).astype(np.float64)
    corner = (np.arange(SIDE - 1)[:, None] * SIDE + np.arange(SIDE - 1)).ravel()
    lower = np.stack([corner, corner + 1, corner + SIDE], axis=1)
    upper = np.stack([corner + 1, corner + SIDE + 1, corner + SIDE], axis=1)
    return points, np.concatenate([lower, upper])


def ply(header: str, body: bytes = b"") -> bytes:
    """A PLY from the lines of its header, without the first and the last."""
    lines = ["ply", *(line.strip() for line in header.strip().splitlines()), "end_header", ""]
    return "\n".join(lines).encode() + body


def ply_text(points: np.ndarray, triangles: np.ndarray) -> bytes:
    body = "".join(f"{x} {y} {z}\n" for x, y, z in points) + "".join(
        f"3 {a} {b} {c}\n" for a, b, c in triangles
    )
    return ply(_ply_header("ascii", "float", len(points), len(triangles)), body.encode())


def ply_binary(points: np.ndarray, triangles: np.ndarray, order: str = "<") -> bytes:
    encoding = "binary_little_endian" if order == "<" else "binary_big_endian"
    faces = np.empty(len(triangles), [("n", "u1"), ("corners", order + "i4", 3)])
    faces["n"], faces["corners"] = 3, triangles
    body = points.astype(order + "f4").tobytes() + faces.tobytes()
    return ply(_ply_header(encoding, "float", len(points), len(triangles)), body)


def _ply_header(encoding: str, real: str, points: int, faces: int) -> str:
    return f"""format {encoding} 1.0
        element vertex {points}
        property {real} x
        property {real} y
        property {real} z
        element face {faces}
        property list uchar int vertex_indices"""


def obj(points: np.ndarray, triangles: np.ndarray) -> bytes:
    vertices = "".join(f"v {x} {y} {z}\n" for x, y, z in points)
    faces = "".join(f"f {a}/1 {b}/1 {c}/1\n" for a, b, c in triangles + 1)
    return f"# made by hand\nmtllib face.mtl\n{vertices}vt 0 0\nusemtl skin\n{faces}".encode()


def stl_text(points: np.ndarray, triangles: np.ndarray) -> bytes:
    def facet(corners: np.ndarray) -> str:
        vertices = "".join(f"vertex {x} {y} {z}\n" for x, y, z in corners)
        return f"facet normal 0 0 1\nouter loop\n{vertices}endloop\nendfacet\n"

    return f"solid face\n{''.join(facet(points[t]) for t in triangles)}endsolid face\n".encode()


def stl_binary(points: np.ndarray, triangles: np.ndarray) -> bytes:
    facets = b"".join(struct.pack("<12fH", 0, 0, 1, *points[t].ravel(), 0) for t in triangles)
    return b"made by hand".ljust(80) + struct.pack("<I", len(triangles)) + facets


def off(points: np.ndarray, triangles: np.ndarray) -> bytes:
    vertices = "".join(f"{x} {y} {z}\n" for x, y, z in points)
    faces = "".join(f"3 {a} {b} {c}\n" for a, b, c in triangles)
    return f"OFF\n{len(points)} {len(triangles)} 0\n{vertices}{faces}".encode()


def glb_document(points: np.ndarray, triangles: np.ndarray) -> tuple[dict, bytes]:
    """The JSON of one mesh under one node, and the binary chunk: positions, then indices."""
    positions, indices = points.astype("<f4").tobytes(), triangles.astype("<u4").tobytes()
    document = {
        "asset": {"version": "2.0"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}, "indices": 1, "mode": 4}]}],
        "accessors": [
            {"bufferView": 0, "componentType": 5126, "count": len(points), "type": "VEC3"},
            {"bufferView": 1, "componentType": 5125, "count": triangles.size, "type": "SCALAR"},
        ],
        "bufferViews": [
            {"buffer": 0, "byteLength": len(positions)},
            {"buffer": 0, "byteOffset": len(positions), "byteLength": len(indices)},
        ],
        "buffers": [{"byteLength": len(positions) + len(indices)}],
    }
    return document, positions + indices


def glb_pack(document: dict, binary: bytes) -> bytes:
    content = json.dumps(document).encode()
    content += b" " * (-len(content) % 4)
    chunks = (
        struct.pack("<I4s", len(content), b"JSON")
        + content
        + struct.pack("<I4s", len(binary), b"BIN\0")
        + binary
    )
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks


def glb(points: np.ndarray, triangles: np.ndarray) -> bytes:
    return glb_pack(*glb_document(points, triangles))


def vrml(points: np.ndarray, triangles: np.ndarray) -> bytes:
    """As BU-4DFE lays its files out: one texture coordinate a point, the picture's name."""
    rows = "".join(f"{x} {y} {z},\n" for x, y, z in points)
    faces = "".join(f"{a}, {b}, {c}, -1,\n" for a, b, c in triangles)
    uv = "".join(f"{u} {v},\n" for u, v in (points[:, :2] + 90) / 180)
    return f"""#VRML V2.0 utf8
Shape {{
  appearance Appearance {{ texture ImageTexture {{ url "C:\\\\scans\\\\000.jpg" }} }} # made by hand
  geometry IndexedFaceSet {{
    coord Coordinate {{ point [
{rows}] }}
    coordIndex [
{faces}]
    texCoord TextureCoordinate {{ point [
{uv}] }}
    texCoordIndex [
{faces}]
  }}
}}
""".encode()


def npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def npz(**arrays: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.savez_compressed(stream, **arrays)
    return stream.getvalue()


def xyz(points: np.ndarray) -> bytes:
    return "".join(f"{x} {y} {z}\n" for x, y, z in points).encode()


@pytest.fixture(scope="session")
def make() -> SimpleNamespace:
    """The builders of files."""
    builders = (
        ply,
        ply_text,
        ply_binary,
        obj,
        stl_text,
        stl_binary,
        off,
        glb,
        glb_document,
        glb_pack,
        vrml,
        npy,
        npz,
        xyz,
    )
    return SimpleNamespace(**{builder.__name__: builder for builder in builders})


@pytest.fixture(scope="session")
def points() -> np.ndarray:
    """(25, 3) points of the bump."""
    return grid()[0]


@pytest.fixture(scope="session")
def triangles() -> np.ndarray:
    """(32, 3) triangles of the bump."""
    return grid()[1]


@pytest.fixture(scope="session")
def landmarks(points) -> np.ndarray:
    """(68, 3) positions on the bump."""
    return points[np.arange(68) % len(points)] + 0.125


@pytest.fixture(scope="session")
def meshes(points, triangles) -> dict[str, bytes]:
    """The bump as a file of each format that holds triangles."""
    return {
        "text.ply": ply_text(points, triangles),
        "little.ply": ply_binary(points, triangles, "<"),
        "big.ply": ply_binary(points, triangles, ">"),
        "face.obj": obj(points, triangles),
        "text.stl": stl_text(points, triangles),
        "binary.stl": stl_binary(points, triangles),
        "face.off": off(points, triangles),
        "face.glb": glb(points, triangles),
        "face.wrl": vrml(points, triangles),
        "face.npz": npz(points=points, triangles=triangles, unit=np.array("mm")),
    }


@pytest.fixture(scope="session")
def clouds(points) -> dict[str, bytes]:
    """The bump's points as a file of each format without triangles."""
    return {
        "face.npy": npy(points),
        "face.xyz": xyz(points),
        "face.csv": b"x,y,z\n" + xyz(points).replace(b" ", b","),
    }


@pytest.fixture
def complaint():
    """Reads a file that must be refused, in little time and memory, and gives the one line that says why."""

    def read(name: str, data: bytes, **options) -> str:
        tracemalloc.start()
        try:
            with pytest.raises(FileFormatError) as caught:
                read_scan_bytes(name, data, **options)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < 16e6 + 20 * len(data), f"{peak:,} bytes were taken for a file of {len(data):,}"
        message = str(caught.value)
        assert message.startswith(f"{name}: ") and "; " in message and len(message.splitlines()) == 1, message
        assert caught.value.__cause__ is None, "no guard met it, only the last resort"
        return message

    return read


@pytest.fixture
def damage():
    """Seeded mutations of a file: bytes changed, cut, doubled, numbers replaced by hostile ones."""

    def mutations(data: bytes, count: int, seed: int = 0):
        random = Random(seed)
        return (_mutated(data, random) for _ in range(count))

    return mutations


_HOSTILE_WORDS = (
    b"-1", b"0", b"999999999", b"99999999999999999999", b"nan", b"inf", b"1e400", b"1_0", b"1.5", b"", b" ", b"\n",
    b"\r", b"\0", b"[", b"{", b'"',
)  # fmt: skip
_HOSTILE_BYTES = (b"\xff\xff\xff\xff", b"\0\0\0\0", b"\xff\xff\xff\x7f", b"\0\0\x80\x7f", b"\x80\0\0\0")


def _mutated(data: bytes, random: Random) -> bytes:
    content = bytearray(data)
    for _ in range(random.choice((1, 1, 1, 2, 4, 16))):
        at = random.randrange(min(len(content), random.choice((400, 1 << 30))) or 1)
        match random.randrange(8):
            case 0:
                content[at : at + 1] = bytes([random.randrange(256)])
            case 1:
                del content[at:]
            case 2:
                del content[at : at + random.randrange(1, 40)]
            case 3:
                content[at:at] = content[random.randrange(len(content) or 1) :][: random.randrange(60)]
            case 4:
                content[at:at] = random.choice(_HOSTILE_WORDS)
            case 5:
                digit = next((i for i in range(at, len(content)) if 48 <= content[i] < 58), at)
                content[digit : digit + 1] = random.choice(_HOSTILE_WORDS)
            case 6:
                content[at : at + 4] = random.choice(_HOSTILE_BYTES)
            case 7:
                content += random.randbytes(random.randrange(20))
    return bytes(content)
