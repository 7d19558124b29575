"""faceviz: equivariant landmarks on 3D face scans, and 3D faces from images.

Public names are loaded on first use, so that ``import faceviz`` stays light: it loads neither torch nor PyVista.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

_PUBLIC = {
    "FaceScan": "faceviz.scan",
    "RigidTransform": "faceviz.geometry.transforms",
    "LandmarkPredictor": "faceviz.pipeline",
    "LandmarkPrediction": "faceviz.pipeline",
    "FaceReconstructor": "faceviz.reconstruct",
    "Reconstruction": "faceviz.reconstruct",
    "SurfaceGraph": "faceviz.graph",
    "read_scan": "faceviz.io",
    "write_scan": "faceviz.io",
    "explore": "faceviz.view.explore",
    "watch": "faceviz.view.watch",
    "FacevizError": "faceviz.errors",
}

__all__ = ["__version__", *_PUBLIC]


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(importlib.import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'faceviz' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
