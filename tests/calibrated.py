"""A calibration that expects the same small error of every landmark, for tests without a network."""

from __future__ import annotations

import numpy as np

from faceviz.uncertainty import LEVELS, Calibration


def even_calibration(deviation: float = 0.02) -> Calibration:
    """Errors are Gaussian in a plane.

    Args:
        deviation: of every landmark, in radii of the face region.
    """
    return Calibration(
        offsets=np.full(68, 2.0 * np.log(deviation)),
        slopes=np.zeros(2),
        shapes=np.broadcast_to(np.eye(3) / 3.0, (68, 3, 3)).copy(),
        quantiles=np.sqrt(-np.log(1.0 - LEVELS)),
        usual=np.full(68, deviation),
        weights=None,
        record={},
    )
