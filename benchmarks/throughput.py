"""Scans a second against processes: landmarks of a folder of scans through a local Dask cluster of 1, 2, ... workers.

python benchmarks/throughput.py --workers 1 2 --scans 64
python benchmarks/throughput.py --workers 1 2 4 8 --scan face.obj --of 18760    # and what that many would take
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
import time
from pathlib import Path

from _machine import processor


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--scans", type=int, default=64, help="copies of the scan")
    parser.add_argument("--scan", type=Path, help="by default the sample that comes along")
    parser.add_argument("--of", type=int, default=18_760, help="how many scans to extrapolate to")
    asked = parser.parse_args()
    from faceviz import assets

    print(f"{processor()}, {len(os.sched_getaffinity(0))} of {os.cpu_count()} cores may be used")
    with tempfile.TemporaryDirectory() as place:
        scans = _copies(
            asked.scan or assets.path("scans/sample_neutral.ply"), Path(place) / "scans", asked.scans
        )
        first, contents = None, set()
        for workers in asked.workers:
            seconds, content = _measure(scans, Path(place) / f"{workers}.csv", workers)
            contents.add(content)
            rate = asked.scans / seconds
            first = first or rate / workers
            hours = asked.of / rate / 3600
            print(
                f"{workers} workers: {rate:.2f} scans a second, {rate / workers / first:.0%} of the pace a worker; "
                f"{asked.of:,} scans: {hours:.2f} h, {hours * workers:.2f} core hours"
            )
    print("the same results to the last bit" if len(contents) == 1 else "the results DIFFER")
    raise SystemExit(len(contents) != 1)


def _copies(scan: Path, folder: Path, count: int) -> Path:
    folder.mkdir()
    for number in range(count):
        shutil.copy(scan, folder / f"{number:05}{scan.suffix}")
    return folder


def _measure(scans: Path, out: Path, workers: int) -> tuple[float, str]:
    """Seconds once all workers have the network, and all results but their times."""
    from faceviz.batch import landmark_folder, read_results
    from faceviz.cluster import AHEAD, open_cluster

    with open_cluster(workers) as each:
        list(each(_load, range(AHEAD * workers)))
        began = time.perf_counter()
        landmark_folder(scans, out, each=each)
        seconds = time.perf_counter() - began
    rows = [(one.path, one.failure, one.landmarks, one.confidence) for one in read_results(out)]
    return seconds, repr([(p, f, x is None or x.tobytes(), c is None or c.tobytes()) for p, f, x, c in rows])


def _load(_: int) -> None:
    """So that each worker has the network before the clock starts."""
    from faceviz.evaluation.models import process_model

    time.sleep(0.2)
    process_model("se3unet")


if __name__ == "__main__":
    main()
