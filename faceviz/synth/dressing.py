"""A person ready to be pictured: the head with hair, teeth, glasses and clothes, each surface with its material."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from faceviz.synth.appearance import Appearance
from faceviz.synth.atlas import FaceAtlas, face_atlas
from faceviz.synth.clutter import collar, grid_triangles, with_beard, with_hair
from faceviz.synth.heads import PART, HeadMesh, ParametricHead
from faceviz.synth.noise import smooth_noise
from faceviz.synth.skin import SkinMap, paint_skin
from faceviz.synth.topology import incidence

MATERIALS: tuple[str, ...] = ("skin", "eye", "mouth", "tooth", "hair", "cloth", "frame", "lens")
MATERIAL: dict[str, int] = {name: index for index, name in enumerate(MATERIALS)}

Part = tuple[np.ndarray, np.ndarray, str]  # vertices (N, 3) mm, triangles (M, 3), material


@dataclass(frozen=True, slots=True, eq=False)
class Topology:
    """What all figures of a person share: triangles and what their surfaces are made of."""

    triangles: np.ndarray  # (M, 3) int64
    material: np.ndarray  # (M,) int8, index into MATERIALS
    incidence: sparse.csr_matrix  # (V, M), face normals to vertex normals
    uv: np.ndarray  # (V, 2) float32, pixels of the skin map
    openness: np.ndarray  # (V,) float32
    hair: np.ndarray  # (V,) float32, share of hair


@dataclass(frozen=True, slots=True, eq=False)
class Figure:
    """One pose of face and jaw, to be pictured."""

    topology: Topology
    vertices: np.ndarray  # (V, 3) float32 mm, head frame
    landmarks: np.ndarray  # (68, 3) mm
    eyes: np.ndarray  # (2, 4) centre and radius of right and left eyeball, mm


@dataclass(frozen=True, slots=True, eq=False)
class Person:
    """One synthetic person: shape, looks, and what is worked out from them once."""

    head: ParametricHead
    identity: np.ndarray  # (K,)
    looks: Appearance
    neutral: HeadMesh
    skin: SkinMap
    volume: np.ndarray  # (V0, 3) mm, what hair and beard add to the bare head
    worn: np.ndarray  # (W, 3) mm, vertices of hair, clothes and glasses
    topology: Topology

    @classmethod
    def of(cls, head: ParametricHead, identity: np.ndarray, looks: Appearance) -> Person:
        """The person of an identity and looks; everything follows from ``looks.seed``."""
        rng = np.random.default_rng(looks.seed)
        neutral = head.mesh(identity)
        volume, hair = _hair(neutral, looks, rng)
        skin = paint_skin(face_atlas(head), looks, rng)
        worn = _worn(neutral, looks, rng)
        parts = (*worn, *_teeth(neutral.landmarks, neutral.landmarks))
        topology = _topology(neutral, face_atlas(head), hair, parts)
        places = np.concatenate([np.zeros((0, 3)), *(points for points, _, _ in worn)])
        return cls(head, identity, looks, neutral, skin, volume, places, topology)

    def figure(self, expression: np.ndarray | None = None) -> Figure:
        """The person with a facial expression (E,); the skull stays where it is in the neutral face."""
        mesh = self.neutral
        if expression is not None:
            moved = mesh.vertices + self.head.displacement(expression)
            mesh = mesh.with_(vertices=moved, landmarks=moved[self.head.lm68])
        teeth = [points for points, _, _ in _teeth(self.neutral.landmarks, mesh.landmarks)]
        vertices = np.concatenate([mesh.vertices + self.volume, self.worn, *teeth], dtype=np.float32)
        return Figure(self.topology, vertices, mesh.landmarks, _eyeballs(mesh))


def _hair(mesh: HeadMesh, looks: Appearance, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Volume (V0, 3) mm and share (V0,) of the hair on scalp and chin."""
    dressed = mesh
    if looks.hair_style != "bald":
        dressed = with_hair(dressed, rng)
    if looks.beard_volume:
        dressed = with_beard(dressed, rng)
    volume = dressed.vertices - mesh.vertices
    share = np.clip(np.linalg.norm(volume, axis=1) / 3.0, dressed.labels == PART["hair"], 1.0)
    if mesh.smoother is not None:
        share = mesh.smoother @ (mesh.smoother @ share)
    return volume, np.asarray(share, dtype=np.float32)


def _topology(mesh: HeadMesh, atlas: FaceAtlas, hair: np.ndarray, parts: tuple[Part, ...]) -> Topology:
    triangles, material = [mesh.triangles], [_materials(mesh)]
    count = len(mesh.vertices)
    for points, faces, name in parts:
        triangles.append(faces + count)
        material.append(np.full(len(faces), MATERIAL[name], dtype=np.int8))
        count += len(points)
    more = count - len(mesh.vertices)
    joined = np.concatenate(triangles)
    return Topology(
        joined,
        np.concatenate(material),
        incidence(joined, count),
        np.pad(atlas.uv, ((0, more), (0, 0))),
        np.pad(atlas.openness, (0, more), constant_values=0.85),
        np.pad(hair, (0, more)),
    )


def _materials(mesh: HeadMesh) -> np.ndarray:
    """Material of each triangle of the bare head, (M,) int8."""
    labels = mesh.labels[mesh.triangles]
    out = np.full(len(labels), MATERIAL["skin"], dtype=np.int8)
    marks = mesh.landmarks
    behind = mesh.vertices[mesh.triangles].mean(axis=1)
    mouth = (labels == PART["interior"]).all(axis=1) & (behind[:, 1] < marks[33, 1] - 8.0)
    out[mouth & (np.abs(behind[:, 0]) < 45.0)] = MATERIAL["mouth"]
    out[(labels == PART["eyeballs"]).all(axis=1)] = MATERIAL["eye"]
    return out


def _eyeballs(mesh: HeadMesh) -> np.ndarray:
    """Spheres through the right and the left eyeball: |p|^2 = 2 c . p + (r^2 - |c|^2), (2, 4) mm."""
    points = mesh.vertices[mesh.mask("eyeballs")]
    spheres = []
    for side in (-1.0, 1.0):
        ball = points[side * points[:, 0] > 0]
        system = np.column_stack([2.0 * ball, np.ones(len(ball))])
        solution = np.linalg.lstsq(system, (ball**2).sum(axis=1), rcond=None)[0]
        spheres.append([*solution[:3], np.sqrt(solution[3] + (solution[:3] ** 2).sum())])
    return np.array(spheres)


def _worn(mesh: HeadMesh, looks: Appearance, rng: np.random.Generator) -> tuple[Part, ...]:
    parts: list[Part] = []
    if looks.hair_style == "long":
        parts.append(_long_hair(mesh, rng))
    if looks.collar:
        points, faces, _ = collar(mesh, rng)
        parts.append((points, faces, "cloth"))
    if looks.glasses != "none":
        parts += _glasses(mesh, looks.glasses == "sun", rng)
    return tuple(parts)


def _long_hair(mesh: HeadMesh, rng: np.random.Generator) -> Part:
    """Hair that falls from under the cap of the scalp along the sides and the back of the head."""
    marks = mesh.landmarks
    ears, brow, chin = marks[[0, 16]], marks[17:27, 1].mean(), marks[8, 1]
    opening = np.radians(rng.uniform(62.0, 100.0))
    a, t = np.meshgrid(np.linspace(opening, 2 * np.pi - opening, 56), np.linspace(0.0, 1.0, 26))
    bottom = chin - rng.uniform(-45.0, 130.0) + 10.0 * np.cos(a)
    top = brow + 62.0
    grow = np.minimum(1.0, 0.72 + 0.9 * t) * (1.0 + rng.uniform(-0.12, 0.22) * t)
    width = 0.5 * np.ptp(ears[:, 0]) + rng.uniform(3.0, 16.0)
    points = np.stack(
        [
            width * grow * np.sin(a) + ears[:, 0].mean(),
            top + (bottom - top) * t,
            rng.uniform(92.0, 118.0) * grow * np.cos(a) + ears[:, 2].mean() - 22.0,
        ],
        axis=-1,
    ).reshape(-1, 3)
    out = np.stack([np.sin(a), 0.0 * a, np.cos(a)], axis=-1).reshape(-1, 3)
    waves = smooth_noise(points * [1.0, 0.25, 1.0], rng, (14.0, 60.0), rng.uniform(1.5, 5.0))
    return points + waves[:, None] * out, grid_triangles(26, 56), "hair"


def _teeth(neutral: np.ndarray, moved: np.ndarray) -> list[Part]:
    """Two rows behind the lips; the lower one goes with the chin. Landmarks (68, 3) of both faces."""
    jaw = moved[8] - neutral[8]
    inner, corner = neutral[62], neutral[60]
    half = 0.86 * abs(corner[0] - neutral[64, 0]) / 2.0
    across = np.linspace(-1.0, 1.0, 17)
    front = inner[2] - 3.5 - (inner[2] - corner[2] + 4.0) * across**2
    rows: list[Part] = []
    for top, bottom, shift in ((9.0, -2.5, 0.0 * jaw), (-3.5, -12.0, jaw)):
        y = np.linspace(top, bottom, 4)[:, None] + inner[1] + 0.6 * across**2
        x = np.broadcast_to(half * across + inner[0], y.shape)
        z = np.broadcast_to(front - (0.0 if top > 0 else 1.5), y.shape)
        points = np.stack([x, y, z], axis=-1).reshape(-1, 3) + shift
        rows.append((points, grid_triangles(4, 17), "tooth"))
    return rows


def _glasses(mesh: HeadMesh, dark: bool, rng: np.random.Generator) -> list[Part]:
    """Two rims, a bridge and two temples; dark lenses if wanted."""
    marks = mesh.landmarks
    centres = [marks[list(range(36, 42))].mean(axis=0), marks[list(range(42, 48))].mean(axis=0)]
    width, height = rng.uniform(22.0, 28.0), rng.uniform(16.0, 24.0)
    power, tube = rng.uniform(2.0, 5.0), rng.uniform(0.6, 2.3)
    plane = max(marks[27, 2], marks[17:27, 2].max()) + rng.uniform(1.0, 5.0)
    drop = rng.uniform(-1.0, 5.0)
    angle = np.linspace(0.0, 2 * np.pi, 33)
    outline = np.stack([_superellipse(np.cos(angle), power), _superellipse(np.sin(angle), power)], axis=1)
    parts: list[Part] = []
    for centre in centres:
        rim = np.empty((33, 3))
        rim[:, 0] = centre[0] * 1.03 + width * outline[:, 0]
        rim[:, 1] = centre[1] - drop + height * outline[:, 1]
        rim[:, 2] = plane - 0.0035 * rim[:, 0] ** 2
        parts.append(_tube(rim, tube, "frame"))
        if dark:
            fan = np.stack([np.zeros(32), np.arange(1, 33), np.arange(2, 34)], axis=1).astype(np.int64)
            parts.append((np.concatenate([rim.mean(axis=0)[None], rim]), fan, "lens"))
        side = np.sign(centre[0])
        hinge = rim[np.argmax(side * rim[:, 0])] + [0.0, 0.4 * height, 0.0]
        ear = marks[0 if side < 0 else 16] + [side * 4.0, 5.0, -25.0]
        parts.append(_tube(np.linspace(hinge, ear, 8), tube, "frame"))
    left, right = centres[0][0] * 1.03 + width, centres[1][0] * 1.03 - width
    x = np.linspace(left, right, 8)
    arch = 2.5 * np.sin(np.linspace(0.0, np.pi, 8))
    y = centres[0][1] - drop + 0.25 * height + arch
    parts.append(_tube(np.stack([x, y, np.full(8, plane) + arch], axis=1), tube, "frame"))
    return parts


def _superellipse(value: np.ndarray, power: float) -> np.ndarray:
    return np.sign(value) * np.abs(value) ** (2.0 / power)


def _tube(path: np.ndarray, radius: float, material: str) -> Part:
    """A hexagonal tube along points (N, 3)."""
    along = np.gradient(path, axis=0)
    along /= np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-9)
    side = np.cross(along, np.where(np.abs(along[:, 2:]) < 0.9, [0.0, 0.0, 1.0], [0.0, 1.0, 0.0]))
    side /= np.maximum(np.linalg.norm(side, axis=1, keepdims=True), 1e-9)
    up = np.cross(side, along)
    angle = np.linspace(0.0, 2 * np.pi, 7)
    ring = np.cos(angle)[None, :, None] * side[:, None] + np.sin(angle)[None, :, None] * up[:, None]
    points = (path[:, None] + radius * ring).reshape(-1, 3)
    return points, grid_triangles(len(path), 7), material
