"""Levels and colours of a picture: clipped, crushed, tinted, gray.

Shares are of the active picture. Clipped is above 98 % of the range of luma, crushed below 2 %. Photographs spread over
many levels while pages and graphics sit on a few: `spread` is the share of pixels left when no level between black and
white may hold more than 1 % of them. Light that is clipped goes over into it: `near` is the share of what is not
clipped that comes close, which a white graphic on a picture leaves empty. A cast turns every tone the same way and the
brighter the more: `cast` is the tint, as a share of luma, that nine tenths of the pixels have in common in the dark,
the middle and the bright tones (the least of the three); a red dress leaves the rest as it was. `alien` is the share of
pixels whose chroma no colour of red, green and blue can have at their luma: a plane is missing, exchanged or shifted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qoe_agent.maths.view import View

    Values = NDArray[np.float32]

CLIPPED, CRUSHED = 0.98, 0.02
NEAR = 0.9
"""Above it, and below CLIPPED, tones are near white."""
LEVEL = 0.01
"""Share of the picture that one level may add to `spread`."""
ROWS = 60
"""Rows at which colour is sampled."""
BANDS = ((0.15, 0.35), (0.35, 0.60), (0.60, 1.01))
"""Dark, middle and bright tones, of the range of luma."""
BAND = 0.04
"""Share of the picture that a band needs to tell."""
IN_COMMON = 0.1
"""Share of a band's pixels that may lack the tint."""
FOREIGN = 0.12
"""How far outside 0…1 a primary must lie to be no coding error."""


class Tones(NamedTuple):
    """What a picture's levels and colours are like; shares of 1."""

    mean: float
    """Mean luma, of its range."""
    high: float
    """95th percentile of luma."""
    clipped: float
    crushed: float
    spread: float
    saturation: float | None
    """Mean chroma, 1 is the chroma of a primary's full range; None without chroma."""
    vivid: float | None
    """99th percentile of chroma."""
    cast: float | None
    """The tint that all tones have in common; None where a band of tones is missing."""
    alien: float | None
    near: float = 1.0
    """Share of the pixels that are not clipped that are nearly so; recordings of old do not tell."""


def tones_of(view: View, inside: tuple[slice, slice] | None = None) -> Tones:
    """The tones of the picture; `inside`: rows and columns of `small` that hold the active picture."""
    small = view.small if inside is None else view.small[inside]
    counts = cv2.calcHist([np.ascontiguousarray(small)], [0], None, [256], [0, 256]).ravel() / small.size
    place = np.clip((np.arange(256) - view.black) / (view.white - view.black), 0.0, 1.0)
    tonal = (place > CRUSHED) & (place < CLIPPED)
    high = place[int(np.searchsorted(np.cumsum(counts), 0.95))] if counts.any() else 0.0
    colour = _colour(view, inside)
    clipped = float(counts[place >= CLIPPED].sum())
    return Tones(
        float((counts * place).sum()),
        float(high),
        clipped,
        float(counts[place <= CRUSHED].sum()),
        float(np.minimum(counts[tonal], LEVEL).sum()),
        *colour,
        near=float(counts[(place > NEAR) & (place < CLIPPED)].sum()) / max(1.0 - clipped, 1e-9),
    )


def _colour(
    view: View, inside: tuple[slice, slice] | None
) -> tuple[float | None, float | None, float | None, float | None]:
    planes = view.chroma
    if planes is None:
        return None, None, None, None
    luma, blue, red = (_sampled(plane, view.small.shape, inside) for plane in (view.small, *planes))
    luma = (luma - np.float32(view.black)) / np.float32(view.white - view.black)
    reach = np.float32(255 if view.full_range else 224)
    blue, red = (blue - np.float32(128)) / reach, (red - np.float32(128)) / reach
    chroma = 2 * np.hypot(blue, red)
    kr, kb = (0.2126, 0.0722) if view.height > 576 else (0.299, 0.114)
    r, b = luma + 2 * (1 - kr) * red, luma + 2 * (1 - kb) * blue
    g = (luma - kr * r - kb * b) / (1 - kr - kb)
    least, most = np.minimum(np.minimum(r, g), b), np.maximum(np.maximum(r, g), b)
    alien = (least < -FOREIGN) | (most > 1 + FOREIGN)
    vivid = float(np.partition(chroma, -1 - chroma.size // 100)[-1 - chroma.size // 100])
    return float(chroma.mean()), vivid, _cast(luma, blue, red), float(alien.mean())


def _sampled(plane: NDArray[np.uint8], small: tuple[int, ...], inside: tuple[slice, slice] | None) -> Values:
    """Values of a plane on a grid over the active picture."""
    rows, columns = inside or (slice(0, small[0]), slice(0, small[1]))
    count = max(1, ROWS * (columns.stop - columns.start) // max(1, rows.stop - rows.start))
    down = (np.arange(ROWS) + 0.5) / ROWS * (rows.stop - rows.start) + rows.start
    across = (np.arange(count) + 0.5) / count * (columns.stop - columns.start) + columns.start
    y = (down * plane.shape[0] / small[0]).astype(int)
    x = (across * plane.shape[1] / small[1]).astype(int)
    return np.asarray(plane[y[:, None], x].ravel(), np.float32)


def _cast(luma: Values, blue: Values, red: Values) -> float | None:
    """The tint that all tones share, along the tint of their mean."""
    u, v = float(blue.mean()), float(red.mean())
    size = float(np.hypot(u, v))
    if not size:
        return 0.0
    along = (blue * u + red * v) / size
    shared = []
    for low, high in BANDS:
        band = (luma >= low) & (luma < high)
        if band.sum() < BAND * luma.size:
            return None
        tint = along[band] / luma[band]
        shared.append(float(np.partition(tint, int(IN_COMMON * tint.size))[int(IN_COMMON * tint.size)]))
    return max(0.0, min(shared))
