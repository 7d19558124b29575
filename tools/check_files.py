"""Refuses files over 10 MB and a work tree over 64 MB; given paths, only those (pre-commit passes them)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

MAX_FILE_MB = 10
MAX_TOTAL_MB = 64


def main(paths: list[str]) -> int:
    sizes = {path: Path(path).stat().st_size / 1e6 for path in paths or _tracked() if Path(path).is_file()}
    faults = [
        f"{path}: {size:.1f} MB exceeds {MAX_FILE_MB} MB; make it smaller or leave it out of the repository"
        for path, size in sizes.items()
        if size > MAX_FILE_MB
    ]
    total = sum(sizes.values())
    if total > MAX_TOTAL_MB:
        largest = sorted(sizes, key=sizes.__getitem__, reverse=True)[:5]
        faults.append(
            f"all files together: {total:.0f} MB exceed {MAX_TOTAL_MB} MB; largest: {', '.join(largest)}"
        )
    print("\n".join(faults) or f"{len(sizes)} files, {total:.1f} MB in all")
    return 1 if faults else 0


def _tracked() -> list[str]:
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listing = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    return [path for path in listing.split("\0") if path]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
