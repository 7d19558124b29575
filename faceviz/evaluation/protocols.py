"""The seven columns of Table 1 in "SE3-Unet" (Ferraretto, 2024): how a scan is moved before the network sees it.

``none`` leaves it. ``st_*`` turn it (uniform on SO(3)), shift it (up to 10 units) or both. ``icp_*`` do the same and
then bring it back onto a reference scan: centre, Procrustes on the true landmarks, point-to-point ICP.
Frames are the network's: centroid 0 and radius 1 before the move.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from faceviz.errors import ConfigError, nearest_name
from faceviz.geometry.alignment import ICP_THRESHOLD, icp, procrustes
from faceviz.geometry.sampling import farthest_point_order
from faceviz.geometry.transforms import RigidTransform, random_pose
from faceviz.scan import FaceScan

MAX_TRANSLATION = 10.0
POINTS = 1024


@dataclass(frozen=True, slots=True)
class Protocol:
    """One column: what is done to a scan, and whether that is undone by alignment."""

    name: str
    rotate: bool = False
    translate: bool = False
    realign: bool = False


PROTOCOLS: dict[str, Protocol] = {
    protocol.name: protocol
    for protocol in (
        Protocol("none"),
        Protocol("icp_r", rotate=True, realign=True),
        Protocol("icp_t", translate=True, realign=True),
        Protocol("icp_rt", rotate=True, translate=True, realign=True),
        Protocol("st_r", rotate=True),
        Protocol("st_t", translate=True),
        Protocol("st_rt", rotate=True, translate=True),
    )
}


@dataclass(frozen=True, slots=True, eq=False)
class NormalisedScan:
    """A scan in the network's frame: its points by farthest points, centroid 0, radius 1; its landmarks with them."""

    points: np.ndarray  # (N, 3), N <= 1024
    landmarks: np.ndarray  # (68, 3)
    radius: float  # of the sampled cloud, in the scan's unit

    def moved(self, transform: RigidTransform) -> NormalisedScan:
        return NormalisedScan(transform.apply(self.points), transform.apply(self.landmarks), self.radius)


def choose_protocols(names: str) -> tuple[Protocol, ...]:
    """``"all"``, or names joined by commas.

    Raises:
        ConfigError: an unknown name; the message offers the nearest.
    """
    wanted = list(PROTOCOLS) if names.strip() == "all" else [name.strip() for name in names.split(",")]
    for name in wanted:
        if name not in PROTOCOLS:
            raise ConfigError(f"there is no protocol {name!r}{nearest_name(name, [*PROTOCOLS, 'all'])}")
    return tuple(PROTOCOLS[name] for name in dict.fromkeys(wanted))


def normalise(scan: FaceScan, count: int = POINTS) -> NormalisedScan:
    """At most ``count`` points by farthest points, then ``x -> (x - centroid) / radius``."""
    if scan.landmarks is None:
        raise ConfigError(
            f"{scan.source}: the scan has no true landmarks to compare with; evaluation needs 68"
        )
    points = scan.points[farthest_point_order(scan.points, min(count, len(scan)))]
    centre = points.mean(axis=0)
    radius = float(np.linalg.norm(points - centre, axis=1).max())
    return NormalisedScan((points - centre) / radius, (scan.landmarks - centre) / radius, radius)


def perturbation(protocol: Protocol, seed: int, index: int) -> RigidTransform:
    """The move of scan ``index``: the same rotation and the same shift in every protocol that has them."""
    whole = random_pose(np.random.default_rng([seed, index]), MAX_TRANSLATION)
    still = RigidTransform.identity()
    return RigidTransform(
        whole.rotation if protocol.rotate else still.rotation,
        whole.translation if protocol.translate else still.translation,
    )


def realignment(scan: NormalisedScan, reference: NormalisedScan) -> RigidTransform:
    """Brings a moved scan onto the reference: centre, Procrustes on the landmarks, ICP with threshold 0.02."""
    centre, goal = scan.points.mean(axis=0), reference.points.mean(axis=0)
    turn = procrustes(scan.landmarks, reference.landmarks).rotation
    first = RigidTransform(turn, goal - turn @ centre)
    return icp(scan.points, reference.points, ICP_THRESHOLD, init=first, max_iterations=2000).transform


def apply_protocol(
    protocol: Protocol, scan: NormalisedScan, reference: NormalisedScan, seed: int, index: int
) -> NormalisedScan:
    """What the network is shown under a protocol."""
    moved = scan.moved(perturbation(protocol, seed, index))
    return moved.moved(realignment(moved, reference)) if protocol.realign else moved
