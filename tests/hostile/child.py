"""``python -m tests.hostile.child TARGET FIRST COUNT SEED FOLDER``: the process that `harness.run` starts."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.hostile.harness import serve

if __name__ == "__main__":
    target, first, count, seed, folder = sys.argv[1:]
    serve(target, int(first), int(count), int(seed), Path(folder))
