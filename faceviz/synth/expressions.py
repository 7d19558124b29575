"""Random facial expressions as weights of ARKit-named blend shapes."""

from __future__ import annotations

import re

import numpy as np

#: Whole expressions as (lowest, highest) weight of each blend shape; sides are filled in.
PRESETS: dict[str, dict[str, tuple[float, float]]] = {
    "smile": {
        "mouthSmile": (0.4, 1.0),
        "cheekSquint": (0.0, 0.6),
        "mouthUpperUp": (0.0, 0.3),
        "jawOpen": (0.0, 0.15),
    },
    "open": {"jawOpen": (0.25, 0.85), "mouthLowerDown": (0.0, 0.4), "browInnerUp": (0.0, 0.4)},
    "surprise": {
        "jawOpen": (0.2, 0.6),
        "browInnerUp": (0.4, 1.0),
        "browOuterUp": (0.4, 1.0),
        "eyeWide": (0.3, 1.0),
    },
    "anger": {
        "browDown": (0.5, 1.0),
        "noseSneer": (0.2, 0.8),
        "mouthPress": (0.0, 0.8),
        "eyeSquint": (0.2, 0.8),
    },
    "sadness": {"browInnerUp": (0.4, 1.0), "mouthFrown": (0.4, 1.0), "mouthShrugLower": (0.0, 0.6)},
    "pucker": {"mouthPucker": (0.4, 1.0), "mouthFunnel": (0.0, 0.4)},
    "funnel": {"mouthFunnel": (0.3, 0.9), "jawOpen": (0.05, 0.3)},
    "grin": {
        "mouthSmile": (0.4, 0.9),
        "mouthStretch": (0.2, 0.8),
        "mouthUpperUp": (0.2, 0.8),
        "jawOpen": (0.0, 0.1),
    },
    "cheeks": {"cheekPuff": (0.4, 1.0)},
    "chin_raiser": {"mouthShrugLower": (0.4, 1.0), "mouthShrugUpper": (0.2, 0.8)},
    "lip_roll": {"mouthRollLower": (0.3, 0.9), "mouthRollUpper": (0.3, 0.9)},
}

#: Chance of a neutral face, of one preset; the rest is a sparse random mixture.
_NEUTRAL, _PRESET = 0.3, 0.45
_EYES_CLOSED = 0.22
_SPARSE_EXCLUDED = ("mouthClose", "tongueOut", "jawOpen", "eyeBlink")


def arkit_name(name: str) -> str:
    """The ARKit spelling of a blend shape's name.

    >>> arkit_name("mouthSmile_L")
    'mouthSmileLeft'
    """
    return re.sub(r"_R$", "Right", re.sub(r"_L$", "Left", name))


def stem(name: str) -> str:
    """The name without its side: ``"eyeBlinkLeft"`` -> ``"eyeBlink"``; ``mouthLeft`` and ``jawLeft`` stay."""
    if name in ("mouthLeft", "mouthRight", "jawLeft", "jawRight"):
        return name
    return re.sub(r"(Left|Right)$", "", name)


def random_expression(names: tuple[str, ...], rng: np.random.Generator) -> np.ndarray:
    """Weights (E,) float32 of one random expression: neutral, one of the presets, or a sparse mixture."""
    stems = [stem(name) for name in names]
    wanted: dict[str, float] = {}
    draw = rng.random()
    if _NEUTRAL <= draw < _NEUTRAL + _PRESET:
        preset = PRESETS[sorted(PRESETS)[rng.integers(len(PRESETS))]]
        wanted = {name: rng.uniform(*limits) for name, limits in preset.items()}
    elif draw >= _NEUTRAL + _PRESET:
        wanted = _sparse(sorted(set(stems)), rng)
    if rng.random() < _EYES_CLOSED:
        wanted["eyeBlink"] = rng.uniform(0.7, 1.0)
        wanted.pop("eyeWide", None)
    return _with_sides(stems, wanted, rng)


def _sparse(stems: list[str], rng: np.random.Generator) -> dict[str, float]:
    """Two to six shapes at moderate weight."""
    free = [name for name in stems if name not in _SPARSE_EXCLUDED]
    chosen = rng.choice(len(free), size=rng.integers(2, 7), replace=False)
    wanted = {free[i]: rng.uniform(0.1, 0.7) for i in chosen}
    if rng.random() < 0.3:
        wanted["jawOpen"] = rng.uniform(0.03, 0.4)
    for left, right in (("mouthLeft", "mouthRight"), ("jawLeft", "jawRight")):
        if left in wanted:
            wanted.pop(right, None)
    return wanted


def _with_sides(stems: list[str], wanted: dict[str, float], rng: np.random.Generator) -> np.ndarray:
    """Each side at its own strength, 15 % apart at most; eyelids keep theirs, so that closed eyes are closed."""
    gains = rng.uniform(0.85, 1.0, len(stems))
    weights = [
        wanted.get(s, 0.0) * (1.0 if s == "eyeBlink" else gain) for s, gain in zip(stems, gains, strict=True)
    ]
    return np.array(weights, dtype=np.float32)
