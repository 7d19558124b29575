"""Where the subjects of a reconstruction's evaluation come from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from faceviz.errors import ConfigError, FacevizError, FileFormatError, ShapeError, counted, nearest_name
from faceviz.evaluation.reconstruction import MOST_IMAGES, Subject
from faceviz.geometry.geometry_image import POINTS

if TYPE_CHECKING:
    from faceviz.synth.sequences import FaceSequence

SYNTHETIC_COUNT, SYNTHETIC_SEED = 40, 0

_KINDS = ("synthetic", "bu4dfe")
_TRUTH = (".ply", ".obj", ".wrl")


@dataclass(frozen=True, slots=True, eq=False)
class SubjectSource:
    """Subjects, read or rendered as they are asked for; may be walked once.

    Attributes:
        spec: as the user wrote it; ``description`` in words.
        left_out: what was passed over, and why; fills as the subjects are walked.
    """

    spec: str
    description: str
    subjects: Iterator[Subject]
    count: int | None = None
    left_out: list[str] = field(default_factory=list)

    def describe(self) -> dict[str, Any]:
        """For the report."""
        return {"spec": self.spec, "description": self.description, "left_out": self.left_out}


def open_subjects(spec: str, *, most_images: int = MOST_IMAGES) -> SubjectSource:
    """The subjects that a specification names.

    Args:
        spec: ``synthetic:test``, ``synthetic:test:20``, ``synthetic:test:20:ict``; a folder written by
            ``faceviz synth sequences`` (shards or folders); a folder with a folder of images and one mesh for each
            subject; ``bu4dfe:ROOT``.
        most_images: of a subject.

    Raises:
        ConfigError: there is no such kind of data.
        FileFormatError: the folder holds nothing of the kind.
    """
    kind, _, rest = spec.partition(":")
    if kind == "synthetic":
        return _synthetic(spec, rest, most_images)
    if kind == "bu4dfe":
        return _bu4dfe(spec, rest, most_images)
    folder = Path(spec)
    if folder.is_dir():
        shards = sorted(folder.glob("*.npz"))
        return _shards(spec, shards, most_images) if shards else _folders(spec, folder, most_images)
    hint = nearest_name(kind, _KINDS) if ":" in spec else ""
    raise ConfigError(f"--data {spec}: is no folder, nor synthetic:test[:N] or bu4dfe:ROOT{hint}")


def _synthetic(spec: str, rest: str, most: int) -> SubjectSource:
    from faceviz.synth.dataset import available_sources
    from faceviz.synth.sequences import SyntheticSequences

    split, count, source = [*rest.split(":"), "", ""][:3]
    if count and (not count.isdigit() or int(count) == 0):
        raise ConfigError(f"--data {spec}: {count!r} is no number of people; write synthetic:test:20")
    found, _ = available_sources(source or "both")
    people = SyntheticSequences(
        split or "test", int(count or SYNTHETIC_COUNT), SYNTHETIC_SEED, found, frames=most
    )
    description = (
        f"{counted(len(people), 'synthetic person', 'synthetic people')}, {counted(most, 'picture')} each "
        f"(heads {' and '.join(found)}, split {people.split}, seed {people.seed})"
    )
    subjects = (sequence_subject(sequence) for sequence in people)
    return SubjectSource(spec, description, subjects, len(people))


def _shards(spec: str, paths: list[Path], most: int) -> SubjectSource:
    from faceviz.synth.shards import read_shard

    def walk() -> Iterator[Subject]:
        for path in paths:
            shard = read_shard(path)
            for person in range(len(shard)):
                yield sequence_subject(shard.sequence(person), most)

    return SubjectSource(spec, f"the sequences in {Path(spec).resolve().name}", walk())


def sequence_subject(sequence: FaceSequence, most: int | None = None) -> Subject:
    """A rendered sequence with its neutral face as geometry image."""
    from faceviz.synth.correspondence import geometry_image_of
    from faceviz.synth.dataset import cached_head

    truth = geometry_image_of(cached_head(sequence.head, None), sequence.vertices).reshape(-1, 3)
    return Subject(
        list(sequence.images[:most]), truth, True, True, f"synth:{sequence.head}:id{sequence.person}"
    )


def _folders(spec: str, folder: Path, most: int) -> SubjectSource:
    """One folder a subject: images, and one mesh, or rendered ones with their ``sequence.npz``."""
    people = [path for path in sorted(folder.iterdir()) if path.is_dir() and _mesh(path)]
    if not people:
        raise FileFormatError(
            f"{spec}: holds no shards of sequences and no folders with images and one mesh ({', '.join(_TRUTH)}) each"
        )
    left_out: list[str] = []

    def walk() -> Iterator[Subject]:
        for person in people:
            try:
                yield _folder_subject(person, most)
            except (FileFormatError, ShapeError) as error:
                left_out.append(str(error))

    return SubjectSource(spec, f"the subjects in {folder.resolve().name}", walk(), len(people), left_out)


def _mesh(folder: Path) -> Path | None:
    found = [path for path in sorted(folder.iterdir()) if path.suffix.lower() in _TRUTH]
    return found[0] if len(found) == 1 else None


def _folder_subject(folder: Path, most: int) -> Subject:
    from faceviz.io import read_scan
    from faceviz.io.frames import open_frames

    with open_frames(folder, max_frames=most) as frames:
        images = [frame.image for frame in frames]
    mesh = _mesh(folder)
    assert mesh is not None
    scan = read_scan(mesh)
    rendered = folder / "sequence.npz"
    if rendered.is_file():
        return Subject(images, _rendered_truth(rendered, scan.points), True, True, folder.name)
    return Subject(images, _sampled(scan), False, False, folder.name)


def _rendered_truth(path: Path, vertices: np.ndarray) -> np.ndarray:
    from faceviz.synth.correspondence import geometry_image_of
    from faceviz.synth.dataset import cached_head

    with np.load(path, allow_pickle=False) as file:
        head = cached_head(str(file["head"]), None)
    return geometry_image_of(head, vertices).reshape(-1, 3)


def _sampled(scan: Any) -> np.ndarray:
    """As many points of a scan as the report takes, the same ones each time."""
    from faceviz.geometry.sampling import sample_surface

    if scan.triangles is None:
        return scan.points
    return sample_surface(scan.points, scan.triangles, POINTS, np.random.default_rng(0))[0]


def _bu4dfe(spec: str, root: str, most: int) -> SubjectSource:
    """The test subjects of BU-4DFE: random pictures of each, the neutral mesh sampled as in the report."""
    from faceviz.io.bu4dfe import Bu4dfeTree, split_clips, truth_cloud
    from faceviz.io.images import read_image

    tree = Bu4dfeTree(root)
    test = split_clips(tree.subjects)["test"] or tree.subjects
    left_out: list[str] = []

    def walk() -> Iterator[Subject]:
        for number, name in enumerate(test):
            rng = np.random.default_rng(np.random.SeedSequence([SYNTHETIC_SEED, number]))
            try:
                images = [read_image(path) for path in tree.pictures(name, most, rng)]
                cloud = truth_cloud(tree.neutral(name), rng, unit_radius=False)
            except FacevizError as error:
                left_out.append(f"{name}: {error}")
                continue
            yield Subject(images, cloud, False, False, name)

    return SubjectSource(spec, f"BU-4DFE, {len(test)} test subjects", walk(), len(test), left_out)
