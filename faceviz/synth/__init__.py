"""Synthetic faces: parametric heads and a virtual scanner."""

from __future__ import annotations

from faceviz.synth.heads import PARTS, HeadMesh, ParametricHead, load_head
from faceviz.synth.scanner import VirtualScanner

__all__ = ["PARTS", "HeadMesh", "ParametricHead", "VirtualScanner", "load_head"]
