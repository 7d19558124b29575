"""Where the scans of an evaluation come from: a folder, synthetic heads, FaceScape, a bundle."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from faceviz.errors import ConfigError, FileFormatError, counted, nearest_name
from faceviz.scan import FaceScan

SYNTHETIC_COUNT = 200
SYNTHETIC_SEED = 0

_KINDS = ("synthetic", "facescape", "bundle")


@dataclass(frozen=True, slots=True, eq=False)
class DataSource:
    """Scans with true landmarks, read as they are asked for.

    Attributes:
        spec: as the user wrote it.
        description: what it is, in words.
        scans: each with 68 landmarks; may be walked once.
        count: how many, None where only reading tells.
        left_out: names of scans without true landmarks, known when the scans have been walked.
        valid: by a scan's source, which of its landmarks (68,) are true enough to be measured, known likewise; scans
            whose landmarks all are have no entry.
    """

    spec: str
    description: str
    scans: Iterator[FaceScan]
    count: int | None = None
    left_out: list[str] = field(default_factory=list)
    valid: dict[str, np.ndarray] = field(default_factory=dict)

    def describe(self) -> dict[str, Any]:
        """For the report; ``left_out`` fills as the scans are walked."""
        return {"spec": self.spec, "description": self.description, "left_out": self.left_out}


def open_data(spec: str, *, unit: str | None = None, landmark_list: str = "v10") -> DataSource:
    """The scans that a specification names.

    Args:
        spec: a folder; ``synthetic:test``, ``synthetic:test:50``, ``synthetic:test:50:ict``,
            ``synthetic:val:50:both:1`` with another seed; ``facescape:ROOT``, the neutral models; ``bundle:FILE``.
        unit: of scans in a folder or bundle, where the guess is wrong.
        landmark_list: which of FaceScape's published lists, ``v10`` or ``v16``.

    Raises:
        ConfigError: there is no such kind of data; or folder without scans.
        FileFormatError: the files are not what they should be.
    """
    kind, _, rest = spec.partition(":")
    if kind == "synthetic":
        return _synthetic(spec, rest)
    if kind == "facescape":
        return _facescape(spec, rest, landmark_list)
    if kind == "bundle":
        return _bundle(spec, rest, unit)
    if Path(spec).is_dir():
        return _folder(spec, unit)
    hint = nearest_name(kind, _KINDS) if ":" in spec else ""
    raise ConfigError(
        f"--data {spec}: is no folder, nor synthetic:test[:N], facescape:ROOT or bundle:FILE{hint}"
    )


def open_scan(path: str, *, unit: str | None = None) -> DataSource | None:
    """One scan with its true landmarks; None where the path is no file.

    Raises:
        FileFormatError: it cannot be read.
        ConfigError: it has no true landmarks.
    """
    if not Path(path).is_file():
        return None
    left_out: list[str] = []
    valid: dict[str, np.ndarray] = {}
    scans = _read(path, [Path(path)], unit, left_out, valid)
    return DataSource(path, f"the scan {Path(path).name}", scans, 1, left_out, valid)


def _synthetic(spec: str, rest: str) -> DataSource:
    split, count, source, seed = [*rest.split(":"), "", "", ""][:4]
    if count and (not count.isdigit() or int(count) == 0):
        raise ConfigError(f"--data {spec}: {count!r} is no number of scans; write synthetic:test:50")
    if seed and not seed.isdigit():
        raise ConfigError(f"--data {spec}: {seed!r} is no seed; write synthetic:test:50:both:1")
    from faceviz.synth import synthetic_scans

    number, drawn = int(count or SYNTHETIC_COUNT), int(seed or SYNTHETIC_SEED)
    scans = synthetic_scans(split or "test", number, drawn, source or "both")
    heads = " and ".join(scans.sources)
    people = counted(len(scans), "synthetic person", "synthetic people")
    description = f"{people} (heads {heads}, split {scans.split}, seed {scans.seed})"
    return DataSource(spec, description, iter(scans), len(scans))


def _facescape(spec: str, root: str, landmark_list: str) -> DataSource:
    from faceviz.io import FaceScapeTree

    tree = FaceScapeTree(root, expressions=["neutral"], landmark_list=landmark_list)
    description = f"FaceScape, {counted(len(tree), 'neutral model')}, landmark list {landmark_list}"
    return DataSource(spec, description, iter(tree), len(tree))


def _bundle(spec: str, path: str, unit: str | None) -> DataSource:
    from faceviz.io import read_bundle

    bundle = read_bundle(path, unit=unit)
    return DataSource(
        spec, f"{counted(len(bundle), 'scan')} of the bundle {Path(path).name}", iter(bundle), len(bundle)
    )


def _folder(spec: str, unit: str | None) -> DataSource:
    from faceviz.io.folders import scan_files

    paths = scan_files(spec)
    if not paths:
        raise FileFormatError(f"{spec}: holds no scans; give a folder with scans and their 68 true landmarks")
    left_out: list[str] = []
    valid: dict[str, np.ndarray] = {}
    description = f"the scans in {Path(spec).resolve().name}"
    scans = _read(spec, paths, unit, left_out, valid)
    return DataSource(spec, description, scans, len(paths), left_out, valid)


def _read(
    spec: str, paths: list[Path], unit: str | None, left_out: list[str], valid: dict[str, np.ndarray]
) -> Iterator[FaceScan]:
    from faceviz.io import read_scan
    from faceviz.io.validity import read_validity

    for path in paths:
        scan = read_scan(path, unit=unit)
        if scan.landmarks is None:
            left_out.append(path.name)
        else:
            known = read_validity(path)
            if known is not None:
                valid[scan.source] = known
            yield scan
    if len(left_out) == len(paths):
        raise ConfigError(
            f"{spec}: none of its {len(paths)} scans has true landmarks; put NAME.landmarks.json beside NAME.ply"
        )
