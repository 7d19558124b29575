"""Colour maps as data: none needs red told from green, and the luminance of each runs one way.

``ember`` begins as slate, so that the shape of a face shows where there is no heat; ``viridis``, ``magma`` and
``cividis`` are Matplotlib's (CC0).
"""

from __future__ import annotations

import numpy as np

from faceviz.errors import ConfigError, nearest_name

_ANCHORS = {
    "ember": """
        474e5c 4e4c5e 554a61 5d4963 654765 6e4666 784567 824469 8d4469 98436a a4446b b1446b be456a
        cb466a d94969 e04c67 e44f65 e75263 ea5661 ed595f ef5d5e f2625d f3665c f56c5c f6705c f8755c
        f97a5d fa7f5e fb8460 fb8962 fc8e64 fd9367 fd9969 fe9d6c fea26f fea772 feac75 feb179 feb77d
        febb81 fec085 fec589 feca8d fecf92 fed396 fed89a fdde9f fde3a4 fde7a8 fdedae fcf1b3 fcf6b8
    """,
    "viridis": """
        440154 46085c 471063 481769 481d6f 482475 472a7a 46307e 453781 433d84 414287 3f4889 3d4e8a
        3a538b 38598c 355e8d 33638d 31688e 2e6d8e 2c718e 2a768e 297b8e 27808e 25848e 23898e 218e8d
        20928c 1f978b 1e9c89 1fa188 21a585 24aa83 28ae80 2eb37c 35b779 3dbc74 46c06f 50c46a 5ac864
        65cb5e 70cf57 7cd250 89d548 95d840 a2da37 b0dd2f bddf26 cae11f d8e219 e5e419 f1e51d fde725
    """,
    "magma": """
        000004 02020b 050416 090720 0e0b2b 140e36 1a1042 21114e 29115a 311165 390f6e 420f75 4a1079
        52137c 5a167e 621980 6a1c81 721f81 792282 812581 892881 912b81 992d80 a1307e aa337d b2357b
        ba3878 c23b75 ca3e72 d2426f d9466b e04c67 e75263 ec5860 f1605d f4695c f7725c f97b5d fb8560
        fc8e64 fd9869 fea16e feaa74 feb47b febd82 fec68a fecf92 fed89a fde2a3 fdebac fcf4b6 fcfdbf
    """,
    "cividis": """
        00224e 002656 002a5f 002d68 003070 083370 163770 203a6f 273e6e 2e416d 34456c 3a486c 3f4c6c
        444f6c 49536c 4e566c 535a6d 575d6d 5c616e 60646f 656870 696b71 6d6f72 727274 767676 7a7a78
        7e7d78 838179 888578 8d8878 928c78 969077 9b9476 a09875 a59c74 aaa073 afa471 b5a86f baac6d
        bfb06b c4b468 c9b965 cfbd62 d4c15f dac65b dfca57 e5cf52 ead34c f0d846 f6dd3f fce236 fee838
    """,
}

NAMES: tuple[str, ...] = tuple(_ANCHORS)


def lookup_table(name: str) -> np.ndarray:
    """A colour map as 256 sRGB colours, (256, 3) uint8, for heat from the low to the high end of the range.

    Raises:
        ConfigError: no such map.
    """
    if name not in _ANCHORS:
        raise ConfigError(f"colour map {name!r} does not exist{nearest_name(name, NAMES)}")
    anchors = np.array([list(bytes.fromhex(colour)) for colour in _ANCHORS[name].split()], dtype=np.float64)
    at = np.linspace(0, 255, len(anchors))
    channels = [np.interp(np.arange(256), at, channel) for channel in anchors.T]
    return np.round(np.stack(channels, axis=1)).astype(np.uint8)
