"""The scans that one can choose: samples that come along, and what was dropped on the page."""

from __future__ import annotations

from pathlib import Path

from faceviz import assets
from faceviz.io import SUPPORTED, guess_unit, read_scan, read_scan_bytes
from faceviz.scan import FaceScan
from widgets.serving import MAX_UPLOAD_MB

FORMATS = ", ".join(known.name for known in SUPPORTED)


#: A file, the seed of a random face, or a scan that was dropped on the page.
Sample = Path | int | FaceScan


def samples() -> dict[str, Sample]:
    """Names and files of the sample scans; seeds of random faces where no files came along."""
    names = [name for name in assets.names("scans") if name.endswith(".ply")]
    found = {_title(name): assets.path(f"scans/{name}") for name in names}
    return found or {f"Random face {seed}": seed for seed in (1, 2, 3)}


def read_sample(sample: Sample) -> FaceScan:
    if isinstance(sample, FaceScan):
        return sample
    if isinstance(sample, Path):
        return read_scan(sample)
    from faceviz.testing import random_face

    return random_face(sample)


def read_upload(name: str, content: bytes | str) -> FaceScan:
    """An uploaded file; Panel hands text files over as str."""
    data = content.encode() if isinstance(content, str) else content
    return read_scan_bytes(name, data, max_bytes=MAX_UPLOAD_MB * 1_000_000)


def facts(scan: FaceScan) -> str:
    """What a scan is, in three lines of HTML, its unit said aloud."""
    shape = f"{len(scan):,} points" + (
        "" if scan.triangles is None else f", {len(scan.triangles):,} triangles"
    )
    guess = guess_unit(scan.points)
    unit = guess.sentence if guess.unit == scan.unit else f"unit {scan.unit}, as the file says"
    truth = "No true landmarks" if scan.landmarks is None else "68 true landmarks known"
    return f"{shape}<br>{unit.capitalize()}<br>{truth}"


def _title(file_name: str) -> str:
    return Path(file_name).stem.removeprefix("sample_").replace("_", " ").capitalize()
