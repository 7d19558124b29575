"""GLB: binary glTF 2.0. The JSON is checked and cut down to geometry before trimesh builds the scene from it.

What trimesh is given holds no file names, images, materials, extensions or unused accessors; every offset, count,
type and transform in it was checked here against the bytes that are there.
"""

from __future__ import annotations

import io
import json
import math
import struct
from typing import Any

import numpy as np

from faceviz.io.polygons import check_triangles
from faceviz.io.problems import Limits, Parsed, Problem, shown

MAX_JSON = 4 * 1024**2
MAX_NODES = 10_000

_POINTS, _TRIANGLES, _STRIP, _FAN = 0, 4, 5, 6
_FLOAT, _INDEX_BYTES = 5126, {5121: 1, 5123: 2, 5125: 4}
_GEOMETRY_EXTENSIONS = ("KHR_draco_mesh_compression", "EXT_meshopt_compression", "KHR_mesh_quantization")
_NODE_NUMBERS = {"matrix": 16, "translation": 3, "rotation": 4, "scale": 3}
_PLACEHOLDER = {"componentType": 5121, "count": 0, "type": "SCALAR"}
_DAMAGED = "the file is damaged: export it again"


def parse_glb(data: bytes, limits: Limits) -> Parsed:
    """All meshes of the scene, each moved by its nodes' transforms, as one."""
    document, binary = _chunks(data)
    clean = _Cleaner(document, binary, limits).document()
    return _parts(_trimesh_scene(clean, binary), limits)


def _chunks(data: bytes) -> tuple[dict[str, Any], bytes]:
    if len(data) < 20:
        raise Problem(f"has {len(data)} bytes, less than a GLB header", "the file is cut off: copy it again")
    _, version, length = struct.unpack_from("<4sII", data)
    if version != 2:
        raise Problem(f"is version {version} of GLB", "export it as glTF 2.0")
    if length != len(data):
        raise Problem(
            f"announces {length:,} bytes and has {len(data):,}", "the file is cut off: copy it again"
        )
    found: dict[bytes, bytes] = {}
    offset = 12
    while offset + 8 <= length:
        size, kind = struct.unpack_from("<I4s", data, offset)
        if offset + 8 + size > length:
            raise Problem("has a chunk that runs over its end", _DAMAGED)
        found.setdefault(kind, data[offset + 8 : offset + 8 + size])
        offset += 8 + size
    if b"JSON" not in found:
        raise Problem("has no JSON chunk", _DAMAGED)
    return _json(found[b"JSON"]), found.get(b"BIN\0", b"")


def _json(content: bytes) -> dict[str, Any]:
    if len(content) > MAX_JSON:
        raise Problem(f"has {len(content):,} bytes of JSON", f"export it with at most {MAX_JSON:,}")
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise Problem(f"has damaged JSON ({type(error).__name__})", _DAMAGED) from None
    if not isinstance(document, dict):
        raise Problem("has JSON that is no glTF", _DAMAGED)
    return document


def _trimesh_scene(document: dict[str, Any], binary: bytes) -> Any:
    import trimesh

    content = json.dumps(document).encode()
    content += b" " * (-len(content) % 4)
    binary += b"\0" * (-len(binary) % 4)
    chunks = (
        struct.pack("<I4s", len(content), b"JSON")
        + content
        + struct.pack("<I4s", len(binary), b"BIN\0")
        + binary
    )
    header = struct.pack("<4sII", b"glTF", 2, 12 + len(chunks))
    stream = io.BytesIO(header + chunks)
    return trimesh.load_scene(
        stream, file_type="glb", process=False, maintain_order=True, skip_materials=True
    )


def _parts(scene: Any, limits: Limits) -> Parsed:
    points: list[np.ndarray] = []
    triangles: list[np.ndarray] = []
    count = 0
    for node in sorted(scene.graph.nodes_geometry):  # our names: zero-padded numbers, so in the file's order
        matrix, name = scene.graph[node]
        part = scene.geometry[name]
        vertices = np.asarray(part.vertices, dtype=np.float64)
        points.append(vertices @ matrix[:3, :3].T + matrix[:3, 3])
        faces = check_triangles(np.asarray(getattr(part, "faces", ())), len(vertices), limits)
        if faces is not None:
            triangles.append(faces + count)
        count += len(vertices)
    if not count:
        raise Problem("holds no geometry in its scene", "check the export")
    return Parsed(np.concatenate(points), np.concatenate(triangles) if triangles else None)


class _Cleaner:
    """Copies of the geometry's JSON, key by key, after a check of each value."""

    def __init__(self, document: dict[str, Any], binary: bytes, limits: Limits) -> None:
        self._source = document
        self._binary = binary
        self._limits = limits
        self._accessors = [_PLACEHOLDER] * len(self._list("accessors"))
        self._views = [{"buffer": 0, "byteLength": 0}] * len(self._list("bufferViews"))
        self._points: dict[int, int] = {}  # of each mesh
        self._triangles: dict[int, int] = {}

    def document(self) -> dict[str, Any]:
        self._refuse_foreign()
        meshes = [self._mesh(index, mesh) for index, mesh in enumerate(self._list("meshes"))]
        nodes, roots = self._nodes([bool(mesh["primitives"]) for mesh in meshes])
        return {
            "asset": {"version": "2.0"},
            "scene": 0,
            "scenes": [{"nodes": roots}],
            "nodes": nodes,
            "meshes": meshes,
            "accessors": self._accessors,
            "bufferViews": self._views,
            "buffers": [{"byteLength": len(self._binary)}],
        }

    def _refuse_foreign(self) -> None:
        used = self._list("extensionsRequired") + self._list("extensionsUsed")
        compressed = [name for name in _GEOMETRY_EXTENSIONS if name in used]
        if compressed:
            raise Problem(f"is compressed with {compressed[0]}", "export it without compression")
        if any("uri" in _dict(buffer) for buffer in self._list("buffers")):
            raise Problem("keeps its geometry in another file", "export it as one GLB with everything inside")

    def _mesh(self, index: int, mesh: Any) -> dict[str, Any]:
        primitives = _dict(mesh).get("primitives")
        clean = []
        self._points[index] = self._triangles[index] = 0
        for primitive in primitives if isinstance(primitives, list) else []:
            primitive = _dict(primitive)
            mode = primitive.get("mode", _TRIANGLES)
            if mode == _FAN:
                raise Problem("holds triangle fans", "export it as plain triangles")
            if mode in (_POINTS, _TRIANGLES, _STRIP):
                clean.append(self._primitive(index, primitive, int(mode)))
        return {"name": f"m{index:06d}", "primitives": clean}

    def _primitive(self, mesh: int, primitive: dict[str, Any], mode: int) -> dict[str, Any]:
        position = _integer(_dict(primitive.get("attributes")).get("POSITION"), "POSITION")
        points = corners = self._accessor(position, "VEC3", {_FLOAT: 12})
        self._limits.check_points(points)
        clean: dict[str, Any] = {"attributes": {"POSITION": position}, "mode": mode}
        if mode != _POINTS and "indices" in primitive:
            clean["indices"] = _integer(primitive["indices"], "indices")
            corners = self._accessor(clean["indices"], "SCALAR", _INDEX_BYTES)
        if mode == _TRIANGLES and corners % 3 or mode == _STRIP and corners < 3:
            raise Problem(f"has triangles with {corners} corners in all", _DAMAGED)
        triangles = {_POINTS: 0, _TRIANGLES: corners // 3, _STRIP: corners - 2}[mode]
        self._limits.check_triangles(triangles)
        self._points[mesh] += points
        self._triangles[mesh] += triangles
        return clean

    def _accessor(self, index: int, kind: str, sizes: dict[int, int]) -> int:
        """Copies an accessor and its view; returns its count of elements."""
        accessor = _item(self._list("accessors"), index, "accessor")
        if "sparse" in accessor or "bufferView" not in accessor:
            raise Problem("holds sparse accessors", "export it with plain buffers")
        component = _integer(accessor.get("componentType"), "componentType")
        if accessor.get("type") != kind or component not in sizes:
            raise Problem(
                f"has an accessor of component type {component} where {kind} is expected", "export it plain"
            )
        view_index = _integer(accessor["bufferView"], "bufferView")
        view = _item(self._list("bufferViews"), view_index, "bufferView")
        start, length = (_integer(view.get(key, 0), key) for key in ("byteOffset", "byteLength"))
        offset, count = (_integer(accessor.get(key, 0), key) for key in ("byteOffset", "count"))
        element = sizes[component]
        stride = _integer(view.get("byteStride", element), "byteStride")
        if _integer(view.get("buffer", 0), "buffer") != 0 or start + length > len(self._binary):
            raise Problem("has a buffer view outside its binary chunk", _DAMAGED)
        if not element <= stride <= 252 or count < 1 or offset + (count - 1) * stride + element > length:
            raise Problem(f"has an accessor of {count:,} elements in {length:,} bytes", _DAMAGED)
        self._accessors[index] = {
            "bufferView": view_index, "byteOffset": offset, "componentType": component, "count": count, "type": kind,
        }  # fmt: skip
        self._views[view_index] = {"buffer": 0, "byteOffset": start, "byteLength": length}
        if "byteStride" in view:
            self._views[view_index]["byteStride"] = stride
        return count

    def _nodes(self, drawn: list[bool]) -> tuple[list[dict[str, Any]], list[int]]:
        """The nodes and the roots of the scene: a forest, whose meshes stay within the limits."""
        nodes = self._list("nodes")
        if len(nodes) > MAX_NODES:
            raise Problem(f"has {len(nodes):,} nodes", f"export it with at most {MAX_NODES:,}")
        scenes = self._list("scenes")
        scene = _item(scenes, _integer(self._source.get("scene", 0), "scene"), "scene") if scenes else {}
        roots = _indices(scene.get("nodes", []))
        clean: list[dict[str, Any]] = [{"name": f"n{index:06d}"} for index in range(len(nodes))]
        seen: set[int] = set()
        waiting = list(roots)
        points = triangles = 0
        while waiting:
            index = waiting.pop()
            if index in seen:
                raise Problem(f"reaches node {index} twice", _DAMAGED)
            seen.add(index)
            node = _item(nodes, index, "node")
            clean[index] |= _transform(node)
            children = _indices(node.get("children", []))
            if children:
                clean[index]["children"] = children
                waiting += children
            if "mesh" in node:
                mesh = _integer(node["mesh"], "mesh")
                _item(self._list("meshes"), mesh, "mesh")
                points += self._points[mesh]
                triangles += self._triangles[mesh]
                self._limits.check_points(points)
                self._limits.check_triangles(triangles)
                clean[index] |= {"mesh": mesh} if drawn[mesh] else {}
        return clean, roots

    def _list(self, key: str) -> list[Any]:
        value = self._source.get(key, [])
        if not isinstance(value, list):
            raise Problem(f"has {key} that are no list", _DAMAGED)
        return value


def _transform(node: dict[str, Any]) -> dict[str, list[float]]:
    clean = {}
    for key, count in _NODE_NUMBERS.items():
        values = node.get(key)
        if values is None:
            continue
        if (
            not isinstance(values, list)
            or len(values) != count
            or not all(_is_number(value) for value in values)
        ):
            raise Problem(f"has a node whose {key} is not {count} finite numbers", _DAMAGED)
        clean[key] = [float(value) for value in values]
    if "rotation" in clean and not math.isclose(math.hypot(*clean["rotation"]), 1.0, abs_tol=1e-2):
        raise Problem("has a node whose rotation is no unit quaternion", _DAMAGED)
    return clean


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e15


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _item(values: list[Any], index: int, what: str) -> dict[str, Any]:
    if index >= len(values) or not isinstance(values[index], dict):
        raise Problem(f"points to {what} {index} of {len(values)}", _DAMAGED)
    return values[index]


def _integer(value: Any, key: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**40:
        raise Problem(f"has the {key} {shown(repr(value)[:99].encode())}", _DAMAGED)
    return value


def _indices(values: Any) -> list[int]:
    if not isinstance(values, list):
        raise Problem("has node children that are no list", _DAMAGED)
    return [_integer(value, "node") for value in values]
