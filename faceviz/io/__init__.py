"""Files in and out: the only place of faceviz that opens scans.

Readers treat every file as hostile: headers are checked before memory is taken, and whatever is wrong becomes one
line, ``<file>: <cause>; <what to do>``, in a FileFormatError.
"""

from __future__ import annotations

from faceviz.io.bundles import Bundle, bundle_path, read_bundle
from faceviz.io.facescape import FaceScapeTree, split_subjects
from faceviz.io.formats import SUPPORTED, Format, read_extensions, write_extensions
from faceviz.io.reading import read_scan, read_scan_bytes
from faceviz.io.sidecars import read_landmarks
from faceviz.io.units import UnitGuess, guess_unit
from faceviz.io.writing import write_scan

__all__ = [
    "SUPPORTED",
    "Bundle",
    "FaceScapeTree",
    "Format",
    "UnitGuess",
    "bundle_path",
    "guess_unit",
    "read_bundle",
    "read_extensions",
    "read_landmarks",
    "read_scan",
    "read_scan_bytes",
    "split_subjects",
    "write_extensions",
    "write_scan",
]
