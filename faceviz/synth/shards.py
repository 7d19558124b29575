"""Rendered sequences on disk: shards for training, or a folder of pictures and a truth for each person."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import faceviz
from faceviz.errors import ConfigError, FileFormatError, nearest_name
from faceviz.io import write_scan
from faceviz.io.files import replace_bytes
from faceviz.scan import FaceScan
from faceviz.synth.cache import write_npz
from faceviz.synth.dataset import available_sources, cached_head
from faceviz.synth.sequences import SEQUENCE_VERSION, FaceSequence, SyntheticSequences

MANIFEST = "manifest.json"
LAYOUTS = ("folders", "shards")
PEOPLE = 16  # in a shard
_QUALITY = 95  # of the JPEGs; the pictures have been through one already
_SETTINGS = ("generator", "seed", "split", "sources", "frames", "size", "layout")
_STACKED = ("identity", "vertices", "expressions", "landmarks2d", "poses", "intrinsics")


@dataclass(frozen=True, slots=True, eq=False)
class Shard:
    """Sequences of several people of one head; pictures stay packed until asked for."""

    head: str
    person: np.ndarray  # (S,) int
    identity: np.ndarray  # (S, K) float32
    vertices: np.ndarray  # (S, V, 3) float32 mm
    expressions: np.ndarray  # (S, T, E) float32
    landmarks2d: np.ndarray  # (S, T, 68, 2) float32
    poses: np.ndarray  # (S, T, 4, 4) float32
    intrinsics: np.ndarray  # (S, T, 3, 3) float32
    jpeg: np.ndarray  # (bytes,) uint8
    offsets: np.ndarray  # (S T + 1,) int64

    def __len__(self) -> int:
        return len(self.person)

    @property
    def frames(self) -> int:
        """Pictures of each person."""
        return self.landmarks2d.shape[1]

    def image(self, person: int, frame: int) -> np.ndarray:
        """One picture, (S, S, 3) uint8 RGB."""
        import cv2

        k = person * self.frames + frame
        packed = self.jpeg[self.offsets[k] : self.offsets[k + 1]]
        return np.ascontiguousarray(np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR))[..., ::-1])

    def images(self, person: int) -> np.ndarray:
        """All pictures of a person, (T, S, S, 3) uint8 RGB."""
        return np.stack([self.image(person, frame) for frame in range(self.frames)])

    def sequence(self, person: int) -> FaceSequence:
        """Pictures and truth of a person."""
        return FaceSequence(
            images=self.images(person),
            head=self.head,
            person=int(self.person[person]),
            **{name: getattr(self, name)[person] for name in _STACKED},
        )


@dataclass(frozen=True, slots=True)
class WrittenSequences:
    """What ``write_sequences`` did."""

    folder: Path
    written: int  # people
    kept: int  # people of an earlier run
    sources: tuple[str, ...]
    notes: tuple[str, ...]  # a sentence for each head that could not be loaded


def read_shard(path: str | os.PathLike[str]) -> Shard:
    """A shard written by ``write_sequences``.

    Raises:
        FileFormatError: it is no such file.
    """
    import zipfile

    path = Path(path)
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in Shard.__slots__ if name != "head"}
            return Shard(head=str(file["head"]), **arrays)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise FileFormatError(
            f"{path.name}: is no shard of sequences ({error}); write it with `faceviz synth sequences`"
        ) from None


def pack(sequences: Sequence[FaceSequence]) -> dict[str, np.ndarray]:
    """Arrays of a shard, from sequences of one head and one length."""
    packed = [_jpeg(image) for sequence in sequences for image in sequence.images]
    stacked = {name: np.stack([getattr(sequence, name) for sequence in sequences]) for name in _STACKED}
    return {
        "head": np.array(sequences[0].head),
        "person": np.array([sequence.person for sequence in sequences]),
        "jpeg": np.concatenate(packed),
        "offsets": np.concatenate([[0], np.cumsum([len(item) for item in packed])]).astype(np.int64),
        **stacked,
    }


def _jpeg(image: np.ndarray) -> np.ndarray:
    import cv2

    return cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1].ravel()


def write_sequences(
    out: str | os.PathLike[str],
    subjects: int,
    frames: int = 8,
    seed: int = 0,
    *,
    split: str = "train",
    source: str | Sequence[str] = "both",
    folder: str | None = None,
    size: int = 256,
    layout: str = "folders",
    progress: Callable[[int, int], None] | None = None,
) -> WrittenSequences:
    """Write sequences of ``subjects`` people; a run that was cut off goes on where it stopped.

    Args:
        out: the folder, made if need be.
        subjects, frames, seed, split, size: as in SyntheticSequences.
        source: ``"ict"``, ``"anny"``, ``"both"``; what cannot be loaded of several is left out.
        folder: where the ICT head lies, if not named by the environment.
        layout: ``"folders"``: ``HEAD_00000/000.jpg`` ... with ``neutral.ply`` and ``sequence.npz``; ``"shards"``: 16
            people of one head in ``HEAD_00000.npz``.
        progress: called with (people done, subjects).

    Raises:
        ConfigError: an unknown name, or a folder with sequences of other settings.
        FileFormatError: the folder cannot be written.
        MissingDependencyError: no head is there.
    """
    if layout not in LAYOUTS:
        raise ConfigError(f"no layout named {layout!r}{nearest_name(layout, LAYOUTS)}")
    SyntheticSequences(
        split, subjects, seed, frames=frames, size=size
    )  # cheap checks before heads are loaded
    found, notes = available_sources(source, folder)
    sequences = SyntheticSequences(split, subjects, seed, found, frames, folder, size)
    place = Path(out)
    _open(place, sequences, layout)
    written = kept = 0
    for name, people in _groups(sequences, 1 if layout == "folders" else PEOPLE):
        path = place / (name if layout == "folders" else f"{name}.npz")
        if path.exists():
            kept += len(people)
        else:
            _write(path, [sequences[i] for i in people], layout, folder)
            written += len(people)
        if progress:
            progress(written + kept, subjects)
    return WrittenSequences(place, written, kept, found, notes)


def _groups(sequences: SyntheticSequences, people: int) -> Iterator[tuple[str, list[int]]]:
    """Names and people of the files: of one head each, the heads taking turns."""
    queues = {
        head: [i for i in range(len(sequences)) if sequences.head_name(i) == head]
        for head in sequences.sources
    }
    for start in range(0, max(map(len, queues.values())), people):
        for head, queue in queues.items():
            chosen = queue[start : start + people]
            if chosen:
                yield f"{head}_{chosen[0] if people == 1 else start // people:05d}", chosen


def _write(path: Path, sequences: list[FaceSequence], layout: str, folder: str | None) -> None:
    if layout == "shards":
        write_npz(path, pack(sequences))
    else:
        _write_folder(path, sequences[0], folder)


def _write_folder(path: Path, sequence: FaceSequence, folder: str | None) -> None:
    """Pictures, ``neutral.ply`` and ``sequence.npz`` of a person; the folder appears when it is complete."""
    draft = path.with_name(f".{path.name}.part")
    draft.mkdir(exist_ok=True)
    for number, image in enumerate(sequence.images):
        replace_bytes(draft / f"{number:03d}.jpg", _jpeg(image).tobytes())
    triangles = cached_head(sequence.head, folder).triangles
    write_scan(
        draft / "neutral.ply",
        FaceScan(sequence.vertices.astype(np.float64), triangles, unit="mm", source=f"synth:{sequence.head}"),
    )
    arrays: dict[str, Any] = {name: getattr(sequence, name) for name in _STACKED if name != "vertices"}
    write_npz(draft / "sequence.npz", {"head": np.array(sequence.head), "person": sequence.person, **arrays})
    draft.rename(path)


def _open(folder: Path, sequences: SyntheticSequences, layout: str) -> None:
    """Make the folder and its manifest, or check that what lies there has the same settings."""
    manifest = {
        "faceviz": faceviz.__version__,
        "generator": SEQUENCE_VERSION,
        "seed": sequences.seed,
        "split": sequences.split,
        "sources": list(sequences.sources),
        "frames": sequences.frames,
        "size": sequences.size,
        "layout": layout,
        "unit": "mm",
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileFormatError(
            f"{folder}: cannot be made a folder ({error.strerror}); choose another folder"
        ) from None
    path = folder / MANIFEST
    if path.is_file():
        _check_former(path, manifest)
        return
    replace_bytes(path, json.dumps(manifest, indent=1).encode() + b"\n")


def _check_former(path: Path, manifest: dict[str, Any]) -> None:
    try:
        former = json.loads(path.read_text(encoding="utf-8"))
        differing = [key for key in _SETTINGS if former.get(key) != manifest[key]]
    except (OSError, ValueError, AttributeError) as error:
        raise FileFormatError(
            f"{path}: is no manifest of sequences ({error}); choose another folder"
        ) from None
    if differing:
        raise ConfigError(
            f"{path.parent} holds sequences of another {', '.join(differing)}; choose another folder, or empty this one"
        )
