"""Synthetic faces: parametric heads, a virtual scanner, a renderer, and data sets made of them."""

from __future__ import annotations

from faceviz.synth.dataset import SyntheticScans, available_sources, synthetic_scans
from faceviz.synth.export import WrittenScans, write_scans
from faceviz.synth.heads import PARTS, HeadMesh, ParametricHead, load_head
from faceviz.synth.scanner import VirtualScanner
from faceviz.synth.sequences import FaceSequence, SyntheticSequences
from faceviz.synth.shards import WrittenSequences, read_shard, write_sequences

__all__ = [
    "PARTS",
    "FaceSequence",
    "HeadMesh",
    "ParametricHead",
    "SyntheticScans",
    "SyntheticSequences",
    "VirtualScanner",
    "WrittenScans",
    "WrittenSequences",
    "available_sources",
    "load_head",
    "read_shard",
    "synthetic_scans",
    "write_scans",
    "write_sequences",
]
