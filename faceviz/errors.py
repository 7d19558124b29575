"""The errors that faceviz raises on purpose. Each message names the cause and the way out, in one line."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class FacevizError(Exception):
    """Base of every error that a user can mend; the command line prints it as one line and exits with 2."""


class ShapeError(FacevizError, ValueError):
    """An array has another shape than the one documented."""


class GeometryError(FacevizError, ValueError):
    """A cloud or mesh that cannot be worked on: empty, not finite, degenerate, too few points."""


class FileFormatError(FacevizError):
    """A file that cannot be read or written: ``<file>: <cause>; <what to do>``."""


class CheckpointError(FacevizError):
    """Weights that are missing, damaged or made for another architecture."""


class ConfigError(FacevizError, ValueError):
    """A setting that does not exist or does not fit."""


class NoFaceError(FacevizError):
    """A scan or image in which no face was found."""


class CameraError(FacevizError):
    """A camera that is missing, busy, or was lost."""


class ClusterError(FacevizError):
    """A cluster that cannot be reached, or whose workers were lost."""


class MissingDependencyError(FacevizError, ImportError):
    """An optional package is not installed; the message says which extra brings it."""


def nearest_name(name: str, known: Iterable[str]) -> str:
    """A hint for an unknown name: ``; did you mean 'x'?`` or the list of what exists."""
    known = sorted(known)
    close = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; known: {', '.join(known)}"


def counted(number: int, singular: str, plural: str | None = None) -> str:
    """A number with its noun: ``1 image``, ``2 images``, ``1,024 points``; ``plural`` where it is not made with s."""
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"
