"""A zip of one JSON document and named arrays. Nothing is unpacked to a path, and nothing in it can run code."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np

from faceviz.io.arrays import member_names, open_member, open_zip, read_array
from faceviz.io.problems import Limits, Problem, shown

MAX_JSON_BYTES = 1 << 20
_MEMBER_SIGNATURE = b"PK\x01\x02"
_DAMAGED = "the file is damaged: save it again"


@dataclass(frozen=True, slots=True, eq=False)
class Archive:
    """What an archive holds: the JSON document as it is, and its arrays by name."""

    document: dict[str, Any]
    arrays: dict[str, np.ndarray]


def holds(data: bytes, document: str) -> bool:
    """Is this a zip with a JSON document of that name? Damaged ones hold none."""
    if not data.startswith(b"PK") or data.count(_MEMBER_SIGNATURE) > 1000:
        return False
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return document in archive.namelist()
    except Exception:  # hostile directories raise struct, Unicode and other errors
        return False


def pack_archive(name: str, document: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> bytes:
    """The zip: ``name`` with the document, ``<key>.npy`` with each array; equal contents give equal bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        text = json.dumps(document, indent=1, allow_nan=False)
        archive.writestr(zipfile.ZipInfo(name), text, zipfile.ZIP_DEFLATED)
        for key, values in arrays.items():
            member = io.BytesIO()
            np.lib.format.write_array(member, np.ascontiguousarray(values), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{key}.npy"), member.getvalue(), zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def unpack_archive(data: bytes, name: str, known: Collection[str], limits: Limits) -> Archive:
    """The document and those of the ``known`` arrays that are there.

    Raises:
        Problem: no such zip, a member that does not belong there, or one that is damaged, too large or no array of
            finite numbers.
    """
    limits.check_bytes(len(data))
    if not data.startswith(b"PK"):
        raise Problem(f"is no zip with a {name}", "open a file that faceviz saved")
    with open_zip(io.BytesIO(data), data.count(_MEMBER_SIGNATURE)) as archive:
        members = member_names(archive)
        if name not in members:
            raise Problem(f"holds no {name}", "open a file that faceviz saved")
        limits.check_bytes(sum(info.file_size for info in members.values()))
        with open_member(archive, members.pop(name), Limits(bytes=MAX_JSON_BYTES)) as stream:
            document = _document(name, stream.read())
        strange = next((key for key in members if key not in known), None)
        if strange is not None:
            raise Problem(
                f"holds {shown(strange.encode('utf-8', 'replace'))}, which does not belong", _DAMAGED
            )
        return Archive(
            document, {key: _finite(key, read_array(archive, info, limits)) for key, info in members.items()}
        )


def _document(name: str, content: bytes) -> dict[str, Any]:
    def refuse(_: str) -> NoReturn:
        raise ValueError

    try:
        document = json.loads(content.decode("utf-8"), parse_constant=refuse)
    except (ValueError, RecursionError):
        raise Problem(f"has a {name} that is no JSON", _DAMAGED) from None
    if not isinstance(document, dict):
        raise Problem(f"has a {name} that is no JSON object", _DAMAGED)
    return document


def _finite(name: str, values: np.ndarray) -> np.ndarray:
    if not np.isfinite(values).all():
        raise Problem(f"has values in {name!r} that are not finite", _DAMAGED)
    return values
