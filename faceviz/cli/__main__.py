from __future__ import annotations

from faceviz.cli import main

main()
