"""The largest change of any heatmap value under random rigid motions: rotation uniform, translation up to 10 radii.

A cloud is stored in its type after it was moved: 10 radii away, float32 rounds its points to 5e-7 of a radius. What
that alone does, before any network, is told by --exact: the points are rounded, and all else is done in float64.

python benchmarks/invariance.py --poses 1000
python benchmarks/invariance.py --poses 1000 --model ferraretto2024_mended --types float32 --translation 1
python benchmarks/invariance.py --poses 1000 --model ferraretto2024_mended --types float32 --exact
"""

from __future__ import annotations

import argparse


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="se3unet")
    parser.add_argument("--types", nargs="+", default=["float32", "float64"], metavar="TYPE")
    parser.add_argument("--poses", type=int, default=1000)
    parser.add_argument("--translation", type=float, default=10.0, metavar="RADII", help="at most (10)")
    parser.add_argument("--exact", action="store_true", help="the type is that of the points alone")
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
    for dtype in map(np.dtype, asked.types):
        worked = np.dtype("float64") if asked.exact else dtype
        predictor.network.to(getattr(torch, worked.name))
        kind = f"{dtype.name} points, else float64" if asked.exact else dtype.name
        worst = assert_equivariant(
            lambda points, worked=worked: predictor.heatmaps(points.astype(worked)),
            cloud.astype(dtype),
            poses=asked.poses,
            max_translation=asked.translation,
            seed=asked.seed,
            tolerance=1.0,
        )
        limit = TOLERANCES[dtype.name]
        verdict = "kept" if worst <= limit else "MISSED"
        print(
            f"{kind}: largest change {worst:.1e} over {asked.poses} poses of {len(cloud)} points "
            f"up to {asked.translation:g} radii away (seed {asked.seed}, {predictor.name}); "
            f"at most {limit:.0e} is asked: {verdict}"
        )


if __name__ == "__main__":
    main()
