"""What one person looks like apart from shape: skin, hair, eyes, lips, glasses; drawn once a person."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

#: Linear reflectance of skin without pigment, and what melanin and blood take from it, red, green, blue.
_PALE = np.array([0.80, 0.64, 0.54], dtype=np.float32)
_MELANIN = np.array([0.41, 0.61, 0.82], dtype=np.float32)
_BLOOD = np.array([0.05, 0.48, 0.43], dtype=np.float32)

#: Linear hair colours: black, dark brown, brown, red, blond, grey, white.
_HAIR_COLOURS = np.array(
    [
        [0.012, 0.010, 0.009], [0.030, 0.017, 0.010], [0.085, 0.045, 0.022], [0.19, 0.065, 0.022],
        [0.36, 0.23, 0.11], [0.22, 0.21, 0.20], [0.55, 0.53, 0.50],
    ]
)  # fmt: skip
_DARK_HAIR, _ANY_HAIR = (0.62, 0.28, 0.03, 0.01, 0.0, 0.05, 0.01), (0.15, 0.27, 0.25, 0.05, 0.15, 0.09, 0.04)

#: Linear iris colours: dark brown, brown, hazel, green, blue, grey.
_IRIS_COLOURS = np.array(
    [
        [0.020, 0.010, 0.006], [0.070, 0.030, 0.012], [0.14, 0.085, 0.030], [0.095, 0.13, 0.065],
        [0.095, 0.17, 0.26], [0.20, 0.23, 0.25],
    ]
)  # fmt: skip
_DARK_EYES, _ANY_EYES = (0.7, 0.27, 0.03, 0.0, 0.0, 0.0), (0.14, 0.26, 0.16, 0.12, 0.22, 0.10)


@dataclass(frozen=True, slots=True, eq=False)
class Appearance:
    """One person's colours and adornments. Colours are linear reflectances in red, green, blue."""

    melanin: float  # 0 pale to 3.4 black
    blood: float  # 0 pale to 1 ruddy
    hair: np.ndarray  # (3,)
    brow_weight: float  # 0 none to 1.4 bushy
    beard: float  # 0 none, 0.3 shadow, 1 full
    moustache: float
    lip_tint: np.ndarray  # (3,) gain on the skin
    make_up: float  # 0 none to 1: eye line, lashes, lipstick
    wrinkles: float  # 0 smooth to 1 old
    freckles: float  # 0 to 1
    shine: float  # 0 matt to 1 oily
    iris: np.ndarray  # (3,)
    iris_mm: float  # radius
    hair_style: str  # "bald", "short", "long"
    beard_volume: bool  # the beard has a shape of its own
    glasses: str  # "none", "frames", "sun"
    collar: bool
    cloth: np.ndarray  # (3,)
    seed: int  # of everything drawn later for this person

    def skin(self, melanin: np.ndarray | float = 0.0, blood: np.ndarray | float = 0.0) -> np.ndarray:
        """exp(-pigment absorption) times pale skin; pigments are added to this person's, (..., 3) float32."""
        m = np.maximum(np.asarray(melanin, dtype=np.float32) + np.float32(self.melanin), 0.0)[..., None]
        b = np.maximum(np.asarray(blood, dtype=np.float32) + np.float32(self.blood), 0.0)[..., None]
        return _PALE * np.exp(-m * _MELANIN - b * _BLOOD)


def random_appearance(rng: np.random.Generator) -> Appearance:
    """A random person's looks; dark skin goes with dark hair and eyes, as it mostly does."""
    melanin = float(
        np.clip(rng.choice([rng.uniform(0.0, 1.0), rng.uniform(0.3, 3.0)], p=[0.5, 0.5]), 0.0, 3.0)
    )
    dark = rng.random() < np.clip((melanin - 0.3) / 0.6, 0.05, 0.97)
    male = rng.random() < 0.5
    bearded = male and rng.random() < 0.6
    beard = rng.choice([rng.uniform(0.05, 0.35), rng.uniform(0.35, 1.0)]) if bearded else 0.0
    moustache = np.clip(beard + rng.uniform(-0.3, 0.4), 0.0, 1.0) if bearded else 0.0
    make_up = 0.0 if male or rng.random() < 0.4 else rng.uniform(0.2, 1.0)
    hair = _mixed(_HAIR_COLOURS, _DARK_HAIR if dark else _ANY_HAIR, rng)
    return Appearance(
        melanin=melanin,
        blood=float(np.clip(rng.normal(0.5, 0.2), 0.1, 1.0)),
        hair=hair * rng.uniform(0.7, 1.3),
        brow_weight=float(rng.uniform(0.35, 1.0) + 0.3 * male),
        beard=float(beard),
        moustache=float(moustache),
        lip_tint=_lip_tint(make_up, rng),
        make_up=float(make_up),
        wrinkles=float(rng.beta(1.0, 1.8)),
        freckles=float(rng.uniform(0.2, 1.0) if melanin < 1.0 and rng.random() < 0.25 else 0.0),
        shine=float(rng.uniform(0.05, 1.0)),
        iris=_mixed(_IRIS_COLOURS, _DARK_EYES if dark else _ANY_EYES, rng),
        iris_mm=float(rng.uniform(5.5, 6.3)),
        hair_style=str(
            rng.choice(["bald", "short", "long"], p=[0.14, 0.56, 0.30] if male else [0.04, 0.30, 0.66])
        ),
        beard_volume=bool(beard > 0.7 and rng.random() < 0.5),
        glasses=str(rng.choice(["none", "frames", "sun"], p=[0.80, 0.17, 0.03])),
        collar=bool(rng.random() < 0.9),
        cloth=_cloth(rng),
        seed=int(rng.integers(2**31)),
    )


def _mixed(colours: np.ndarray, shares: tuple[float, ...], rng: np.random.Generator) -> np.ndarray:
    """A colour near one of the list, leaning to another."""
    first, second = rng.choice(len(colours), size=2, p=shares)
    lean = rng.uniform(0.0, 0.35)
    return (1.0 - lean) * colours[first] + lean * colours[second]


def _lip_tint(make_up: float, rng: np.random.Generator) -> np.ndarray:
    green = rng.uniform(0.50, 0.74)
    natural = np.array([rng.uniform(0.74, 0.98), green, green * rng.uniform(0.98, 1.14)])
    if rng.random() > make_up:
        return natural
    depth = rng.uniform(0.04, 0.40)
    lipstick = np.array([rng.uniform(0.45, 0.95), depth, depth * rng.uniform(0.9, 1.8)])
    return natural + (lipstick - natural) * rng.uniform(0.4, 1.0)


def _cloth(rng: np.random.Generator) -> np.ndarray:
    grey = rng.beta(0.7, 1.2)
    return np.clip(grey * rng.uniform(0.3, 1.0, 3) ** rng.choice([0.15, 1.5]), 0.005, 0.85)
