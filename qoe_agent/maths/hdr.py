"""HDR pictures on ordinary screens: PQ and HLG (Rec. ITU-R BT.2100-2, tables 4 and 5) to BT.709 primaries and sRGB.

Light is that of a display of 1000 cd/m²; L is 1 at 100 cd/m², the white of an ordinary screen. It is rolled off by
Reinhard et al. 2002, equation 4, for each primary: L (1 + L / W²) / (1 + L), W the light of 1000 cd/m².
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

PQ, HLG = 16, 18
"""transfer_characteristics of ITU-T H.273, table 3."""
WIDE = 9
"""colour_primaries of BT.2020, table 2."""
WHITE, BRIGHTEST = 100.0, 1000.0
"""cd/m² of an ordinary screen's white, and of the brightest that is told apart."""
GAMMA = 1.2
"""HLG's system gamma for a display of 1000 cd/m²."""
SHARES = 0.0593, 0.6780, 0.2627
"""Of blue, green and red in BT.2020's luminance."""
TO_709 = np.array([[1.1187, -0.1006, -0.0182], [-0.0083, 1.1329, -0.1246], [-0.0728, -0.5876, 1.6605]], np.float32)
"""Blue, green, red of BT.2020 to those of BT.709, linear light (Rec. ITU-R BT.2407)."""


def shown(bgr: NDArray[np.uint8], transfer: int, primaries: int) -> NDArray[np.uint8]:
    """The picture (blue, green, red as coded, full range) for an ordinary screen; one that is not HDR stays so."""
    if transfer not in (PQ, HLG):
        return bgr
    code = np.linspace(0.0, 1.0, 256)
    light = np.asarray((_pq(code) / WHITE if transfer == PQ else _hlg(code)).astype(np.float32)[bgr], np.float32)
    if transfer == HLG:  # scene light to that of the display
        scene = cv2.transform(light, np.array([SHARES], np.float32))[..., None]
        light *= np.power(scene, np.float32(GAMMA - 1.0)) * np.float32(BRIGHTEST / WHITE)
    if primaries == WIDE:
        light = np.maximum(cv2.transform(light, TO_709), 0.0)
    light = np.minimum(light * (1.0 + light / (BRIGHTEST / WHITE) ** 2) / (1.0 + light), 1.0)
    coded = np.where(light <= 0.0031308, 12.92 * light, 1.055 * np.power(light, 1 / 2.4) - 0.055)
    return np.asarray(np.round(255.0 * coded), np.uint8)


def _pq(code: NDArray[np.float64]) -> NDArray[np.float64]:
    """cd/m², of BRIGHTEST at most."""
    root = np.power(code, 32 / 2523)
    light = np.maximum(root - 3424 / 4096, 0.0) / (2413 / 128 - 2392 / 128 * root)
    return np.asarray(np.minimum(10_000.0 * np.power(light, 8192 / 1305), BRIGHTEST))


def _hlg(code: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scene light, 0 to 1."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    return np.where(code <= 0.5, code**2 / 3, (np.exp((code - c) / a) + b) / 12)
