"""The largest change of any heatmap value under random rigid motions: rotation uniform, translation up to 10 radii.

python benchmarks/invariance.py --poses 1000
"""

from __future__ import annotations

import argparse


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="se3unet")
    parser.add_argument("--poses", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    asked = parser.parse_args()

    import numpy as np
    import torch

    from faceviz import assets
    from faceviz.io import read_scan
    from faceviz.pipeline import LandmarkPredictor
    from faceviz.testing import TOLERANCES, assert_equivariant

    torch.set_num_threads(asked.threads)
    predictor = LandmarkPredictor.from_pretrained(asked.model, device="cpu")
    cloud = predictor.prepare(read_scan(assets.path("scans/sample_neutral.ply"))).normalised
    for dtype in (np.float32, np.float64):
        predictor.network.to(torch.float32 if dtype == np.float32 else torch.float64)
        worst = assert_equivariant(
            predictor.heatmaps, cloud.astype(dtype), poses=asked.poses, seed=asked.seed, tolerance=1.0
        )
        limit = TOLERANCES[np.dtype(dtype).name]
        verdict = "kept" if worst <= limit else "MISSED"
        print(
            f"{np.dtype(dtype).name}: largest change {worst:.1e} over {asked.poses} poses of {len(cloud)} points "
            f"(seed {asked.seed}, {predictor.name}); at most {limit:.0e} is asked: {verdict}"
        )


if __name__ == "__main__":
    main()
