"""Networks that see a sequence of images and give a 3D face: the published one, and ``faceviz-stream``."""

from __future__ import annotations
