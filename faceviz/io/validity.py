"""Which of a scan's true landmarks count, where a file says so."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import numpy as np

from faceviz.errors import FileFormatError
from faceviz.landmarks import LANDMARK_COUNT


def read_validity(path: str | os.PathLike[str]) -> np.ndarray | None:
    """(68,) bool from the array ``valid`` of an NPZ that ``read_scan`` has read; None where there is none.

    Raises:
        FileFormatError: it does not hold 68 values of yes or no.
    """
    path = Path(path)
    if path.suffix.lower() != ".npz":
        return None
    try:
        with np.load(path, allow_pickle=False) as data:
            valid = data["valid"] if "valid" in data.files else None
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise FileFormatError(f"{path.name}: holds a damaged array 'valid'; save the file again") from error
    if valid is None:
        return None
    if valid.shape != (LANDMARK_COUNT,) or not np.isin(valid, (0, 1)).all():
        raise FileFormatError(
            f"{path.name}: its 'valid' is {valid.dtype} of shape {valid.shape}; store {LANDMARK_COUNT} of true or false"
        )
    return valid.astype(bool)
