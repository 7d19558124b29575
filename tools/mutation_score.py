"""Prints which share of the mutants the tests noticed, file by file; exit code 1 under the bar.

Reads what ``mutmut run`` left in the folder ``mutants`` (or the one given). A mutant that ran out of time was noticed.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

BAR = 0.85
_FAILED = (1, 3)  # exit codes of pytest, as mutmut keeps them
_STOPPED = (-24, 24, 36, 152, -11, -9)  # by the time limit, or by a crash


def main(folder: Path) -> int:
    tried = {path: _exit_codes(path) for path in sorted(folder.rglob("*.py.meta"))}
    tried = {path: codes for path, codes in tried.items() if codes}
    if not tried:
        print(f"error: {folder}: no mutants; make them: make mutate")
        return 2
    for path, codes in tried.items():
        print(f"{_sentence(codes)}  {path.relative_to(folder).with_suffix('')}")
    together = [code for codes in tried.values() for code in codes]
    print(f"{_sentence(together)}  together; at least {BAR:.0%} is asked")
    return 0 if _noticed(together) / len(together) >= BAR else 1


def _exit_codes(path: Path) -> list[int | None]:
    return list(json.loads(path.read_text())["exit_code_by_key"].values())


def _noticed(codes: list[int | None]) -> int:
    return sum(code in _FAILED + _STOPPED for code in codes)


def _sentence(codes: list[int | None]) -> str:
    noticed = _noticed(codes)
    stopped = sum(code in _STOPPED for code in codes)
    return (
        f"{noticed:5} of {len(codes):5} mutants noticed ({noticed / len(codes):6.1%}), {stopped} of them by "
        f"crash or time limit; {len(codes) - noticed:3} survive"
    )


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1] if len(sys.argv) > 1 else "mutants")))
