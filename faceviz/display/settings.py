"""What a person has chosen to see, as frozen data shared by the web page, notebooks and files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from faceviz.display.colormaps import NAMES as COLORMAPS
from faceviz.errors import ConfigError, nearest_name
from faceviz.geometry.transforms import RigidTransform, euler_to_rotation
from faceviz.landmarks import LANDMARK_COUNT

Triple = tuple[float, float, float]


class Settings(BaseModel):
    """Made through ``Settings.of``, which answers a wrong key or value with a one-line ConfigError.

    Args:
        landmark: whose heat is shown; None for all at once.
        threshold: heat at and above which a point counts for the IoU.
        colormap: one of ``faceviz.display.colormaps.NAMES``.
        body: what carries the colours: the scan's surface, its points, or the points that the network sees.
        beside: the second pane: the truth, the absolute difference, another model, or nothing.
        model: name or folder of the network; empty for the default.
        second: that of the other model.
        protocol: how a motion reaches the network: ``st`` as it is, ``icp`` after alignment back onto the unmoved scan,
            ``none`` not at all.
        rotation_deg: turns about the fixed x, then y, then z axis through the scan's centre, in degrees.
        translation: shift after the turn, in the scan's unit.
        show_landmarks: whether the 68 positions are drawn.
        show_uncertainty: whether the regions are drawn in which their truths lie at 95 %.
        dark: dark background.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    landmark: int | None = Field(default=None, ge=0, lt=LANDMARK_COUNT)
    threshold: float = Field(default=0.2, gt=0.0, lt=1.0)
    colormap: str = "ember"
    body: Literal["surface", "points", "network"] = "surface"
    beside: Literal["truth", "difference", "model", "nothing"] = "truth"
    model: str = ""
    second: str = ""
    protocol: Literal["none", "icp", "st"] = "st"
    rotation_deg: Triple = (0.0, 0.0, 0.0)
    translation: Triple = (0.0, 0.0, 0.0)
    show_landmarks: bool = True
    show_uncertainty: bool = False
    dark: bool = False

    @field_validator("colormap")
    @classmethod
    def _known_map(cls, name: str) -> str:
        if name not in COLORMAPS:
            raise ValueError(f"{name!r} does not exist{nearest_name(name, COLORMAPS)}")
        return name

    @classmethod
    def of(cls, values: Mapping[str, Any] | None = None, **more: Any) -> Settings:
        """Settings from a mapping, such as a session file.

        Raises:
            ConfigError: a key that does not exist (the message names the nearest), or a value that does not fit.
        """
        merged = {**(values or {}), **more}
        for key in merged:
            if key not in cls.model_fields:
                raise ConfigError(f"setting {key!r} does not exist{nearest_name(str(key), cls.model_fields)}")
        try:
            return cls(**merged)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise ConfigError(f"setting {where}: {first['msg']}") from None

    def with_(self, **changes: Any) -> Settings:
        """A copy with some values changed, checked as strictly as a new one."""
        return self.of(self.model_dump(), **changes)

    def to_query(self) -> dict[str, str]:
        """What differs from the defaults, as text for a web address."""
        values = self.model_dump(exclude_defaults=True, exclude={"dark"})
        return {
            key: ",".join(f"{part:g}" for part in value) if isinstance(value, tuple) else str(value)
            for key, value in values.items()
        }

    @classmethod
    def from_query(cls, query: Mapping[str, str]) -> Settings:
        """The inverse of ``to_query``.

        Raises:
            ConfigError: as for ``of``.
        """
        lists = ("rotation_deg", "translation")
        return cls.of({key: value.split(",") if key in lists else value for key, value in query.items()})

    def pose(self, centre: np.ndarray) -> RigidTransform:
        """``x -> R (x - c) + c + t``: the turn about the scan's centre (3,), then the shift."""
        rotation = euler_to_rotation(*np.deg2rad(self.rotation_deg))
        return RigidTransform(rotation, centre - rotation @ centre + np.array(self.translation))


def rotation_to_degrees(rotation: np.ndarray) -> Triple:
    """The angles of ``euler_to_rotation``, in degrees, of a rotation matrix (3, 3); y within +-90."""
    from scipy.spatial.transform import Rotation

    x, y, z = Rotation.from_matrix(rotation).as_euler("xyz", degrees=True)
    return float(x), float(y), float(z)
