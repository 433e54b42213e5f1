"""Small pictures for people who look: JPEG, made on the decode thread of pictures that are decoded anyway.

Nothing is made while nobody looks. Luma comes from the plane that the looks share (`View.small`).
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, NamedTuple

import cv2
import numpy as np

from qoe_agent import clock
from qoe_agent.maths import hdr
from qoe_agent.maths.colours import shares, to_bgr

if TYPE_CHECKING:
    from collections.abc import Callable

    from qoe_agent.maths.view import View

log = logging.getLogger(__name__)

EVERY = 5.0
"""Seconds between two of one stream, on the mean."""
WIDEST, TALLEST = 240, 320
"""Columns and rows at most."""
QUALITY = 70
"""Of the JPEG."""
LATER = 60.0
"""Seconds for which a stream is left alone of which none could be made."""


class Snapshot(NamedTuple):
    """A small picture."""

    at: float
    """When the picture arrived."""
    jpeg: bytes


class Audience:
    """Whether anybody looks at the streams of this process, and who is shown them."""

    def __init__(self, show: Callable[[Any, float, bytes], None]) -> None:
        """`show`: takes whose picture it is, when that arrived, and its JPEG; it is called on the event loop."""
        self.show = show
        self.until = float("-inf")
        """Somebody looks until then. Read by decode threads."""


class Snapshots:
    """One stream's; on its decode thread, but for `show`."""

    def __init__(self, audience: Audience, key: Any) -> None:
        self._audience, self._key = audience, key
        self._next = float("-inf")

    def take(self, frame: Any, at: float, view: View, aspect: float, failed: Callable[[], None]) -> Snapshot | None:
        """A picture has been decoded, and its looks have seen it; `aspect`: of its pixels, width to height.

        `failed`: counts that none could be made.
        """
        now = clock.now()
        if not self._next <= now < self._audience.until:
            return None
        self._next = EVERY + (self._next if now - self._next < EVERY else now)
        try:
            return Snapshot(at, jpeg(frame, view, aspect))
        except Exception as error:  # a picture for people must not end the stream's decoding
            failed()
            log.warning("%s: no thumbnail could be made: %s", self._key.shown, type(error).__name__)
            self._next = now + LATER
            return None

    def show(self, taken: Snapshot) -> None:
        """Hand it on."""
        self._audience.show(self._key, *taken)


def jpeg(frame: Any, view: View, aspect: float = 1.0) -> bytes:
    """The picture as a small JPEG. cv2.error, ValueError: it cannot be."""
    size = _size(view.width * aspect, view.height)
    if frame.format.is_rgb:
        colours = frame.reformat(width=size[0], height=size[1], format="bgr24").to_ndarray()
    else:
        chroma = view.chroma
        gray = np.full((1, 1), 128, np.uint8)
        planes = (view.small, *(chroma or (gray, gray)))
        small = cv2.merge([cv2.resize(plane, size, interpolation=cv2.INTER_AREA) for plane in planes])
        matrix = to_bgr(*shares(int(frame.colorspace), view.width, view.height), full_range=view.full_range)
        colours = cv2.transform(small, matrix)
    colours = hdr.shown(colours, int(frame.color_trc), int(frame.color_primaries))
    made, data = cv2.imencode(".jpg", colours, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    if not made:
        raise ValueError("the picture was not encoded")
    return data.tobytes()


def _size(columns: float, rows: float) -> tuple[int, int]:
    """Columns and rows of the small picture: within the limits, never larger than it was."""
    scale = min(1.0, WIDEST / columns, TALLEST / rows)
    return max(1, round(columns * scale)), max(1, round(rows * scale))
