from __future__ import annotations

import subprocess
import sys


def test_importing_the_readers_loads_no_heavy_library():
    heavy = "{'torch', 'trimesh', 'scipy', 'open3d', 'pyvista'}"
    code = f"import sys, faceviz.io; print(*sorted({heavy} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == ""
