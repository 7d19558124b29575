"""The settings of the published network, and its mistakes by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from faceviz.errors import ConfigError, nearest_name
from faceviz.graph import GraphSettings
from faceviz.models.published.basis import SIGNS
from faceviz.models.published.fibers import MAX_DEGREE, Fiber
from faceviz.models.published.layers import MIXES
from faceviz.models.settings import check_keys

POOLINGS = ("sum", "mean", "max")
BACKENDS = ("dense", "dgl")


@dataclass(frozen=True)
class Compat:
    """What the original does otherwise than it should; each can be mended alone.

    Attributes:
        absolute_input: the feature of degree 1 that goes in is the position itself, not its difference to the centroid,
            so that a shifted scan is another input.
        vector_head: the heatmaps come from the three raw components of a vector, which turn with the scan.
        mistaken_pool_positions: the edges of a coarse level are measured at points of the level above that happen to
            have the coarse points' numbers.
        aggregated_skip: pooling overwrites the features before the skip connection takes them.
        mistaken_up_distances: inverse-distance weights belong to edges with the number of a point.
        known_by_value: a channel that is zero counts as unknown in upsampling.
        componentwise_max: max pooling compares the components of vectors, not their lengths.
        hard_edges: the last of the k neighbours has full weight, so that a change of neighbours causes a jump.
        sharp_norm: the direction of a vanishing feature is taken as it is, down to rounding.
        original_rounding: every operation in the original's order, see ``faceviz.models.published.rounding``; an edge
            of length zero has a direction, and radial networks see the distance twice.
        shared_start: farthest points start at one index for the whole batch, nearest its mean centroid on average.
        single_precision: neighbours and farthest points are chosen by distances in single precision.
    """

    absolute_input: bool = False
    vector_head: bool = False
    mistaken_pool_positions: bool = False
    aggregated_skip: bool = False
    mistaken_up_distances: bool = False
    known_by_value: bool = False
    componentwise_max: bool = False
    hard_edges: bool = False
    sharp_norm: bool = False
    original_rounding: bool = False
    shared_start: bool = False
    single_precision: bool = False

    @classmethod
    def all(cls) -> Compat:
        """As published."""
        return cls(**{entry.name: True for entry in fields(cls)})


@dataclass(frozen=True)
class PublishedConfig:
    """The U-Net of Ferraretto (2024); the defaults are its sizes, with every mistake mended.

    Attributes:
        levels: how often the cloud is pooled.
        points: of the cloud that a predictor chooses from a scan; a cloud given as it is may have any number.
        k: neighbours of a point at the finest level; a coarser level keeps those that remain.
        max_degree: features inside a block have degrees 0 to this.
        hidden: channels of each degree inside a block.
        between: vectors (degree 1) that pass from block to block.
        layers: attention layers with a norm nonlinearity, in each block, before its last attention layer.
        heads, div, skip, relative: see ``faceviz.models.published.layers.AttentionLayer``.
        self_interaction, last_self_interaction: in all layers but the last of the network, and in this.
        radial: width of the radial networks.
        pooling: ``sum``, ``mean`` or ``max`` over the neighbours.
        pooling_ratio: the fraction of points that is dropped.
        power: of the distance in upsampling.
        head_scalars, head_vectors: channels of degree 0 and 1 that the head reads.
        head_hidden: width of the head.
        landmarks: heatmaps at the output.
        signs: of the change of basis, see ``faceviz.models.published.basis.SIGNS``.
        softness: length below which the norm nonlinearity lets a direction fade.
        knots: distances at which the radial functions of a cloud, in training of a batch, are evaluated, about; between
            them they are linear,
            see ``faceviz.models.published.edges``. 0, or any mistake switched on, evaluates them at every edge.
        backend: of the attention, ``dense`` or ``dgl``.
        compat: mistakes to be reproduced.

    Raises:
        ConfigError: a setting that cannot work.
    """

    levels: int = 1
    points: int = 1024
    k: int = 40
    max_degree: int = 2
    hidden: int = 5
    between: int = 1
    layers: int = 2
    heads: int = 1
    div: int = 1
    skip: str = "cat"
    relative: str = "add"
    self_interaction: str = "1x1"
    last_self_interaction: str = "att"
    radial: int = 32
    pooling: str = "sum"
    pooling_ratio: float = 0.35
    power: float = 2.0
    head_scalars: int = 0
    head_vectors: int = 1
    head_hidden: int = 128
    landmarks: int = 68
    signs: str = "positive"
    softness: float = 0.1
    knots: int = 2560
    backend: str = "dense"
    compat: Compat = field(default_factory=Compat)

    def __post_init__(self) -> None:
        for name in ("points", "k", "hidden", "between", "layers", "heads", "div", "radial", "head_hidden"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} must be at least 1, got {getattr(self, name)}")
        if min(self.levels, self.head_scalars, self.head_vectors, self.knots) < 0:
            raise ConfigError("levels, head_scalars, head_vectors and knots cannot be negative")
        if not 1 <= self.max_degree <= MAX_DEGREE:
            raise ConfigError(f"max_degree must be 1 to {MAX_DEGREE}, got {self.max_degree}")
        if not 0.0 <= self.pooling_ratio < 1.0:
            raise ConfigError(
                f"pooling_ratio is the fraction dropped, 0 to below 1, got {self.pooling_ratio}"
            )
        if self.power <= 0.0:
            raise ConfigError(f"power must be positive, got {self.power}")
        for name, known in (
            ("pooling", POOLINGS), ("skip", ("cat", "sum")), ("relative", ("add", "cat", "none")),
            ("signs", tuple(SIGNS)), ("backend", BACKENDS),
            ("self_interaction", tuple(MIXES)), ("last_self_interaction", tuple(MIXES)),
        ):  # fmt: skip
            if getattr(self, name) not in known:
                value = getattr(self, name)
                raise ConfigError(f"{name} cannot be {value!r}{nearest_name(str(value), known)}")
        if self.compat.vector_head and (self.head_scalars or self.head_vectors != 1):
            raise ConfigError("compat.vector_head needs head_vectors 1 and head_scalars 0")
        Fiber.full(self.max_degree, self.hidden).divided(self.div, self.heads)
        self.head_fiber  # noqa: B018 raises where there is no channel

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> PublishedConfig:
        """Strict: an unknown key is an error that names the nearest."""
        check_keys(values, cls)
        compat = values.get("compat", {})
        if not isinstance(compat, Mapping):
            raise ConfigError("compat must hold the names of mistakes with true or false")
        check_keys(compat, Compat)
        return cls(**{**values, "compat": Compat(**compat)})

    def to_dict(self) -> dict[str, Any]:
        """As plain values, for ``config.json``."""
        return asdict(self)

    @property
    def head_fiber(self) -> Fiber:
        return Fiber({0: self.head_scalars, 1: self.head_vectors})

    def group_size(self, points: int) -> int:
        """Edges that share their radial functions, on a level of so many points a cloud."""
        if not self.knots or self.compat != Compat():
            return 1
        return max(1, points * self.k // self.knots)

    @property
    def graph(self) -> GraphSettings:
        """What a predictor must know of the cloud."""
        return GraphSettings((self.points,), self.k)


#: The network whose weights were published, with every mistake of its code.
AS_PUBLISHED = PublishedConfig(signs="checkpoint", compat=Compat.all())
