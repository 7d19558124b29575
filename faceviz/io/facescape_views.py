"""FaceScape's multi-view pictures: ``ID/N_expression/0.jpg`` ... with ``params.json``, and the mesh of each set.

Meshes lie in an arbitrary frame and scale of their own; ``Rt_scale_dict.json`` takes them to that of the TU models.
The data are licensed to researchers who sign for them, and no part may be passed on.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from faceviz.errors import FileFormatError
from faceviz.io.facescape import EXPRESSIONS, expression_number
from faceviz.io.files import read_bytes
from faceviz.io.images import read_image
from faceviz.io.problems import Problem, file_error
from faceviz.io.reading import read_scan
from faceviz.scan import FaceScan

_MAX_JSON_BYTES = 16 * 1024**2
_MAX_VIEWS = 1000
_FIELDS = 9  # entries of params.json a view


@dataclass(frozen=True, slots=True, eq=False)
class CameraView:
    """One picture and its camera: u = K (R x + t), then distortion; x right, y down, z forward."""

    path: Path
    intrinsics: np.ndarray  # (3, 3) pixels
    pose: np.ndarray  # (3, 4) camera_from_mesh
    distortion: np.ndarray  # (5,) k1 k2 p1 p2 k3
    size: tuple[int, int]  # width, height

    def project(self, points: np.ndarray) -> np.ndarray:
        """Pixels (N, 2) of the undistorted picture, of points (N, 3) in the mesh's frame."""
        seen = (points @ self.pose[:, :3].T + self.pose[:, 3]) @ self.intrinsics.T
        return seen[:, :2] / seen[:, 2:]

    def read(self) -> np.ndarray:
        """The picture without distortion, (H, W, 3) uint8 RGB.

        Raises:
            FileFormatError: it cannot be read or has another size than params.json says.
        """
        import cv2

        image = read_image(self.path)
        if image.shape[1::-1] != self.size:
            raise FileFormatError(
                f"{self.path.name}: has {image.shape[1]} x {image.shape[0]} pixels, but params.json says "
                f"{self.size[0]} x {self.size[1]}; take the pictures as they were downloaded"
            )
        return cv2.undistort(image, self.intrinsics, self.distortion)


@dataclass(frozen=True, slots=True, eq=False)
class ViewSet:
    """All pictures of one subject with one expression."""

    subject: int
    expression: int  # 1 to 20
    views: tuple[CameraView, ...]
    mesh: Path | None

    @property
    def name(self) -> str:
        return f"{self.subject}/{self.expression}_{EXPRESSIONS[self.expression - 1]}"


class MultiViewTree:
    """The multi-view folders of FaceScape.

    Args:
        images: the folder that holds ``ID/N_expression/params.json``.
        meshes: the folder that holds ``ID/N_expression.ply``; by default ``images``.
        alignment: ``Rt_scale_dict.json``, if meshes are wanted in the TU models' frame and mm.
        subjects: numbers to keep, all by default.
        expressions: names or numbers (1-20) to keep, all by default.

    Raises:
        FileFormatError: the folder holds no such set, or a params.json cannot be read.
        ConfigError: an expression that does not exist.
    """

    def __init__(
        self,
        images: str | os.PathLike[str],
        meshes: str | os.PathLike[str] | None = None,
        *,
        alignment: str | os.PathLike[str] | None = None,
        subjects: Iterable[int] | None = None,
        expressions: Iterable[str | int] | None = None,
    ) -> None:
        numbers = (
            range(1, len(EXPRESSIONS) + 1) if expressions is None else map(expression_number, expressions)
        )
        self._alignment = {} if alignment is None else _read_json(Path(alignment))
        root = Path(images)
        mesh_root = root if meshes is None else Path(meshes)
        wanted = None if subjects is None else set(subjects)
        self.sets = tuple(_sets(root, mesh_root, wanted, sorted(set(numbers))))
        if not self.sets:
            raise FileFormatError(
                f"{root}: holds no multi-view set; unpack FaceScape there (ID/N_expression/params.json)"
            )

    @property
    def subjects(self) -> tuple[int, ...]:
        """Subjects of whom at least one set is there."""
        return tuple(sorted({item.subject for item in self.sets}))

    def mesh(self, item: ViewSet) -> FaceScan:
        """The mesh of a set: in its own frame, or with ``alignment`` in the TU models' frame in mm.

        Raises:
            FileFormatError: there is none, or the alignment lacks it.
        """
        if item.mesh is None:
            raise FileFormatError(f"{item.name}: has no mesh; name the folder of the PLY files")
        scan = read_scan(item.mesh, unit="mm" if self._alignment else "unknown", landmarks=None)
        if self._alignment:
            scale, pose = self.alignment(item)
            scan = scan.with_(points=scale * scan.points @ pose[:, :3].T + pose[:, 3])
        return scan.with_(source=f"facescape-views:{item.name}")

    def alignment(self, item: ViewSet) -> tuple[float, np.ndarray]:
        """Scale and pose (3, 4) from the set's frame to that of the TU models: R (s x) + t, in mm.

        Raises:
            FileFormatError: Rt_scale_dict.json lacks the set.
        """
        try:
            scale, pose = self._alignment[str(item.subject)][str(item.expression)]
            return float(scale), _matrix(pose, (3, 4), (4, 4))[:3]
        except (KeyError, TypeError, ValueError):
            raise FileFormatError(
                f"{item.name}: Rt_scale_dict.json does not hold it; take the file that came with these data"
            ) from None


def _sets(root: Path, mesh_root: Path, subjects: set[int] | None, numbers: list[int]) -> Iterable[ViewSet]:
    if not root.is_dir():
        raise FileFormatError(f"{root}: is no folder; give the one that holds FaceScape's subjects")
    found = sorted(int(path.name) for path in root.iterdir() if path.name.isascii() and path.name.isdigit())
    for subject in found:
        if subjects is not None and subject not in subjects:
            continue
        for number in numbers:
            name = f"{number}_{EXPRESSIONS[number - 1]}"
            params = root / str(subject) / name / "params.json"
            if params.is_file():
                mesh = mesh_root / str(subject) / f"{name}.ply"
                yield ViewSet(subject, number, read_params(params), mesh if mesh.is_file() else None)


def read_params(path: str | os.PathLike[str]) -> tuple[CameraView, ...]:
    """The cameras of a ``params.json`` that are marked valid.

    Raises:
        FileFormatError: it is no such file.
    """
    path = Path(path)
    values = _read_json(path)
    if not isinstance(values, dict) or not values or len(values) // _FIELDS > _MAX_VIEWS:
        raise file_error(path.name, Problem("holds no cameras", "copy it again from FaceScape"))
    views = []
    for number in range(len(values) // _FIELDS):
        try:
            if values[f"{number}_valid"]:
                views.append(_camera(path.parent / f"{number}.jpg", values, number))
        except (KeyError, TypeError, ValueError) as error:
            problem = Problem(
                f"camera {number} cannot be read ({type(error).__name__})", "copy it again from FaceScape"
            )
            raise file_error(path.name, problem) from None
    return tuple(views)


def _camera(path: Path, values: dict[str, Any], number: int) -> CameraView:
    distortion = np.asarray(values[f"{number}_distortion"], dtype=np.float64)
    if distortion.shape != (5,) or not np.isfinite(distortion).all():
        raise ValueError("distortion")
    return CameraView(
        path,
        _matrix(values[f"{number}_K"], (3, 3), (4, 4))[:3, :3],
        _matrix(values[f"{number}_Rt"], (3, 4), (4, 4))[:3],
        distortion,
        (int(values[f"{number}_width"]), int(values[f"{number}_height"])),
    )


def _matrix(values: Any, *shapes: tuple[int, int]) -> np.ndarray:
    matrix = np.asarray(values, dtype=np.float64)
    if matrix.shape not in shapes or not np.isfinite(matrix).all():
        raise ValueError("matrix")
    return matrix


def _read_json(path: Path) -> Any:
    try:
        return json.loads(read_bytes(path, _MAX_JSON_BYTES))
    except Problem as problem:
        raise file_error(path.name, problem) from None
    except (ValueError, RecursionError):
        raise file_error(path.name, Problem("is no JSON", "copy it again from FaceScape")) from None
