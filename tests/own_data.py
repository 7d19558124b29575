"""Folders laid out as FaceScape and BU-4DFE lie on disk, made up of the mean face and the rendered sample."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np

from faceviz import assets
from faceviz.geometry import geometry_image
from faceviz.io import write_scan
from faceviz.io.facescape import EXPRESSIONS, LANDMARK_LISTS
from faceviz.scan import FaceScan

_PICTURE = 360  # pixels of the sample's pictures along each side
_PICTURES = (0, 4, 8)


def facescape_tree(root: Path) -> Path:
    """One person, neutral and smile: the mean face among as many vertices, landmarks where the list says."""
    face = geometry_image.mean_face().reshape(-1, 3)
    chosen = LANDMARK_LISTS["v10"]
    vertices = np.zeros((chosen.vertex_count, 3))
    free = np.setdiff1d(np.arange(chosen.vertex_count), chosen.indices)
    places = free[: len(face)]
    vertices[places] = face
    vertices[free[len(face) :]] = face[0]
    vertices[list(chosen.indices)] = geometry_image.landmarks(face)
    corners = places[geometry_image.triangles()] + 1
    folder = root / "1" / "models_reg"
    folder.mkdir(parents=True)
    for number in (1, 2):
        lines = [f"v {x:.3f} {y:.3f} {z:.3f}" for x, y, z in vertices]
        lines += [f"f {a} {b} {c}" for a, b, c in corners]
        (folder / f"{number}_{EXPRESSIONS[number - 1]}.obj").write_text("\n".join(lines) + "\n")
    return root


def views_tree(root: Path) -> Path:
    """Three pictures of one person with cameras, the mesh, and what brings it into mm."""
    folder = root / "7" / "1_neutral"
    folder.mkdir(parents=True)
    params = {}
    for v, picture in enumerate(_PICTURES):
        shutil.copy(assets.path(f"sequences/sample/{picture:02d}.jpg"), folder / f"{v}.jpg")
        camera = {
            "K": [[700.0, 0, 180], [0, 700.0, 180], [0, 0, 1]], "Rt": [[1, 0, 0, 0], [0, -1, 0, 0], [0, 0, -1, 500.0]],
            "distortion": [0.0] * 5, "width": _PICTURE, "height": _PICTURE, "matches": [], "valid": True, "sn": "x",
            "ori": 0,
        }  # fmt: skip
        params |= {f"{v}_{key}": value for key, value in camera.items()}
    (folder / "params.json").write_text(json.dumps(params))
    write_scan(root / "7" / "1_neutral.ply", _mean_scan())
    alignment = {"7": {"1": [1.0, np.eye(4)[:3].tolist()]}}
    (root / "Rt_scale_dict.json").write_text(json.dumps(alignment))
    return root


def bu4dfe_tree(root: Path) -> Path:
    """One clip of three frames of one person."""
    folder = root / "F001" / "Happy"
    folder.mkdir(parents=True)
    for number, picture in enumerate(_PICTURES):
        shutil.copy(assets.path(f"sequences/sample/{picture:02d}.jpg"), folder / f"{number:03d}.jpg")
        (folder / f"{number:03d}.wrl").write_text(_vrml(_mean_scan()))
    return root


def _mean_scan() -> FaceScan:
    return FaceScan(geometry_image.mean_face().reshape(-1, 3), geometry_image.triangles(), unit="mm")


def _vrml(scan: FaceScan) -> str:
    points = ",\n".join(f"{x:.3f} {y:.3f} {z:.3f}" for x, y, z in scan.points)
    faces = ",\n".join(f"{a}, {b}, {c}, -1" for a, b, c in scan.triangles)
    return (
        "#VRML V2.0 utf8\nShape { geometry IndexedFaceSet {\n"
        f"coord Coordinate {{ point [\n{points}\n] }}\ncoordIndex [\n{faces}\n]\n}} }}\n"
    )
