"""From light to file: exposure, white balance, tone curve, blur, noise and JPEG of an ordinary camera."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from faceviz.synth.lighting import tint


@dataclass(frozen=True, slots=True, eq=False)
class Sensor:
    """One camera's settings; fixed within a clip, drawn anew for another photograph."""

    gain: float  # brightness of the face relative to what the picture aims at
    balance: np.ndarray  # (3,) white balance
    contrast: float  # exponent of the tone curve about middle grey
    saturation: float
    blur: float  # pixels
    motion: tuple[float, float]  # pixels, streak of a moving camera
    noise: float  # of a bright pixel, share of full scale
    quality: int  # of JPEG
    grey: bool

    def develop(self, light: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """A picture (S, S, 3) uint8 RGB of linear light (S, S, 3)."""
        import cv2

        image = np.maximum(light * (self.gain * self.balance).astype(np.float32), 0.0)
        image = _blurred(image, self.blur, self.motion)
        grain = rng.standard_normal(image.shape, dtype=np.float32)
        image = image + grain * self.noise * np.sqrt(np.maximum(image, 0.0) + 0.01)
        image = _tone(image, self.contrast)
        grey = image @ np.array([0.299, 0.587, 0.114], dtype=np.float32)
        image = grey[..., None] + (0.0 if self.grey else self.saturation) * (image - grey[..., None])
        coded = np.clip(255.0 * image + 0.5, 0, 255).astype(np.uint8)
        packed = cv2.imencode(".jpg", coded[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, self.quality])[1]
        return np.ascontiguousarray(np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR))[..., ::-1])


def random_sensor(light_colour: np.ndarray, rng: np.random.Generator) -> Sensor:
    """A phone, a webcam, a good camera.

    Args:
        light_colour: (3,) of the scene's light; the white balance takes most of it out.
    """
    neutral = light_colour / light_colour.mean()
    balance = neutral ** -rng.uniform(0.5, 1.0) * tint(rng.normal(0.0, 0.06))
    soft = rng.random()
    angle, length = rng.uniform(0, np.pi), rng.exponential(1.2) if rng.random() < 0.2 else 0.0
    return Sensor(
        gain=float(np.exp(rng.normal(0.0, 0.28))),
        balance=balance / balance.mean(),
        contrast=float(np.exp(rng.normal(0.08, 0.15))),
        saturation=float(np.clip(rng.normal(1.08, 0.2), 0.4, 1.6)),
        blur=float(rng.uniform(0.2, 0.8) if soft < 0.7 else rng.uniform(0.8, 2.2)),
        motion=(float(length * np.cos(angle)), float(length * np.sin(angle))),
        noise=float(np.exp(rng.uniform(np.log(0.004), np.log(0.07)))),
        quality=int(rng.integers(45, 98)),
        grey=bool(rng.random() < 0.05),
    )


def _blurred(image: np.ndarray, blur: float, motion: tuple[float, float]) -> np.ndarray:
    import cv2

    image = cv2.GaussianBlur(image, (0, 0), max(blur, 0.2))
    if max(map(abs, motion)) > 0.7:
        steps = [cv2.warpAffine(image, np.array([[1, 0, motion[0] * k], [0, 1, motion[1] * k]]), image.shape[1::-1],
                                borderMode=cv2.BORDER_REPLICATE) for k in (-1.0, -0.5, 0.0, 0.5, 1.0)]  # fmt: skip
        image = np.mean(steps, axis=0)
    return image


def _tone(image: np.ndarray, contrast: float) -> np.ndarray:
    """Highlights rolled off, the sRGB exponent, contrast about the middle; by a table of 4,096 steps up to 2."""
    light = np.linspace(0.0, 2.0, 4096)
    light = np.where(light > 0.7, 1.0 - 0.3 * np.exp(-(light - 0.7) / 0.3), light)
    table = np.clip(0.5 + contrast * (np.clip(light, 0.0, 1.0) ** (1 / 2.2) - 0.5), 0.0, 1.0).astype(
        np.float32
    )
    return table[np.clip(image * 2047.5, 0.0, 4095.0).astype(np.int16)]
