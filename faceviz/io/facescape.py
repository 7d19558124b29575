"""FaceScape's topologically uniform models: ``ID/models_reg/N_expression.obj``, millimetres, with 68 landmark vertices.

The data are licensed to researchers who sign for them, and no part may be passed on. The published landmark lists are
disputed (zhuhao-nju/facescape, issue 114): look at them before relying on the jaw.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from faceviz.errors import ConfigError, FileFormatError, nearest_name
from faceviz.io.problems import file_error
from faceviz.io.reading import read_scan
from faceviz.scan import FaceScan

#: The 20 expressions by number (1-20), as in the file names.
EXPRESSIONS: tuple[str, ...] = (
    "neutral", "smile", "mouth_stretch", "anger", "jaw_left", "jaw_right", "jaw_forward", "mouth_left", "mouth_right",
    "dimpler", "chin_raiser", "lip_puckerer", "lip_funneler", "sadness", "lip_roll", "grin", "cheek_blowing",
    "eye_closed", "brow_raiser", "brow_lower",
)  # fmt: skip

#: Models that are known to be damaged: expression numbers by subject.
KNOWN_BAD: dict[int, tuple[int, ...]] = {
    148: (13, 14, 15, 16, 17, 18, 20),
    169: (10, 16),
    210: (2,),
    323: (11,),
    452: (18,),
    488: (8,),
}

#: Subjects whose faces may be shown in publications, as a public repository lists them; check the portal's own list.
PUBLISHABLE_SUBJECTS: tuple[int, ...] = (122, 212, 340, 344, 393, 395, 421, 527, 594, 610)


@dataclass(frozen=True, slots=True)
class LandmarkList:
    """The 68 landmarks as vertex numbers (from 0) of one mesh topology."""

    name: str
    vertex_count: int
    indices: tuple[int, ...]


_V10 = (
    23404, 4607, 4615, 4655, 20356, 4643, 5022, 5013, 1681, 1692, 11470, 10441, 1336, 1343, 1303, 1295,
    2372, 6143, 6141, 6126, 6113, 6109, 2844, 2762, 2765, 2774, 2789, 6053, 6041, 1870, 1855, 4728, 4870,
    1807, 1551, 1419, 3434, 3414, 3447, 3457, 3309, 3373, 3179, 151, 127, 143, 3236, 47, 21018, 4985, 4898,
    6571, 1575, 1663, 1599, 1899, 12138, 5231, 21978, 5101, 21067, 21239, 11378, 11369, 11553, 12048, 5212,
    21892,
)  # fmt: skip

_V16 = (
    23370, 4602, 4610, 4650, 20322, 4638, 5017, 5008, 1681, 1692, 11464, 10435, 1336, 1343, 1303, 1295,
    2372, 6138, 6136, 6121, 6108, 6104, 2844, 2762, 2765, 2774, 2789, 6048, 6036, 1870, 1855, 4723, 4865,
    1807, 1551, 1419, 3429, 3409, 3442, 3452, 3304, 3368, 3175, 151, 127, 143, 3232, 47, 20984, 4980, 4893,
    6565, 1575, 1663, 1599, 1899, 12132, 5226, 21944, 5096, 21033, 21205, 11372, 11363, 11547, 12042, 5207,
    21858,
)  # fmt: skip

#: The two published lists: v10 for the TU models (and bilinear models 1.0 to 1.3), v16 for bilinear model 1.6.
LANDMARK_LISTS: dict[str, LandmarkList] = {
    "v10": LandmarkList("v10", 26317, _V10),
    "v16": LandmarkList("v16", 26278, _V16),
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One model of the tree."""

    subject: int
    expression: int  # 1 to 20
    path: Path

    @property
    def name(self) -> str:
        return f"{self.subject}/{self.expression}_{EXPRESSIONS[self.expression - 1]}"


class FaceScapeTree:
    """The models of a FaceScape folder; iterating reads them one by one as scans in mm with 68 landmarks.

    Args:
        root: the folder that holds the subjects' folders ``1`` to ``847``.
        expressions: names or numbers (1-20) to keep, all by default.
        subjects: numbers to keep, all by default.
        landmark_list: ``"v10"`` or ``"v16"``.
        skip_known_bad: leaves out the models in ``KNOWN_BAD``.

    Raises:
        FileFormatError: the folder holds no such model, or on reading a model has another topology.
        ConfigError: an expression or landmark list that does not exist.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        *,
        expressions: Iterable[str | int] | None = None,
        subjects: Iterable[int] | None = None,
        landmark_list: str = "v10",
        skip_known_bad: bool = True,
    ) -> None:
        self.landmark_list = _landmark_list(landmark_list)
        numbers = (
            range(1, len(EXPRESSIONS) + 1) if expressions is None else map(expression_number, expressions)
        )
        self.entries = _entries(Path(root), sorted(set(numbers)), subjects, skip_known_bad)

    def __len__(self) -> int:
        return len(self.entries)

    def __iter__(self) -> Iterator[FaceScan]:
        return (self.read(entry) for entry in self.entries)

    @property
    def subjects(self) -> tuple[int, ...]:
        """Subjects of which at least one model is there."""
        return tuple(sorted({entry.subject for entry in self.entries}))

    def read(self, entry: Entry) -> FaceScan:
        """One model, in mm, with its landmarks."""
        return read_model(entry.path, landmark_list=self.landmark_list.name).with_(
            source=f"facescape:{entry.name}"
        )


def read_model(path: str | os.PathLike[str], *, landmark_list: str = "v10") -> FaceScan:
    """One TU model, in mm, with the landmarks of a published list.

    Raises:
        FileFormatError: it cannot be read or has not the list's number of vertices.
    """
    chosen = _landmark_list(landmark_list)
    scan = read_scan(path, unit="mm", landmarks=None)
    if len(scan.points) != chosen.vertex_count:
        raise file_error(Path(path).name, _wrong_topology(len(scan.points), chosen))
    return scan.with_(landmarks=scan.points[list(chosen.indices)])


def expression_number(expression: str | int) -> int:
    """1 to 20, from a number, a name or a file's stem.

    >>> expression_number("smile"), expression_number("2_smile"), expression_number(2)
    (2, 2, 2)
    """
    names = [*EXPRESSIONS, *(f"{number}_{name}" for number, name in enumerate(EXPRESSIONS, 1))]
    if isinstance(expression, str) and expression in names:
        return names.index(expression) % len(EXPRESSIONS) + 1
    number = int(expression) if str(expression).isdigit() else 0
    if not 1 <= number <= len(EXPRESSIONS):
        raise ConfigError(
            f"expression {expression!r} does not exist{nearest_name(str(expression), EXPRESSIONS)}"
        )
    return number


def split_subjects(
    subjects: Sequence[int], *, seed: int = 0, test: float = 0.2, validation: float = 0.0
) -> dict[str, tuple[int, ...]]:
    """Subjects, not scans, dealt to ``train``, ``validation`` and ``test``: nobody is in two of them.

    Args:
        subjects: numbers; their order and repetitions do not matter.
        seed: the same seed gives the same split.
        test: share of the subjects.
        validation: share of the subjects.
    """
    if not (0 <= test <= 1 and 0 <= validation <= 1 and test + validation <= 1):
        raise ConfigError(
            f"shares test={test} and validation={validation} do not fit; both and their sum are 0 to 1"
        )
    unique = sorted(set(subjects))
    shuffled = [unique[i] for i in np.random.default_rng(seed).permutation(len(unique))]
    for_test, for_validation = round(test * len(unique)), round(validation * len(unique))
    return {
        "train": tuple(sorted(shuffled[for_test + for_validation :])),
        "validation": tuple(sorted(shuffled[for_test : for_test + for_validation])),
        "test": tuple(sorted(shuffled[:for_test])),
    }


def _landmark_list(name: str) -> LandmarkList:
    if name not in LANDMARK_LISTS:
        raise ConfigError(f"landmark list {name!r} does not exist{nearest_name(str(name), LANDMARK_LISTS)}")
    return LANDMARK_LISTS[name]


def _wrong_topology(count: int, chosen: LandmarkList) -> str:
    cause = f"has {count:,} vertices, but the landmark list {chosen.name} is for {chosen.vertex_count:,}"
    other = next((known.name for known in LANDMARK_LISTS.values() if known.vertex_count == count), None)
    return (
        f"{cause}; use landmark_list={other!r}"
        if other
        else f"{cause}; give a TU model (models_reg), unchanged"
    )


def _entries(
    root: Path, numbers: list[int], subjects: Iterable[int] | None, skip_known_bad: bool
) -> tuple[Entry, ...]:
    if not root.is_dir():
        raise FileFormatError(f"{root}: is no folder; give the one that holds FaceScape's subjects 1 to 847")
    wanted = None if subjects is None else set(subjects)
    found = sorted(
        int(folder.name) for folder in root.iterdir() if folder.name.isascii() and folder.name.isdigit()
    )
    entries = []
    for subject in found:
        if wanted is not None and subject not in wanted:
            continue
        for number in numbers:
            path = root / str(subject) / "models_reg" / f"{number}_{EXPRESSIONS[number - 1]}.obj"
            if path.is_file() and not (skip_known_bad and number in KNOWN_BAD.get(subject, ())):
                entries.append(Entry(subject, number, path))
    if not entries:
        raise FileFormatError(
            f"{root}: holds no such FaceScape model; unpack the TU models there (ID/models_reg/N_expression.obj)"
        )
    return tuple(entries)
