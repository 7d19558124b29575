"""FaceScape's models to clouds that a network can learn from, in shards that a stopped run need not make again."""

from __future__ import annotations

import functools
import hashlib
import itertools
import json
import os
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from faceviz.cluster import Each, Lost, one_thread
from faceviz.errors import ClusterError, ConfigError, FacevizError, FileFormatError
from faceviz.evaluation.protocols import NormalisedScan, normalise
from faceviz.io.facescape import Entry, FaceScapeTree, read_model
from faceviz.io.files import replace_file
from faceviz.io.problems import one_line
from faceviz.landmarks import LANDMARK_COUNT

#: Models in one file; a file is made by one worker.
SHARD_MODELS = 50
POINTS = 1024
RECORD = "preprocessing.json"


@dataclass(frozen=True, slots=True)
class Preprocessed:
    """What a run left behind.

    Attributes:
        folder: with the shards ``000000.npz`` and so on, each named by the number of its first model, and the record.
        models: of the tree; ``clouds`` of them could be made, ``new_shards`` files since this run began.
        failures: name and cause of the others.
    """

    folder: Path
    models: int
    clouds: int
    new_shards: int
    failures: tuple[tuple[str, str], ...]


def preprocess_facescape(
    root: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    points: int = POINTS,
    expressions: Iterable[str | int] | None = None,
    landmark_list: str = "v10",
    each: Each = map,
    progress: Callable[[int, int], None] | None = None,
) -> Preprocessed:
    """One cloud of each model: ``points`` by farthest points, centroid 0, radius 1, and the 68 landmarks with them.

    A shard holds ``points`` (B, P, 3), ``landmarks`` (B, 68, 3) and ``mm`` (B,) as ``faceviz.training.clouds`` reads
    them, float32, and ``names`` (B,) such as ``1/2_smile``; ``failed`` and ``causes`` of models that could not be read.

    Args:
        root: the folder with FaceScape's subjects.
        out: made if it does not exist; shards that are there are not made again.
        expressions, landmark_list: as of ``FaceScapeTree``.
        each: where the shards are made, see ``faceviz.cluster.open_cluster``; ``root`` and ``out`` must be reachable
            there under the same paths.
        progress: called with the models done and their number.

    Raises:
        FileFormatError: there is no such tree, or ``out`` cannot be written.
        ConfigError: ``out`` holds clouds of other models or settings.
        ClusterError: the processes that made a shard died.
    """
    tree = FaceScapeTree(root, expressions=expressions, landmark_list=landmark_list)
    folder = Path(out)
    _begin(folder, tree, points)
    shards = [
        _Shard(str(folder / f"{start:06d}.npz"), tree.entries[start : start + SHARD_MODELS])
        for start in range(0, len(tree), SHARD_MODELS)
    ]
    todo = [shard for shard in shards if not Path(shard.path).exists()]
    done = len(tree) - sum(len(shard.entries) for shard in todo)
    if progress:
        progress(done, len(tree))
    made = each(functools.partial(_make_shard, points, landmark_list), todo)
    for shard, outcome in zip(todo, made, strict=True):
        if isinstance(outcome, Lost):
            raise ClusterError(f"{Path(shard.path).name}: {outcome.reason}")
        done += len(shard.entries)
        if progress:
            progress(done, len(tree))
    failures = tuple(itertools.chain.from_iterable(_failures(shard) for shard in shards))
    return Preprocessed(folder, len(tree), len(tree) - len(failures), len(todo), failures)


class _Shard(NamedTuple):
    path: str
    entries: tuple[Entry, ...]


def _begin(folder: Path, tree: FaceScapeTree, points: int) -> None:
    """Makes the folder and its record, or sees that the record there says the same."""
    names = hashlib.sha256("\n".join(entry.name for entry in tree.entries).encode()).hexdigest()
    record = {
        "models": len(tree),
        "names_sha256": names,
        "points": points,
        "landmark_list": tree.landmark_list.name,
    }
    path = folder / RECORD
    try:
        folder.mkdir(parents=True, exist_ok=True)
        there = json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
    except (OSError, ValueError) as error:
        raise FileFormatError(
            f"{folder}: cannot be used ({type(error).__name__}); choose another folder"
        ) from error
    if there is None:
        content = json.dumps(record, indent=1).encode() + b"\n"
        replace_file(path, lambda stream: stream.write(content))
    elif there != record:
        raise ConfigError(f"{folder}: holds clouds of other models or settings; choose another folder")


def _make_shard(points: int, landmark_list: str, shard: _Shard) -> None:
    clouds: list[NormalisedScan] = []
    names, failed, causes = [], [], []
    with one_thread():
        for entry in shard.entries:
            try:
                cloud = normalise(read_model(entry.path, landmark_list=landmark_list), points)
            except FacevizError as error:
                failed.append(entry.name)
                causes.append(one_line(str(error)))
            else:
                names.append(entry.name)
                clouds.append(cloud)
    replace_file(
        Path(shard.path),
        lambda stream: np.savez(
            stream,
            points=_stacked([cloud.points for cloud in clouds], points),
            landmarks=_stacked([cloud.landmarks for cloud in clouds], LANDMARK_COUNT),
            mm=np.array([cloud.radius for cloud in clouds], dtype=np.float32),
            names=np.array(names, dtype=np.str_),
            failed=np.array(failed, dtype=np.str_),
            causes=np.array(causes, dtype=np.str_),
        ),
    )


def _stacked(parts: list[np.ndarray], rows: int) -> np.ndarray:
    return np.array(parts, dtype=np.float32).reshape(-1, rows, 3)


def _failures(shard: _Shard) -> list[tuple[str, str]]:
    try:
        with np.load(shard.path, allow_pickle=False) as file:
            return list(zip(file["failed"].tolist(), file["causes"].tolist(), strict=True))
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        name = Path(shard.path).name
        raise FileFormatError(f"{name}: is damaged; remove it, and it is made again") from error
