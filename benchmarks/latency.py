"""How long a move of a slider takes to reach the screen, stage by stage, in the real app and a real Chromium.

    python benchmarks/latency.py --moves 40
    python benchmarks/latency.py --first-paint

Quiet the machine first: Chromium draws in software where there is no graphics card, on the cores that the network uses.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from _machine import processor

ROOT = Path(__file__).parents[1]
FLAGS = ["--no-sandbox", "--disable-background-networking", "--no-first-run"]
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

#: From the first to the second mark; what came before the slider's event does not count.
STAGES = (
    ("slider to server", "slider", "move taken"),
    ("server sends the moved picture", "move taken", "move sent"),
    ("moved picture: server to browser", "move sent", "pose arrives"),
    ("moved picture: waits for a frame", "pose arrives", "paint begins"),
    ("waits for the worker", "move taken", "work begins"),
    ("graph, network, landmarks", "work begins", "work ends"),
    ("waits for the page's thread", "work ends", "answer taken"),
    ("server makes and sends the heat", "answer taken", "answer sent"),
    ("heat: server to browser", "answer taken", "heat arrives"),
    ("heat: waits for a frame", "heat arrives", "heat begins"),
    ("heat: drawn", "heat begins", "heat ends"),
    ("heat: presented", "heat ends", "presented"),
)
WHOLE = (
    ("SLIDER TO MOVED PICTURE", "slider", "paint ends"),
    ("SLIDER TO HEAT, DRAWN", "slider", "heat ends"),
    ("SLIDER TO HEAT, PRESENTED", "slider", "presented"),
)

#: Milliseconds from the request to the first text or picture on the screen.
FIRST_PAINT = "performance.getEntriesByName('first-contentful-paint')[0].startTime"

#: Moves a slider and waits for the heat to be drawn, and for the frame after, when it has been presented.
MOVE = """
([slider, value]) => new Promise((done) => {
  const find = (node, css) => {
    for (const e of node.querySelectorAll("*")) {
      if (e.matches(css)) return e;
      const inside = e.shadowRoot && find(e.shadowRoot, css);
      if (inside) return inside;
    }
  };
  const now = () => (performance.timeOrigin + performance.now()) / 1000;
  const viewer = find(document, ".fv");
  const range = find(document, `#slider-${slider}`);
  const heats = viewer.dataset.heats;
  window.facevizTrace = [{ stage: "slider", at: now() }];
  new MutationObserver((_, observer) => {
    if (viewer.dataset.heats === heats) return;
    observer.disconnect();
    requestAnimationFrame(() => requestAnimationFrame(() => {
      window.facevizTrace.push({ stage: "presented", at: now() });
      done(window.facevizTrace);
    }));
  }).observe(viewer, { attributes: true });
  range.value = value;
  range.dispatchEvent(new Event("input"));
})
"""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--moves", type=int, default=40)
    parser.add_argument("--pause", type=float, default=0.6, help="seconds between two moves")
    parser.add_argument(
        "--vertices", type=int, help="heat on a mesh of so many vertices, dropped on the page"
    )
    parser.add_argument("--json", type=Path, help="write all times there")
    parser.add_argument(
        "--first-paint",
        action="store_true",
        help="only how long the first page takes from the server's start",
    )
    asked = parser.parse_args()
    if asked.first_paint:
        return first_paint()
    with tempfile.TemporaryDirectory() as folder:
        trace = Path(folder) / "trace.jsonl"
        with served(trace) as address, opened(address) as page:
            if asked.vertices:
                print(f"heat on a mesh of {drop_mesh(page, asked.vertices, Path(folder)):,} vertices")
            moves = [measured(page, trace, 3.0 * i + 3.0, asked.pause) for i in range(asked.moves + 3)][3:]
    report(moves)
    if asked.json:
        asked.json.write_text(json.dumps(moves, indent=1))


def first_paint(times: int = 3) -> None:
    """From the start of the server, the browser being open already; the least and the most of several starts."""
    from playwright.sync_api import sync_playwright

    print(f"{processor()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.2f}; {times} starts")
    rows: list[tuple[float, ...]] = []
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        for _ in range(times):
            browser = playwright.chromium.launch(executable_path=_chromium(), args=FLAGS)
            page = browser.new_page(viewport={"width": 1280, "height": 720})
            page.set_default_timeout(180_000)
            start = time.perf_counter()
            with served(Path(folder) / "trace.jsonl") as address:
                up = time.perf_counter() - start
                page.goto(address)
                page.get_by_role("combobox", name="Scan", exact=True).wait_for()
                shown = time.perf_counter() - start
                page.locator(".fv[data-drawn]").wait_for()
                drawn = time.perf_counter() - start
                rows.append((up, up + page.evaluate(FIRST_PAINT) / 1000, shown, drawn))
            browser.close()
    for name, column in zip(
        ("the server answers", "first contentful paint", "the page is there", "the scan is drawn"),
        zip(*rows, strict=True),
        strict=True,
    ):
        print(f"{name} after {min(column):.1f} to {max(column):.1f} s")


def drop_mesh(page, vertices: int, folder: Path) -> int:
    """The neutral sample, each triangle cut into four, of which so many are kept; its number of vertices."""
    import numpy as np
    import trimesh

    from faceviz.io import read_scan, write_scan

    scan = read_scan(ROOT / "assets/scans/sample_neutral.ply")
    points, triangles = trimesh.remesh.subdivide(scan.points, scan.triangles)
    front = np.argsort(-points[triangles].mean(axis=1)[:, 2], kind="stable")
    low, high = 1, len(front)
    while low < high:  # the fewest triangles, from the front, that have enough vertices
        middle = (low + high) // 2
        enough = len(np.unique(triangles[front[:middle]])) >= vertices
        low, high = (low, middle) if enough else (middle + 1, high)
    used, corners = np.unique(triangles[front[:low]], return_inverse=True)
    mesh = scan.with_(points=points[used], triangles=corners.reshape(-1, 3))
    write_scan(folder / "mesh.npz", mesh)
    page.locator("input[type=file]").first.set_input_files(folder / "mesh.npz")
    page.get_by_text(f"{len(used):,} points").first.wait_for()
    time.sleep(3.0)
    return len(used)


def measured(page, trace: Path, value: float, pause: float) -> dict[str, float]:
    """Seconds of every mark after the slider's event; of marks passed twice, the last before the heat was drawn."""
    trace.write_text("")
    browser = page.evaluate(MOVE, [1, value])
    time.sleep(pause)
    server = [json.loads(line) for line in trace.read_text().splitlines()]
    start = browser[0]["at"]
    marks = {line["stage"]: line["at"] - start for line in reversed(server)}
    marks |= {line["stage"]: line["at"] - start for line in reversed(browser)}
    arrived = marks.get("heat arrives", 0.0)
    for line in browser:
        after = line["at"] - start
        name = {"paint begins": "heat begins", "paint ends": "heat ends"}.get(line["stage"])
        if name and after >= arrived:
            marks.setdefault(name, after)
    return marks


def report(moves: list[dict[str, float]]) -> None:
    import numpy as np

    print(f"{processor()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.2f}; {len(moves)} moves")
    print(f"{'milliseconds':36s}{'least':>8s}{'median':>8s}{'95 %':>8s}")
    for name, begin, end in STAGES + WHOLE:
        times = [1000 * (m[end] - m[begin]) for m in moves if begin in m and end in m]
        if times:
            print(
                f"{name:36s}{min(times):8.1f}{np.median(times):8.1f}{np.quantile(times, 0.95):8.1f}"
                + ("" if len(times) == len(moves) else f"   ({len(times)} moves)")
            )


@contextmanager
def served(trace: Path) -> Iterator[str]:
    """The address of the app, which writes its marks to a file."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "faceviz.cli", "app", "--port", str(port)]
    process = subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, "FACEVIZ_TRACE": str(trace)}, stdout=subprocess.DEVNULL
    )
    try:
        _wait_for(f"http://127.0.0.1:{port}/favicon.ico", process)
        yield f"http://127.0.0.1:{port}/landmarks"
    finally:
        process.terminate()
        process.wait(timeout=20)


@contextmanager
def opened(address: str):
    """The page in Chromium, its first heat drawn."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_chromium(), args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        page.set_default_timeout(180_000)
        page.goto(address)
        page.locator(".fv[data-drawn]").wait_for()
        time.sleep(3.0)
        yield page
        browser.close()


def _chromium() -> str | None:
    return next((found for found in map(shutil.which, BROWSERS) if found), None)


def _wait_for(address: str, process: subprocess.Popen, seconds: float = 180.0) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if process.poll() is not None:
            raise SystemExit("the server ended")
        try:
            urllib.request.urlopen(address, timeout=2)
            return
        except OSError as error:
            if getattr(error, "code", None):
                return
            time.sleep(0.2)
    raise SystemExit("the server does not answer")


if __name__ == "__main__":
    main()
