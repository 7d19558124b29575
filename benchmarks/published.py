"""One block of the published network against other implementations of it: time and peak memory.

    python benchmarks/published.py --threads 2
    python benchmarks/published.py --only ours original --points 1024 --repeats 1

Three attention layers, degrees 0 to 2, 5 channels, k = 40; neighbours and geometry are part of every pass. Each
measurement runs in a process of its own, its least time of several counts, and its peak memory is what the process grew
by.

Writes benchmarks/results/published.json and .md. ``pip install se3-transformer-pytorch`` adds that to the table.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path

from _machine import processor

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results"
PACKAGES = ("torch", "dgl", "e3nn", "se3-transformer-pytorch", "numpy")
TASKS = ("forward", "step")


def main() -> None:
    asked = _arguments()
    if asked.case:
        print(json.dumps(_measure(*asked.case, repeats=asked.repeats, threads=asked.threads)))
        return
    rows: list[dict] = []
    for name in asked.only or _names():
        for task in TASKS:
            for points in sorted(asked.points):
                row = _in_process(name, task, points, rows, asked)
                rows.append(row)
                print(f"{name} {task} {points}: {_shown(row)}", file=sys.stderr, flush=True)
                report = {"machine": _machine(asked), "rows": rows}
                _write(report, asked.out)
    _print(report)
    print(f"written to {asked.out}/published.json and published.md")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--points", type=int, nargs="+", default=[1024, 2048, 4096, 8192])
    parser.add_argument("--only", nargs="+", metavar="NAME", help="some of the implementations")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument(
        "--limit", type=float, default=600.0, help="seconds after which a measurement is given up"
    )
    parser.add_argument("--note", default="", help="a remark to be written beside the results")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--case", nargs=3, metavar=("NAME", "TASK", "POINTS"), help=argparse.SUPPRESS)
    return parser.parse_args()


def _names() -> list[str]:
    return list(_rivals())


def _rivals() -> dict:
    sys.path.insert(0, str(HERE))
    from _rivals import RIVALS

    return RIVALS


def _measure(name: str, task: str, points: str, *, repeats: int, threads: int) -> dict:
    """Seconds and peak memory of one implementation, in this process."""
    os.environ.setdefault("DGLBACKEND", "pytorch")
    import torch

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    try:
        network = _rivals()[name][1]()
    except ImportError as error:
        return {"skipped": f"not installed ({error.name})"}
    run = _pass(network, task)
    run(_cloud(64))
    cloud = _cloud(int(points))
    before = _memory("VmRSS")
    _reset_peak()
    walls, cpus = [], []
    for _ in range(repeats):
        wall, cpu = time.perf_counter(), time.process_time()
        run(cloud)
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    return {"seconds": min(walls), "cpu_seconds": min(cpus), "peak_mib": _memory("VmHWM") - before}


def _pass(network, task: str):  # noqa: ANN001, ANN202
    import torch

    def forward(cloud) -> None:  # noqa: ANN001
        with torch.no_grad():
            network(cloud)

    def step(cloud) -> None:  # noqa: ANN001
        network.zero_grad(set_to_none=True)
        network(cloud).square().mean().backward()

    return forward if task == "forward" else step


def _cloud(count: int):  # noqa: ANN202
    """A bumpy half ellipsoid of radius 1."""
    import torch

    x = torch.randn(count, 3, generator=torch.Generator().manual_seed(0))
    x[:, 2] = x[:, 2].abs()
    x = torch.nn.functional.normalize(x, dim=1)
    x = x * (1 + 0.05 * torch.sin(9 * x[:, :1]) * torch.cos(7 * x[:, 1:2])) * torch.tensor([0.7, 1.0, 0.6])
    return x - x.mean(0)


def _in_process(name: str, task: str, points: int, rows: list[dict], asked: argparse.Namespace) -> dict:
    """The measurement in a process of its own, unless memory would not suffice."""
    row = {"name": name, "task": task, "points": points}
    former = [r for r in rows if r["name"] == name and r["task"] == task and "peak_mib" in r]
    needed = former[-1]["peak_mib"] * points / former[-1]["points"] if former else 0.0
    if needed > 0.8 * _available():
        return {**row, "skipped": f"needs about {needed / 1024:.0f} GiB of memory"}
    command = [sys.executable, __file__, "--case", name, task, str(points), "--threads", str(asked.threads)]
    environment = {**os.environ, "OMP_NUM_THREADS": str(asked.threads)}
    try:
        done = subprocess.run(
            [*command, "--repeats", str(asked.repeats)],
            capture_output=True, text=True, timeout=asked.limit, env=environment,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return {**row, "skipped": f"given up after {asked.limit:.0f} s"}
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        return {**row, "skipped": f"ended with code {done.returncode}: {last[:120]}"}
    return {**row, **json.loads(done.stdout.strip().splitlines()[-1])}


def _memory(entry: str) -> float:
    """MiB of this process: ``VmRSS`` now, ``VmHWM`` at most; 0 where /proc is missing."""
    try:
        with open("/proc/self/status") as file:
            return next(int(line.split()[1]) / 1024 for line in file if line.startswith(entry))
    except (OSError, StopIteration):
        return 0.0


def _reset_peak() -> None:
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        pass


def _available() -> float:
    """MiB of memory that can be had."""
    try:
        with open("/proc/meminfo") as file:
            return next(int(line.split()[1]) / 1024 for line in file if line.startswith("MemAvailable"))
    except (OSError, StopIteration):
        return float("inf")


def _machine(asked: argparse.Namespace) -> dict:
    from faceviz.evaluation.provenance import provenance

    def version(name: str) -> str:
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            return "not installed"

    return {
        "processor": processor(), "cores": os.cpu_count(), "threads": asked.threads, "repeats": asked.repeats,
        "load": round(os.getloadavg()[0], 2), "system": platform.platform(), "python": platform.python_version(),
        "versions": {name: version(name) for name in PACKAGES}, "commit": provenance()["commit"],
        "date": datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"), "note": asked.note,
        "command": "python benchmarks/published.py " + " ".join(sys.argv[1:]),
    }  # fmt: skip


def _shown(row: dict) -> str:
    if "skipped" in row:
        return row["skipped"]
    return f"{row['seconds']:.2f} s ({row['cpu_seconds']:.2f} s of CPU), {row['peak_mib']:.0f} MiB"


def _table(report: dict) -> tuple[list[str], list[list[str]]]:
    rows, titles = report["rows"], _rivals()
    sizes = sorted({row["points"] for row in rows})
    header = ["implementation", "pass", *(f"{size:,} points" for size in sizes)]
    found = {(r["name"], r["task"], r["points"]): _shown(r) for r in rows}
    pairs = dict.fromkeys((row["name"], row["task"]) for row in rows)
    words = {"forward": "forward", "step": "forward and backward"}
    body = [
        [titles[name][0], words[task], *(found.get((name, task, n), "") for n in sizes)]
        for name, task in pairs
    ]
    return header, body


def _print(report: dict) -> None:
    from rich.console import Console
    from rich.table import Table

    header, body = _table(report)
    table = Table(*header, title="One block of the published network")
    for row in body:
        table.add_row(*row)
    Console(width=None if sys.stdout.isatty() else 160).print(table)


def _write(report: dict, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "published.json").write_text(json.dumps(report, indent=1) + "\n")
    (folder / "published.md").write_text(_markdown(report))


def _markdown(report: dict) -> str:
    header, body = _table(report)
    machine = report["machine"]
    lines = ["# One block of the published network", "", __doc__.split("\n\n")[2].replace("\n", " "), ""]
    lines += ["| " + " | ".join(row) + " |" for row in (header, ["---"] * len(header), *body)]
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    lines += [
        "",
        f"{machine['processor']}, {machine['cores']} cores, {machine['threads']} threads, load {machine['load']}; "
        f"least of {machine['repeats']} passes; {versions}; commit {machine['commit']}, {machine['date']}.",
        *(["", machine["note"]] if machine["note"] else []),
        "",
        f"`{machine['command']}`",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
