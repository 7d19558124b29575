"""Synthetic scans on disk: numbered files and a manifest; a run that was cut off goes on where it stopped."""

from __future__ import annotations

import json
import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

import faceviz
from faceviz.errors import ConfigError, FileFormatError, nearest_name
from faceviz.io import write_scan
from faceviz.io.files import replace_file
from faceviz.scan import FaceScan
from faceviz.synth.cache import write_npz
from faceviz.synth.dataset import (
    GENERATOR_VERSION,
    SyntheticScans,
    available_sources,
    crop_counts,
)
from faceviz.synth.scanner import VirtualScanner

MANIFEST = "manifest.json"
FORMATS = ("npz", "ply", "obj")
_SAVE_EVERY = 50  # scans between two writings of the manifest
_SETTINGS = ("generator", "seed", "split", "sources", "scans_per_person", "format", "scanner")


@dataclass(frozen=True)
class WrittenScans:
    """What ``write_scans`` did."""

    folder: Path
    written: int  # new files
    kept: int  # files of an earlier run
    sources: tuple[str, ...]
    notes: tuple[str, ...]  # a sentence for each head that could not be loaded
    crops: dict[str, int]


def write_scans(
    out: str | os.PathLike[str],
    n: int,
    seed: int = 0,
    *,
    source: str | Sequence[str] = "both",
    folder: str | None = None,
    split: str = "test",
    scans_per_person: int = 1,
    format: str = "npz",
    workers: int = 1,
    scanner: VirtualScanner | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> WrittenScans:
    """Write ``n`` scans as ``00000.npz`` (points, landmarks, unit, source, identity) or PLY, and ``manifest.json``.

    Args:
        out: the folder, made if need be; scans of the same settings that it holds are kept.
        n, seed, split, scans_per_person, scanner: as in SyntheticScans.
        source: ``"ict"``, ``"anny"``, ``"both"``, or several names; what cannot be loaded of several is left out.
        folder: where the ICT head lies, if not named by the environment.
        format: ``"npz"``, ``"ply"`` or ``"obj"`` (landmarks beside these).
        workers: processes.
        progress: called with (done, n) after every scan.

    Raises:
        ConfigError: n < 1, an unknown name, or a folder with scans of other settings.
        FileFormatError: the folder cannot be written.
        MissingDependencyError: no head is there.
    """
    if format not in FORMATS:
        raise ConfigError(f"no format named {format!r}{nearest_name(format, FORMATS)}")
    if workers < 1:
        raise ConfigError(f"workers={workers}; it takes at least one")
    SyntheticScans(
        split, n, seed, scans_per_person=scans_per_person
    )  # cheap checks come before loading heads
    found, notes = available_sources(source, folder)
    scanner = scanner or VirtualScanner()
    scans = SyntheticScans(split, n, seed, found, folder, scans_per_person, scanner)
    place = _make_folder(Path(out))
    manifest = _open_manifest(place, scans, format)
    entries: dict[str, str] = manifest["scans"]
    missing = [i for i in range(n) if not _is_there(place, _file_name(i, format), entries)]
    kept = n - len(missing)
    if progress and kept:
        progress(kept, n)
    try:
        for done, (name, source) in enumerate(_write_all(scans, place, format, missing, workers), start=1):
            entries[name] = source
            if done % _SAVE_EVERY == 0:
                _save_manifest(place, manifest)
            if progress:
                progress(kept + done, n)
    finally:
        _save_manifest(place, manifest)
    return WrittenScans(place, len(missing), kept, found, notes, manifest["crops"])


def _write_all(
    scans: SyntheticScans, folder: Path, format: str, indices: list[int], workers: int
) -> Iterator[tuple[str, str]]:
    """File name and source of each scan as it gets ready."""
    write = partial(_write_one, scans, folder, format)
    if workers == 1 or len(indices) < 2:
        yield from map(write, indices)
        return
    with multiprocessing.get_context("spawn").Pool(min(workers, len(indices))) as pool:
        yield from pool.imap_unordered(write, indices, chunksize=4)


def _write_one(scans: SyntheticScans, folder: Path, format: str, index: int) -> tuple[str, str]:
    scan = scans[index]
    path = folder / _file_name(index, format)
    if format == "npz":
        write_npz(path, _arrays(scan, scans.identity(index)))
    else:
        write_scan(path, scan)
    return path.name, scan.source


def _arrays(scan: FaceScan, identity: np.ndarray) -> dict[str, np.ndarray]:
    return {
        "points": scan.points.astype(np.float32),
        "landmarks": np.asarray(scan.landmarks),
        "unit": np.array(scan.unit),
        "source": np.array(scan.source),
        "identity": identity.astype(np.float32),
    }


def _file_name(index: int, format: str) -> str:
    return f"{index:05d}.{format}"


def _is_there(folder: Path, name: str, entries: dict[str, str]) -> bool:
    return name in entries and (folder / name).is_file()


def _make_folder(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileFormatError(
            f"{folder}: cannot be made a folder ({error.strerror}); choose another folder"
        ) from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise FileFormatError(f"{folder}: cannot be written; choose another folder or change its permissions")
    return folder


def _open_manifest(folder: Path, scans: SyntheticScans, format: str) -> dict[str, Any]:
    """The folder's manifest, if its settings are these, or a new one."""
    path = folder / MANIFEST
    manifest = {
        "faceviz": faceviz.__version__,
        "generator": GENERATOR_VERSION,
        "seed": scans.seed,
        "split": scans.split,
        "sources": list(scans.sources),
        "scans_per_person": scans.scans_per_person,
        "format": format,
        "scanner": asdict(scans.scanner),
        "unit": "mm",
        "crops": {},
        "scans": {},
    }
    if path.is_file():
        manifest["scans"] = _former_scans(path, manifest)
    elif any(folder.glob(f"[0-9]*.{format}")):
        raise ConfigError(
            f"{folder} holds scans but no {MANIFEST}, so nobody knows their settings; choose an empty folder"
        )
    return manifest


def _former_scans(path: Path, manifest: dict[str, Any]) -> dict[str, str]:
    try:
        former = json.loads(path.read_text(encoding="utf-8"))
        scans = {str(name): str(source) for name, source in former["scans"].items()}
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise FileFormatError(f"{path}: is no manifest of scans ({error}); choose another folder") from None
    differing = [key for key in _SETTINGS if former.get(key) != manifest[key]]
    if differing:
        raise ConfigError(
            f"{path.parent} holds scans of another {', '.join(differing)}; choose another folder, or empty this one"
        )
    return scans


def _save_manifest(folder: Path, manifest: dict[str, Any]) -> None:
    manifest["scans"] = dict(sorted(manifest["scans"].items()))
    manifest["crops"] = crop_counts(list(manifest["scans"].values()))
    content = json.dumps(manifest, indent=1).encode() + b"\n"

    def write(stream: BinaryIO) -> None:
        stream.write(content)

    replace_file(folder / MANIFEST, write)
