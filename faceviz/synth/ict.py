"""The ICT-FaceKit head (MIT licence), read from the user's own copy; never shipped."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np

from faceviz.errors import FileFormatError
from faceviz.synth.expressions import arkit_name
from faceviz.synth.heads import PART, ParametricHead
from faceviz.synth.parts import mark_parts
from faceviz.synth.topology import neighbour_average

_MM_PER_CM = 10.0
_VERTICES = 26719
_FACE, _HEAD, _MOUTH_SOCKET, _EYE_SOCKETS = 9409, 11248, 13294, 14062
#: Outer shells of the two eyeballs in the full mesh.
_EYEBALLS = ((21451, 22221), (23021, 23791))
_IDENTITY_WIDENING = 1.1

_LM68 = (
    1225, 1888, 1052, 367, 1719, 1722, 2199, 1447, 966, 3661, 4390, 3927, 3924, 2608, 3272, 4088, 3443, 268, 493, 1914,
    2044, 1401, 3615, 4240, 4114, 2734, 2509, 978, 4527, 4942, 4857, 1140, 2075, 1147, 4269, 3360, 1507, 1542, 1537,
    1528, 1518, 1511, 3742, 3751, 3756, 3721, 3725, 3732, 5708, 5695, 2081, 0, 4275, 6200, 6213, 6346, 6461, 5518, 5957,
    5841, 5702, 5711, 5533, 6216, 6207, 6470, 5517, 5966,
)  # fmt: skip


def load_ict(folder: str | os.PathLike[str] | None = None) -> ParametricHead:
    """The ICT head in millimetres: face, head, neck and eyeballs.

    Args:
        folder: a clone of ICT-FaceKit, its ``FaceXModel`` folder, or the folder or path of a compact
            ``ict_head.npz``. Default: the environment's FACEVIZ_ICT, then $FACEVIZ_SHARED/data.

    Raises:
        FileFormatError: the model is not there.
    """
    place = _locate(folder)
    data = _read_npz(place) if place.is_file() else _read_clone(place)
    return _build(data)


def _locate(folder: str | os.PathLike[str] | None) -> Path:
    """The npz file or the FaceXModel folder."""
    candidates = [Path(folder)] if folder is not None else []
    if folder is None and os.environ.get("FACEVIZ_ICT"):
        candidates.append(Path(os.environ["FACEVIZ_ICT"]))
    if folder is None and os.environ.get("FACEVIZ_SHARED"):
        candidates.append(Path(os.environ["FACEVIZ_SHARED"]) / "data")
    for place in candidates:
        if place.is_file():
            return place
        if (place / "ict_head.npz").is_file():
            return place / "ict_head.npz"
        for model in (place / "FaceXModel", place):
            if (model / "generic_neutral_mesh.obj").is_file():
                return model
    where = ", ".join(str(place) for place in candidates) or "no folder named"
    raise FileFormatError(
        f"ICT-FaceKit: not found ({where}); clone https://github.com/ICT-VGL/ICT-FaceKit (or ICT-FaceKit-light) "
        "and name its folder, by argument or by the environment variable FACEVIZ_ICT"
    )


def _read_npz(path: Path) -> dict[str, np.ndarray]:
    keys = ("mean", "id_basis", "ex_basis", "ex_names", "tri", "lm68", "src_index")
    try:
        with np.load(path, allow_pickle=False) as file:
            return {key: file[key] for key in keys}
    except (OSError, ValueError, KeyError) as error:
        raise FileFormatError(
            f"{path}: not a compact ICT head ({error}); name a clone of ICT-FaceKit"
        ) from error


def _build(data: dict[str, np.ndarray]) -> ParametricHead:
    """From centimetre arrays to the head in millimetres."""
    source = data["src_index"].astype(np.int64)
    keep = source < _HEAD
    for first, end in ((_MOUTH_SOCKET, _EYE_SOCKETS), *_EYEBALLS):
        keep |= (source >= first) & (source < end)
    new = np.cumsum(keep) - 1
    triangles = data["tri"].astype(np.int64)
    triangles = new[triangles[keep[triangles].all(axis=1)]]
    mean = data["mean"][keep].astype(np.float32) * _MM_PER_CM
    lm68 = new[data["lm68"].astype(np.int64)]
    source = source[keep]
    labels = np.full(len(mean), PART["head"], dtype=np.int8)
    labels[source < _FACE] = PART["face"]
    labels[(source >= _MOUTH_SOCKET) & (source < _EYE_SOCKETS)] = PART["interior"]
    labels[source >= _EYE_SOCKETS] = PART["eyeballs"]
    bases = [_flat(data[key][:, keep]) for key in ("id_basis", "ex_basis")]
    return ParametricHead(
        name="ict",
        mean=mean,
        id_basis=bases[0],
        ex_basis=bases[1],
        ex_names=tuple(arkit_name(str(name)) for name in data["ex_names"]),
        triangles=triangles,
        lm68=lm68,
        labels=mark_parts(mean.astype(np.float64), triangles, lm68, labels),
        prior=_Gaussian(len(bases[0]), _IDENTITY_WIDENING),
        smoother=neighbour_average(triangles, len(mean)),
    )


def _flat(basis: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(basis.reshape(len(basis), -1).astype(np.float32)) * np.float32(_MM_PER_CM)


class _Gaussian:
    """Independent N(0, sigma^2) coefficients."""

    def __init__(self, count: int, sigma: float) -> None:
        self.count, self.sigma = count, sigma

    def __call__(self, rng: np.random.Generator) -> np.ndarray:
        return rng.normal(0.0, self.sigma, self.count).astype(np.float32)


def _read_clone(folder: Path) -> dict[str, np.ndarray]:
    """The arrays of a clone's OBJ files, kept in the user's cache folder after the first reading."""
    from faceviz.synth.cache import cached_arrays

    key = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:12]
    return cached_arrays(f"ict-{key}-1", lambda: _parse_clone(folder))


def _parse_clone(folder: Path) -> dict[str, np.ndarray]:
    generic, faces = _read_obj(folder / "generic_neutral_mesh.obj", with_faces=True)
    if len(generic) != _VERTICES:
        raise FileFormatError(
            f"{folder / 'generic_neutral_mesh.obj'}: {len(generic)} vertices, an ICT-FaceKit mesh has {_VERTICES}; "
            "clone it anew"
        )
    keep = np.zeros(_VERTICES, dtype=bool)
    for first, end in ((0, _HEAD), (_MOUTH_SOCKET, _EYE_SOCKETS), *_EYEBALLS):
        keep[first:end] = True
    identities = sorted(folder.glob("identity*.obj"))
    expressions = sorted(path for path in folder.glob("*.obj") if _is_expression(path.stem))
    if not identities or not expressions:
        raise FileFormatError(
            f"{folder}: no identity or expression OBJ files beside the generic mesh; clone it anew"
        )
    new = np.cumsum(keep) - 1
    triangles = new[faces[keep[faces].all(axis=1)]]
    return {
        "mean": generic[keep],
        "id_basis": np.stack([_read_obj(path)[0][keep] - generic[keep] for path in identities]).astype(
            np.float32
        ),
        "ex_basis": np.stack([_read_obj(path)[0][keep] - generic[keep] for path in expressions]).astype(
            np.float32
        ),
        "ex_names": np.array([path.stem for path in expressions]),
        "tri": triangles,
        "lm68": new[np.array(_LM68)],
        "src_index": np.flatnonzero(keep),
    }


def _is_expression(stem: str) -> bool:
    return not stem.startswith(("identity", "generic"))


def _read_obj(path: Path, with_faces: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Vertices (V, 3) in file order and the fan-triangulated faces (M, 3); faces only on demand."""
    vertices: list[str] = []
    triangles: list[tuple[int, int, int]] = []
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            for line in file:
                if line.startswith("v "):
                    vertices.append(line[2:])
                elif with_faces and line.startswith("f "):
                    corners = [int(item.split("/")[0]) - 1 for item in line.split()[1:]]
                    triangles += [(corners[0], b, c) for b, c in zip(corners[1:], corners[2:], strict=False)]
        table = np.array(" ".join(vertices).split(), dtype=np.float64).reshape(len(vertices), -1)[:, :3]
    except (OSError, ValueError) as error:
        raise FileFormatError(f"{path}: cannot be read as OBJ ({error}); clone ICT-FaceKit anew") from error
    return table, np.array(triangles, dtype=np.int64).reshape(-1, 3)
