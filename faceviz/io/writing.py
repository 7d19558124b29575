"""``write_scan``: a FaceScan to PLY, OBJ or NPZ, in one step, with its landmarks."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from faceviz.errors import FileFormatError, ShapeError
from faceviz.io.files import replace_file
from faceviz.io.formats import write_extensions
from faceviz.io.problems import file_error
from faceviz.io.sidecars import find_sidecar, landmarks_to_json, sidecar_paths
from faceviz.scan import FaceScan


def write_scan(
    path: str | os.PathLike[str],
    scan: FaceScan,
    *,
    heat: np.ndarray | None = None,
    colours: np.ndarray | None = None,
) -> None:
    """Writes PLY (binary), OBJ or NPZ, by the extension; what ``read_scan`` reads back is equal to the last bit.

    Landmarks go into the NPZ, or beside a PLY or OBJ into ``<stem>.landmarks.json``.

    Args:
        path: the file; an existing one is replaced only when the new one is complete.
        scan: what to write.
        heat: (N,) or (N, L) values of the points: the scalar ``heat`` of a PLY (N,), ``heatmaps`` in an NPZ.
        colours: (N, 3) uint8 of the points, for PLY and OBJ.

    Raises:
        FileFormatError: an extension that cannot be written, a value that the format cannot hold, or a file that
            cannot be written.
        ShapeError: ``heat`` or ``colours`` do not fit the points.
    """
    path = Path(path)
    make = _WRITERS.get(path.suffix.lower())
    if make is None:
        what = f"{path.suffix} cannot be written" if path.suffix else "has no extension"
        raise file_error(path.name, f"{what}; use one of {', '.join(write_extensions())}")
    heat, colours = _check_heat(scan, heat), _check_colours(scan, colours)
    try:
        write = make(scan, heat, colours)
    except FileFormatError as error:
        raise file_error(path.name, error) from None
    if path.suffix.lower() != ".npz":
        _write_sidecar(path, scan)
    replace_file(path, write)


def _write_sidecar(path: Path, scan: FaceScan) -> None:
    if scan.landmarks is not None:
        content = landmarks_to_json(scan.landmarks, scan.unit)
        replace_file(sidecar_paths(path)[0], lambda stream: stream.write(content))
        return
    stale = find_sidecar(path)
    if stale is not None:
        raise file_error(
            path.name,
            f"has no landmarks, but {stale.name} lies there and would be read as its truth; remove it",
        )


def _ply(scan: FaceScan, heat: np.ndarray | None, colours: np.ndarray | None) -> Callable[[BinaryIO], None]:
    if heat is not None and heat.ndim != 1:
        raise FileFormatError(f"a PLY holds one heat value per point, not {heat.shape[1]}; write an .npz")
    columns = [(axis, "double", "<f8", scan.points[:, i]) for i, axis in enumerate("xyz")]
    if heat is not None:
        columns.append(("heat", "float", "<f4", heat))
    if colours is not None:
        columns += [(name, "uchar", "u1", colours[:, i]) for i, name in enumerate(("red", "green", "blue"))]
    vertices = np.empty(len(scan.points), dtype=[(name, code) for name, _, code, _ in columns])
    for name, _, _, values in columns:
        vertices[name] = values
    header = [
        "ply",
        "format binary_little_endian 1.0",
        f"comment unit {scan.unit}",
        f"element vertex {len(vertices)}",
    ]
    header += [f"property {kind} {name}" for name, kind, _, _ in columns]
    faces = np.empty(
        0 if scan.triangles is None else len(scan.triangles), dtype=[("n", "u1"), ("corners", "<i4", 3)]
    )
    if scan.triangles is not None:
        faces["n"], faces["corners"] = 3, scan.triangles
        header += [f"element face {len(faces)}", "property list uchar int vertex_indices"]
    content = "\n".join([*header, "end_header", ""]).encode()

    def write(stream: BinaryIO) -> None:
        stream.write(content)
        stream.write(vertices.tobytes())
        stream.write(faces.tobytes())

    return write


def _obj(scan: FaceScan, heat: np.ndarray | None, colours: np.ndarray | None) -> Callable[[BinaryIO], None]:
    if heat is not None:
        raise FileFormatError("an OBJ has no room for heat; write a .ply or .npz, or give colours")
    tails = (
        [""] * len(scan.points)
        if colours is None
        else [f" {r:.4f} {g:.4f} {b:.4f}" for r, g, b in colours / 255]
    )
    vertices = (
        f"v {x!r} {y!r} {z!r}{tail}\n" for (x, y, z), tail in zip(scan.points.tolist(), tails, strict=True)
    )
    triangles = [] if scan.triangles is None else (scan.triangles + 1).tolist()
    faces = (f"f {a} {b} {c}\n" for a, b, c in triangles)

    def write(stream: BinaryIO) -> None:
        text = io.TextIOWrapper(stream, encoding="ascii", newline="\n")
        text.write(f"# unit {scan.unit}\n")
        text.writelines(vertices)
        text.writelines(faces)
        text.flush()
        text.detach()

    return write


def _npz(scan: FaceScan, heat: np.ndarray | None, colours: np.ndarray | None) -> Callable[[BinaryIO], None]:
    arrays = {"points": scan.points, "triangles": scan.triangles, "landmarks": scan.landmarks}
    arrays |= {"heatmaps": heat, "colours": colours, "unit": np.array(scan.unit)}
    present: dict[str, Any] = {name: values for name, values in arrays.items() if values is not None}
    return lambda stream: np.savez_compressed(stream, **present)


_WRITERS = {".ply": _ply, ".obj": _obj, ".npz": _npz}


def _check_heat(scan: FaceScan, heat: np.ndarray | None) -> np.ndarray | None:
    if heat is None:
        return None
    heat = np.asarray(heat, dtype=np.float32)
    if heat.ndim not in (1, 2) or len(heat) != len(scan.points):
        raise ShapeError(f"heat must be ({len(scan.points)},) or ({len(scan.points)}, L), got {heat.shape}")
    return heat


def _check_colours(scan: FaceScan, colours: np.ndarray | None) -> np.ndarray | None:
    if colours is None:
        return None
    colours = np.asarray(colours)
    if colours.shape != (len(scan.points), 3) or colours.dtype != np.uint8:
        raise ShapeError(
            f"colours must be ({len(scan.points)}, 3) uint8, got {colours.shape} {colours.dtype}"
        )
    return colours
