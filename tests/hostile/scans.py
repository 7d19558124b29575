"""Small valid scans of every format, built from the formats' own rules rather than by the code under test."""

from __future__ import annotations

import io
import json
import struct

import numpy as np

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


def mesh_files() -> dict[str, bytes]:
    """The bump as a file of each format that holds triangles."""
    points, triangles = grid()
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


def cloud_files() -> dict[str, bytes]:
    """The bump's points as a file of each format without triangles."""
    points, _ = grid()
    return {
        "face.npy": npy(points),
        "face.xyz": xyz(points),
        "face.csv": b"x,y,z\n" + xyz(points).replace(b" ", b","),
    }
