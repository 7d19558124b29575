"""What becomes of damaged files: every reader, seeded mutations of a valid file, in child processes with limits.

    python benchmarks/fuzz.py --mutations 1000 --format all --json fuzz.json

Each must be read or refused in one line: no crash, no hang over 5 s, no more than 1 GB. Exits with 1 where one is not.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import asdict
from pathlib import Path

from _machine import processor

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the valid files are those of the tests

from tests.hostile import harness, targets  # noqa: E402


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--mutations", type=int, default=1000)
    parser.add_argument("--format", default="all", help="a part of a format's name; several joined by commas")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", default=None, help="also write the figures to this file")
    asked = parser.parse_args()
    print(f"{processor()}; {asked.mutations} mutations a format, seed {asked.seed}")
    head = f"{'format':<20}{'mutations':>10}{'read':>7}{'refused':>9}{'crashes':>9}{'hangs':>7}{'> 1 GB':>8}"
    print(head + f"{'untidy':>8}{'slowest':>10}{'peak':>9}{'took':>8}")
    outcomes = []
    for name in targets.find(asked.format):
        started = time.monotonic()
        outcome = harness.run(name, asked.mutations, asked.seed)
        outcomes.append(outcome)
        _tell(outcome, time.monotonic() - started)
        if asked.json:
            content = {"seed": asked.seed, "processor": processor(), "formats": [asdict(o) for o in outcomes]}
            Path(asked.json).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    faults = sum(len(outcome.faults) for outcome in outcomes)
    total = sum(outcome.mutations for outcome in outcomes)
    print(f"{total:,} damaged files of {len(outcomes)} kinds, {faults} faults")
    return 1 if faults else 0


def _tell(outcome: harness.Outcome, seconds: float) -> None:
    counts = (len(outcome.crashes), len(outcome.hangs), len(outcome.greedy), len(outcome.untidy))
    crashes, hangs, greedy, untidy = counts
    print(
        f"{outcome.target:<20}{outcome.mutations:>10}{outcome.read:>7}{outcome.refused:>9}{crashes:>9}{hangs:>7}"
        f"{greedy:>8}{untidy:>8}{outcome.slowest_s:>8.2f} s{outcome.peak_mb:>6.0f} MB{seconds:>6.0f} s",
        flush=True,
    )
    for fault in outcome.faults[:12]:
        print(f"    {fault}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
