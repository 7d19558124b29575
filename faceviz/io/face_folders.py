"""Folders that each hold pictures of one face and its shape: ``NAME/*.jpg`` and exactly one ``NAME/*.ply``.

So lie the preprocessed set of Thomassen (2022), ``{Training,Testing}/NAME/``, and what ``faceviz synth sequences``
writes.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from faceviz.errors import FileFormatError
from faceviz.io.frames import images_in
from faceviz.io.images import read_image
from faceviz.io.reading import read_scan
from faceviz.scan import FaceScan

#: Names of the folders above, as splits.
SPLITS: dict[str, str] = {"Training": "train", "Validation": "val", "Testing": "test"}


@dataclass(frozen=True, slots=True)
class FaceFolder:
    """Pictures of one face and its shape."""

    name: str
    split: str | None  # "train", "val", "test", or None where the folders are not split
    images: tuple[Path, ...]
    shape: Path

    def truth(self) -> FaceScan:
        """The shape.

        Raises:
            FileFormatError: it cannot be read.
        """
        return read_scan(self.shape)

    def pictures(self, count: int | None = None, rng: np.random.Generator | None = None) -> list[np.ndarray]:
        """The first ``count`` pictures, or random ones, each (H, W, 3) uint8 RGB."""
        order = np.arange(len(self.images)) if rng is None else rng.permutation(len(self.images))
        return [read_image(self.images[i]) for i in order[:count]]


def face_folders(root: str | os.PathLike[str]) -> tuple[FaceFolder, ...]:
    """All such folders in ``root``, or in its folders Training, Validation and Testing.

    Raises:
        FileFormatError: there is none, or one that holds pictures and not exactly one PLY.
    """
    root = Path(root)
    if not root.is_dir():
        raise FileFormatError(
            f"{root}: is no folder; give one with a folder of pictures and a PLY for each face"
        )
    places: list[tuple[Path, str | None]] = [
        (root / name, split) for name, split in SPLITS.items() if (root / name).is_dir()
    ]
    found = [
        _folder(path, name)
        for place, name in (places or [(root, None)])
        for path in sorted(place.iterdir())
        if path.is_dir() and not path.name.startswith(".")
    ]
    folders = tuple(folder for folder in found if folder is not None)
    if not folders:
        raise FileFormatError(
            f"{root}: no folder in it holds pictures and a PLY; put each face in a folder of its own"
        )
    return folders


def _folder(path: Path, split: str | None) -> FaceFolder | None:
    """The folder's files; None where there is neither picture nor shape."""
    shapes = sorted(path.glob("*.ply"))
    try:
        images = images_in(path)
    except FileFormatError:
        if not shapes:
            return None
        raise
    if len(shapes) != 1:
        raise FileFormatError(f"{path}: holds {len(shapes)} PLY files; leave exactly one, the face's shape")
    return FaceFolder(path.name, split, tuple(images), shapes[0])
