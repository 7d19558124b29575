"""Synthetic faces: parametric heads, a virtual scanner, and data sets made of both."""

from __future__ import annotations

from faceviz.synth.dataset import SyntheticScans, available_sources, synthetic_scans
from faceviz.synth.export import WrittenScans, write_scans
from faceviz.synth.heads import PARTS, HeadMesh, ParametricHead, load_head
from faceviz.synth.scanner import VirtualScanner

__all__ = [
    "PARTS",
    "HeadMesh",
    "ParametricHead",
    "SyntheticScans",
    "VirtualScanner",
    "WrittenScans",
    "available_sources",
    "load_head",
    "synthetic_scans",
    "write_scans",
]
