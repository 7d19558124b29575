"""The largest change of any heatmap value under random rigid motions: rotation uniform, translation up to 10 radii.

python benchmarks/invariance.py --poses 1000
python benchmarks/invariance.py --poses 1000 --mended     # the published network with its mistakes mended
"""

from __future__ import annotations

import argparse


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="se3unet")
    parser.add_argument(
        "--mended", action="store_true", help="the published network, one level, mended, with random weights"
    )
    parser.add_argument("--types", nargs="+", default=["float32", "float64"], metavar="TYPE")
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
    if asked.mended:
        predictor = _mended()
    for dtype in map(np.dtype, asked.types):
        predictor.network.to(getattr(torch, dtype.name))
        worst = assert_equivariant(
            predictor.heatmaps, cloud.astype(dtype), poses=asked.poses, seed=asked.seed, tolerance=1.0
        )
        limit = TOLERANCES[dtype.name]
        verdict = "kept" if worst <= limit else "MISSED"
        print(
            f"{dtype.name}: largest change {worst:.1e} over {asked.poses} poses of {len(cloud)} points "
            f"(seed {asked.seed}, {predictor.name}); at most {limit:.0e} is asked: {verdict}"
        )


def _mended():  # noqa: ANN202
    import torch

    from faceviz.models.published.config import PublishedConfig
    from faceviz.models.published.unet import PublishedUnet
    from faceviz.pipeline import LandmarkPredictor

    torch.manual_seed(0)
    return LandmarkPredictor(
        PublishedUnet(PublishedConfig()).eval(), name="published, mended, untrained", device="cpu"
    )


if __name__ == "__main__":
    main()
