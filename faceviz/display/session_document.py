"""``session.json``: what a session file says beside its arrays. Strict: a key more or less is an error."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError

from faceviz.display.settings import Settings
from faceviz.errors import FileFormatError
from faceviz.landmarks import LANDMARK_COUNT

FORMAT, VERSION = "faceviz session", 1

Point = tuple[FiniteFloat, FiniteFloat, FiniteFloat]
Row = tuple[FiniteFloat, FiniteFloat, FiniteFloat, FiniteFloat]
Count = Annotated[int, Field(ge=0)]
Share = Annotated[float, Field(ge=0.0, le=1.0)]
_68 = Field(min_length=LANDMARK_COUNT, max_length=LANDMARK_COUNT)


class Record(BaseModel):
    """A frozen part of the document."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ScanRecord(Record):
    """The scan; ``sha256`` of its coordinates (float64) and triangles (int64), little-endian, in this order."""

    source: str
    unit: str
    points: Count
    triangles: Count
    truth: bool
    sha256: str


class CloudRecord(Record):
    """How the network saw the scan: ``(x - centre) / radius``; ``raw`` means the points as they are."""

    centre: Point
    radius: FiniteFloat = Field(gt=0.0)
    raw: bool


class ModelRecord(Record):
    """The network; ``sha256`` of its weights, where they are recorded."""

    name: str
    architecture: str = ""
    sha256: str | None = None


class PredictionRecord(Record):
    """Landmarks in the frame of the scan as posed; ``pose`` is the motion, (4, 4) by rows."""

    landmarks: Annotated[tuple[Point, ...], _68]
    confidence: Annotated[tuple[Share, ...], _68]
    pose: tuple[Row, Row, Row, Row]
    seconds: dict[str, FiniteFloat]


class NumbersRecord(Record):
    """What a front end shows of a prediction; None where there is no truth, or where an IoU is undefined.

    Args:
        threshold: of the IoU.
        iou: of each landmark; ``mean_iou`` of those that are defined.
        error: distance of each landmark to the truth in ``error_unit``.
        change: largest change of a heatmap value under the motion; None before the first.
    """

    threshold: Share
    iou: Annotated[tuple[Share | None, ...], _68] | None
    mean_iou: Share | None
    error: Annotated[tuple[FiniteFloat, ...], _68] | None
    error_unit: str
    median_error: FiniteFloat | None
    change: FiniteFloat | None


class ViewRecord(Record):
    """What one network made of the scan, at rest and under the motion; ``calibration`` of its errors, if known."""

    model: ModelRecord
    unmoved: PredictionRecord
    moved: PredictionRecord
    seconds: FiniteFloat
    numbers: NumbersRecord
    calibration: dict[str, Any] | None = None


class Provenance(Record):
    """Where and when the numbers were made, as ``faceviz.evaluation.provenance`` tells it."""

    commit: str | None
    versions: dict[str, str | None]
    platform: str
    date: str


class SessionDocument(Record):
    """All of ``session.json``; the second view is that of the model beside."""

    format: Literal["faceviz session"] = "faceviz session"
    version: Literal[1] = 1
    settings: Settings
    scan: ScanRecord
    cloud: CloudRecord
    views: Annotated[tuple[ViewRecord, ...], Field(min_length=1, max_length=2)]
    provenance: Provenance

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> SessionDocument:
        """The checked document.

        Raises:
            FileFormatError: another format or version, a key more or less, a value that does not fit.
        """
        if values.get("format") != FORMAT:
            raise FileFormatError("holds a session.json of another program; open a file that faceviz saved")
        if values.get("version") != VERSION:
            raise FileFormatError(
                f"is a session of version {str(values.get('version'))[:20]}, this faceviz reads version {VERSION}; "
                "open it with the faceviz that saved it, or save it again there"
            )
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])[:80]
            raise FileFormatError(f"session.json, {where}: {first['msg']}; save the session again") from None
