"""BU-4DFE (Yin et al. 2008) as it lies on disk: ``F001/Happy/000.jpg`` and ``000.wrl``, and the report's preprocessing.

101 subjects, six expressions, about 100 frames each at 25 a second, in mm. The licence is for research, and no part
may be passed on.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from faceviz.errors import ConfigError, FileFormatError, GeometryError, nearest_name
from faceviz.geometry.sampling import sample_surface
from faceviz.io.vrml import read_vrml
from faceviz.scan import FaceScan

EXPRESSIONS: tuple[str, ...] = ("Angry", "Disgust", "Fear", "Happy", "Sad", "Surprise")
TRUTH_POINTS = 2**14  # Thomassen (2022)
FRAMES_PER_SECOND = 25.0

_SUBJECT = re.compile(r"[FM]\d{3}")
_BND_ROWS = 83


@dataclass(frozen=True, slots=True)
class Clip:
    """One expression of one subject; frame i is ``images[i]`` with ``meshes[i]``."""

    subject: str  # "F001"
    expression: str  # "Happy"
    images: tuple[Path, ...]
    meshes: tuple[Path, ...]

    def __len__(self) -> int:
        return len(self.images)


class Bu4dfeTree:
    """The clips of a BU-4DFE folder; frames that lack the picture or the mesh are left out and counted.

    Args:
        root: the folder that holds ``F001`` ... ``M043``.
        subjects: names to keep, all by default.
        expressions: names to keep, all by default.

    Raises:
        FileFormatError: the folder holds no clip.
        ConfigError: an expression that does not exist.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        *,
        subjects: Iterable[str] | None = None,
        expressions: Iterable[str] | None = None,
    ) -> None:
        self.root = Path(root)
        wanted = EXPRESSIONS if expressions is None else tuple(map(_expression, expressions))
        self.incomplete = 0  # frames without picture or mesh
        self.clips = self._clips(None if subjects is None else set(subjects), wanted)

    def _clips(self, subjects: set[str] | None, expressions: Sequence[str]) -> tuple[Clip, ...]:
        if not self.root.is_dir():
            raise FileFormatError(f"{self.root}: is no folder; give the one that holds F001, F002, ..., M043")
        clips = []
        for folder in sorted(self.root.iterdir()):
            if not _SUBJECT.fullmatch(folder.name) or (subjects is not None and folder.name not in subjects):
                continue
            found = (self._clip(folder / name) for name in expressions if (folder / name).is_dir())
            clips += [clip for clip in found if len(clip)]
        if not clips:
            raise FileFormatError(
                f"{self.root}: holds no BU-4DFE clip; unpack subjects there (F001/Happy/000.jpg and 000.wrl)"
            )
        return tuple(clips)

    def _clip(self, folder: Path) -> Clip:
        pictures = {path.stem: path for path in folder.glob("*.jpg") if path.stem.isdigit()}
        meshes = {path.stem: path for path in folder.glob("*.wrl") if path.stem.isdigit()}
        both = sorted(pictures.keys() & meshes.keys(), key=int)
        self.incomplete += len(pictures.keys() ^ meshes.keys())
        return Clip(
            folder.parent.name, folder.name, tuple(pictures[n] for n in both), tuple(meshes[n] for n in both)
        )

    @property
    def subjects(self) -> tuple[str, ...]:
        """Subjects of whom at least one clip is there."""
        return tuple(sorted({clip.subject for clip in self.clips}))

    def of(self, subject: str) -> tuple[Clip, ...]:
        """The clips of a subject."""
        return tuple(clip for clip in self.clips if clip.subject == subject)

    def pictures(self, subject: str, count: int, rng: np.random.Generator) -> list[Path]:
        """``count`` different pictures of a subject, in random order; all where there are fewer."""
        everything = [path for clip in self.of(subject) for path in clip.images]
        return [everything[i] for i in rng.permutation(len(everything))[:count]]

    def neutral(self, subject: str) -> FaceScan:
        """The neutral mesh of a subject: every clip begins and ends neutral, so the first frame of the first one."""
        clips = self.of(subject)
        if not clips:
            raise ConfigError(f"no subject {subject!r}{nearest_name(subject, self.subjects)}")
        return read_frame(clips[0].meshes[0])


def read_frame(path: str | os.PathLike[str]) -> FaceScan:
    """The mesh of a frame, cleaned: ``clean_mesh``; in mm.

    Raises:
        FileFormatError: it cannot be read, or has no triangles.
    """
    path = Path(path)
    mesh = read_vrml(path)
    if mesh.triangles is None:
        raise FileFormatError(f"{path.name}: holds no triangles; copy it again from BU-4DFE")
    try:
        points, triangles = clean_mesh(mesh.points, mesh.triangles)
    except GeometryError as error:
        raise FileFormatError(f"{path.name}: {error}") from None
    name = "/".join(path.parts[-3:])
    return FaceScan(points, triangles, unit="mm", source=f"bu4dfe:{name}")


def clean_mesh(points: np.ndarray, triangles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Without degenerate triangles, edges of more than two triangles and points of none, as the report does it.

    Args:
        points: (N, 3).
        triangles: (M, 3).

    Returns:
        points (N', 3) float64 and triangles (M', 3) int64.

    Raises:
        GeometryError: nothing is left.
    """
    import open3d as o3d

    mesh = o3d.geometry.TriangleMesh(
        o3d.utility.Vector3dVector(np.ascontiguousarray(points, dtype=np.float64)),
        o3d.utility.Vector3iVector(np.ascontiguousarray(triangles, dtype=np.int32)),
    )
    mesh.remove_degenerate_triangles()
    mesh.remove_duplicated_triangles()
    mesh.remove_non_manifold_edges()
    mesh.remove_unreferenced_vertices()
    if not len(mesh.triangles):
        raise GeometryError("no triangle is left after cleaning; copy the mesh again")
    return np.asarray(mesh.vertices).copy(), np.asarray(mesh.triangles).astype(np.int64)


def truth_cloud(
    scan: FaceScan, rng: np.random.Generator, *, count: int = TRUTH_POINTS, unit_radius: bool = True
) -> np.ndarray:
    """``count`` random points of a surface, centred on their mean and divided by the largest radius, (count, 3).

    Args:
        scan: with triangles.
        rng: the only source of chance.
        unit_radius: False moves to the origin only, and keeps mm.

    Raises:
        GeometryError: the scan has no triangles.
    """
    if scan.triangles is None:
        raise GeometryError(f"{scan.source}: has no triangles to take points from; give a mesh")
    points, _ = sample_surface(scan.points, scan.triangles, count, rng)
    points = points - points.mean(axis=0)
    return points / np.linalg.norm(points, axis=1).max() if unit_radius else points


def read_bnd(path: str | os.PathLike[str]) -> np.ndarray:
    """The 83 feature points of a frame (``BU4DFE_BND_V1.1/F001/Happy/*.bnd``), (83, 3) mm.

    Raises:
        FileFormatError: it does not hold 83 rows of a number and three coordinates.
    """
    path = Path(path)
    try:
        rows = [line.split() for line in path.read_text(encoding="ascii").splitlines() if line.strip()]
        table = np.array([[float(word) for word in row] for row in rows[:_BND_ROWS]])
    except (OSError, ValueError):
        table = np.zeros((0, 0))
    if table.shape != (_BND_ROWS, 4) or not np.isfinite(table).all():
        raise FileFormatError(
            f"{path.name}: is no list of {_BND_ROWS} feature points; copy it again from BU-4DFE"
        )
    return table[:, 1:]


def split_clips(
    subjects: Sequence[str], *, seed: int = 0, test: int | None = None
) -> dict[str, tuple[str, ...]]:
    """Subjects, not pictures, dealt to ``train`` and ``test``.

    Args:
        subjects: names; their order and repetitions do not matter.
        seed: the same seed gives the same split.
        test: how many to test on; by default the report's share, 26 of 96.
    """
    unique = sorted(set(subjects))
    count = round(len(unique) * 26 / 96) if test is None else test
    if not 0 <= count <= len(unique):
        raise ConfigError(f"test={count} of {len(unique)} subjects; take between 0 and {len(unique)}")
    shuffled = [unique[i] for i in np.random.default_rng(seed).permutation(len(unique))]
    return {"train": tuple(sorted(shuffled[count:])), "test": tuple(sorted(shuffled[:count]))}


def _expression(name: str) -> str:
    if name.capitalize() not in EXPRESSIONS:
        raise ConfigError(f"no expression named {name!r}{nearest_name(name, EXPRESSIONS)}")
    return name.capitalize()
