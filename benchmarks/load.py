"""How the server bears several people at once: websocket clients that turn the face, without browsers.

    python benchmarks/load.py --sessions 5 --moves 20

Each comes, waits for the first picture, and turns the face as often as it is answered; printed are the times from a
turn to its heat (drawing left out), the server's memory and the errors. ``--overload`` sends turns without waiting.

    python benchmarks/load.py --sessions 1 --moves 1 --visits 200

``--visits`` lets so many more people come, turn the face once and go, one after the other, and tells by how much the
memory of the server grew after the first tenth of them.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from _machine import processor

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # the client is that of the tests

from tests.hostile.guest import Guest  # noqa: E402

_FORGOTTEN = 40.0  # seconds that a server is given to let go of people who left


@dataclass
class Seen:
    """What one person met."""

    first_s: float = 0.0  # until the first picture
    answers_ms: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    bytes: int = 0


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sessions", type=int, default=5)
    parser.add_argument("--moves", type=int, default=20)
    parser.add_argument("--patience", type=float, default=120.0, help="seconds for one answer")
    parser.add_argument(
        "--overload", action="store_true", help="20 turns a second each, whether answered or not"
    )
    parser.add_argument("--visits", type=int, default=0, help="people who come and go afterwards")
    parser.add_argument("--json", default=None, help="also write the figures to this file")
    asked = parser.parse_args()
    command = [sys.executable, "-m", "faceviz", "serve", "--port", "0"]
    server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert server.stdout is not None and server.stderr is not None
    log: list[str] = []
    threading.Thread(target=lambda: log.extend(server.stderr), daemon=True).start()
    try:
        found = re.search(r"http://\S+", server.stdout.readline())
        assert found is not None, "the server does not begin"
        memory = _Memory(server.pid)
        seen = asyncio.run(_everybody(found[0], asked))
        figures = _figures(seen, memory.largest_mb, log)
        if asked.visits:
            figures |= asyncio.run(_visits(found[0], memory, asked))
        alive = server.poll() is None
    finally:
        server.terminate()
        try:
            server.wait(60)
        except subprocess.TimeoutExpired:
            server.kill()
    print(f"{processor()}, {os.cpu_count()} cores, load before {os.getloadavg()[0]:.1f}")
    for name, value in figures.items():
        print(f"  {name}: {value}")
    print(f"  the server {'still answers' if alive else 'has died'}")
    if asked.json:
        Path(asked.json).write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


async def _everybody(address: str, asked: argparse.Namespace) -> list[Seen]:
    await _until_up(address)
    return await asyncio.gather(*(_person(address, number, asked) for number in range(asked.sessions)))


async def _visits(address: str, memory: _Memory, asked: argparse.Namespace) -> dict[str, object]:
    """People who come, turn the face once and go: by how much the server's memory grows."""
    asked.moves, errors, warm = 1, [], 0.0
    for visit in range(asked.visits):
        if visit == asked.visits // 10:
            await asyncio.sleep(_FORGOTTEN)
            warm = memory.now_mb
        errors += (await _person(address, visit, asked)).errors
    await asyncio.sleep(_FORGOTTEN)
    growth = f"{100 * (memory.now_mb / warm - 1):.1f} %"
    return {
        "visits": asked.visits,
        "memory of the server after a tenth of them, MB": round(warm),
        "memory at the end, MB": round(memory.now_mb),
        "growth": growth,
        "errors of visits": errors,
    }


async def _until_up(address: str) -> None:
    for _ in range(600):
        try:
            first = Guest(address)
            await first.come()
            return first.leave()
        except OSError:
            await asyncio.sleep(0.2)
    raise SystemExit("the server does not begin")


async def _person(address: str, number: int, asked: argparse.Namespace) -> Seen:
    seen, guest = Seen(), Guest(address)
    try:
        started = time.perf_counter()
        await guest.come()
        sliders = next(model["id"] for model in guest.models.values() if _turns(model))
        await asyncio.wait_for(_heat(guest), asked.patience)
        seen.first_s = time.perf_counter() - started
        await asyncio.sleep(0.5)
        for move in range(asked.moves):
            angle = float(1 + (37 * (move + 1) + 11 * number) % 179)  # 0 would be no turn
            started = time.perf_counter()
            await guest.change(sliders, "values", [angle, 0.0, 0.0, 0.0, 0.0, 0.0])
            if asked.overload and move < asked.moves - 1:
                await asyncio.sleep(0.05)
                continue
            await asyncio.wait_for(_heat(guest), asked.patience)
            seen.answers_ms.append(1000 * (time.perf_counter() - started))
    except (Exception, asyncio.TimeoutError) as error:
        seen.errors.append(f"person {number}: {type(error).__name__}: {error}")
    seen.bytes = guest.bytes
    guest.leave()
    return seen


def _turns(model: dict) -> bool:
    rows = model.get("attributes", {}).get("rows", ())
    return str(model.get("name", "")).startswith("Sliders") and len(rows) == 6


async def _heat(guest: Guest) -> None:
    """Until the server sends new heat for the picture."""
    while not any(event.get("attr") == "heat" for event in await guest.changes()):
        pass


def _figures(seen: list[Seen], memory_mb: float, log: list[str]) -> dict[str, object]:
    answers = np.array([value for person in seen for value in person.answers_ms] or [np.nan])
    errors = [error for person in seen for error in person.errors]
    traces = sum("Traceback" in line or "ERROR" in line for line in log)
    return {
        "sessions held": len(seen) - len(errors),
        "seconds to the first picture, each": [round(person.first_s, 1) for person in seen],
        "answers": int(np.isfinite(answers).sum()),
        "median ms from a turn to its heat": round(float(np.median(answers)), 1),
        "95 % under, ms": round(float(np.quantile(answers, 0.95)), 1),
        "largest memory of the server, MB": round(memory_mb),
        "received, MB": round(sum(person.bytes for person in seen) / 1e6, 1),
        "errors": errors,
        "errors in the server's log": traces,
    }


class _Memory:
    """Resident memory of a process, looked at twice a second: now, and the largest."""

    def __init__(self, process: int) -> None:
        self.now_mb = self.largest_mb = 0.0
        self._status = Path(f"/proc/{process}/status")
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        while True:
            try:
                lines = self._status.read_text().splitlines()
                kilobytes = next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))
            except (OSError, StopIteration):
                return
            self.now_mb = kilobytes / 1024
            self.largest_mb = max(self.largest_mb, self.now_mb)
            time.sleep(0.5)


if __name__ == "__main__":
    main()
