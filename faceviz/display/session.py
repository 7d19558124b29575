"""A session: a scan, what the networks made of it, and the settings; saved by one front end, opened by any other.

The file is a zip of ``session.json`` (``faceviz.display.session_document``) and NumPy arrays. Opening it asks no
network: the numbers are those that were saved.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from faceviz.display.scene import SceneSpec
from faceviz.display.session_document import ModelRecord, Provenance, SessionDocument
from faceviz.display.session_records import (
    ARRAYS,
    cloud_record,
    records_to_views,
    scan_record,
    view_record,
    views_to_arrays,
)
from faceviz.display.settings import Settings
from faceviz.display.state import LoadedScan, Moved, moved_scene, unmoved
from faceviz.errors import FacevizError
from faceviz.geometry.transforms import RigidTransform
from faceviz.io.archives import holds, pack_archive, unpack_archive
from faceviz.io.files import open_file, read_bytes, replace_file
from faceviz.io.problems import MAX_BYTES, Limits, Problem, file_error
from faceviz.scan import FaceScan

if TYPE_CHECKING:
    from faceviz.pipeline import LandmarkPrediction, LandmarkPredictor

DOCUMENT = "session.json"


@dataclass(frozen=True, eq=False)
class Session:
    """All that a front end shows.

    Args:
        moved: the scan and what the first network makes of it.
        settings: as chosen.
        second: the same of the model beside, if there is one.
        models: the networks, as recorded with the numbers.
        provenance: where and when the numbers were made; here and now by default, found out when it is saved.
    """

    moved: Moved
    settings: Settings
    second: Moved | None = None
    models: tuple[ModelRecord, ...] = ()
    provenance: Provenance | None = None

    def __post_init__(self) -> None:
        if not self.models:
            object.__setattr__(self, "models", tuple(_model(view) for view in self.views))

    @classmethod
    def of_prediction(
        cls,
        prediction: LandmarkPrediction,
        predictor: LandmarkPredictor | None,
        settings: Settings | None = None,
    ) -> Session:
        """The session of a scan at rest."""
        return cls(unmoved(LoadedScan(prediction, predictor=predictor)), settings or Settings())

    @property
    def views(self) -> tuple[Moved, ...]:
        return (self.moved,) if self.second is None else (self.moved, self.second)

    @property
    def scan(self) -> FaceScan:
        return self.moved.loaded.scan

    @property
    def prediction(self) -> LandmarkPrediction:
        """What the first network sees, its landmarks brought back to the scan's own frame."""
        seen = self.moved.prediction
        if self.moved.still:
            return seen
        back = RigidTransform.identity()
        points = seen.prepared.points
        return replace(seen, landmarks=seen.pose.inverse().apply(seen.landmarks), points=points, pose=back)

    def scene(self) -> SceneSpec:
        return moved_scene(self.moved, self.settings, self.second)

    def knows(self, predictor: LandmarkPredictor) -> bool:
        """Are these the weights that the first network had? By their SHA-256, where it was recorded."""
        return _record(predictor) == self.models[0]

    def with_predictor(self, predictor: LandmarkPredictor) -> Session:
        """With the network that answers further motions of the scan."""
        return replace(
            self, moved=replace(self.moved, loaded=replace(self.moved.loaded, predictor=predictor))
        )


def is_session(path: str | os.PathLike[str]) -> bool:
    """Is this a session file, by its content? A ``.zip`` is taken for one in any case: no scan is."""
    path = Path(path)
    if path.suffix.lower() == ".zip":
        return True
    try:
        with open_file(path, MAX_BYTES) as stream:
            return stream.read(2) == b"PK" and holds(b"PK" + stream.read(), DOCUMENT)
    except Problem:
        return False


def save_session(path: str | os.PathLike[str], session: Session) -> None:
    """Writes a session file in one step.

    Raises:
        FileFormatError: it cannot be written.
    """
    content = session_bytes(session)
    replace_file(Path(path), lambda stream: stream.write(content))


def read_session(path: str | os.PathLike[str], *, max_bytes: int = MAX_BYTES) -> Session:
    """Opens a session file; its scan belongs to no network yet (``Session.with_predictor``).

    Raises:
        FileFormatError: ``<file>: <cause>; <what to do>``, in one line.
    """
    path = Path(path)
    try:
        data = read_bytes(path, max_bytes)
    except Problem as problem:
        raise file_error(path.name, problem) from None
    return read_session_bytes(path.name, data, max_bytes=max_bytes)


def read_session_bytes(name: str, data: bytes, *, max_bytes: int = MAX_BYTES) -> Session:
    """``read_session`` for an upload: the file's name and content."""
    name = PurePath(name.replace("\\", "/")).name
    try:
        archive = unpack_archive(data, DOCUMENT, ARRAYS, Limits(bytes=max_bytes))
        document = SessionDocument.of(archive.document)
        views = records_to_views(document, archive.arrays)
    except (Problem, FacevizError) as error:
        raise file_error(name, error) from None
    return Session(
        moved=views[0],
        settings=document.settings,
        second=views[1] if len(views) > 1 else None,
        models=tuple(record.model for record in document.views),
        provenance=document.provenance,
    )


def session_bytes(session: Session) -> bytes:
    """The content of a session file."""
    return pack_archive(
        DOCUMENT, session_document(session).model_dump(mode="json"), views_to_arrays(session.views)
    )


def session_document(session: Session) -> SessionDocument:
    """What is written in ``session.json``."""
    return SessionDocument(
        settings=session.settings,
        scan=scan_record(session.scan),
        cloud=cloud_record(session.moved.loaded.unmoved.prepared),
        views=tuple(
            view_record(view, model, session.settings.threshold)
            for view, model in zip(session.views, session.models, strict=True)
        ),
        provenance=session.provenance or _here_and_now(),
    )


def _here_and_now() -> Provenance:
    from faceviz.evaluation.provenance import provenance

    return Provenance(**provenance())


def _model(view: Moved) -> ModelRecord:
    predictor = view.loaded.predictor
    return ModelRecord(name=view.loaded.model) if predictor is None else _record(predictor)


def _record(predictor: LandmarkPredictor) -> ModelRecord:
    known: dict[str, Any] = getattr(predictor, "description", {})
    return ModelRecord(
        name=predictor.name, architecture=known.get("architecture", ""), sha256=known.get("sha256")
    )
