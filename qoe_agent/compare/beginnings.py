"""The first frames of files, decoded once, whoever looks at them before anything is scored."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from qoe_agent.compare import stills, thumbs

if TYPE_CHECKING:
    from collections.abc import Collection

    from av.video.frame import VideoFrame

    from qoe_agent.compare.shapes import Media
    from qoe_agent.compare.thumbs import Plane, Prints

FINE = 4
"""Parts of a side of a fingerprint's areas, where a close look is wanted."""
HELD = 64 << 20
"""Bytes of luma that are held of a file."""


class Beginnings:
    """Of some files; to be closed, as their decoders wait from one look to the next."""

    def __init__(self, *media: Media) -> None:
        self._files = {each.path: _Beginning(each) for each in media}

    def close(self) -> None:
        """No more looks."""
        for each in self._files.values():
            each.shown.close()

    def span(self, media: Media, first: int, last: int, finer: int = 1) -> Prints:
        """As `thumbs.span`, broad or `FINE`, but that all is decoded from the beginning on, and once."""
        return self._files[media.path].span(first, last, finer)

    def keep(self, media: Media, numbers: Collection[int]) -> None:
        """Spare `stills` decoding those frames."""
        self.span(media, 0, max(numbers, default=-1))
        for number, plane in self._files[media.path].planes.items():
            if number in numbers:
                stills.keep(media, number, plane)


class _Beginning:
    """Of one file; for all threads."""

    def __init__(self, media: Media) -> None:
        self._media, self.shown, self._lock = media, thumbs.numbered(media, 0), threading.Lock()
        self._prints: dict[int, dict[int, tuple[Plane, bool]]] = {1: {}, FINE: {}}
        self.planes: dict[int, Plane] = {}

    def span(self, first: int, last: int, finer: int) -> Prints:
        found = self._prints[finer]
        with self._lock:
            while max(found, default=-1) < last and (each := next(self.shown, None)):
                self._take(*each)
        return thumbs.of(self._media, {n: each for n, each in found.items() if first <= n <= last}, finer)

    def _take(self, number: int, picture: VideoFrame) -> None:
        plane = thumbs.luma(picture)
        for finer, found in self._prints.items():
            found[number] = thumbs.shrunk(plane, self._media.video.rotation, finer), thumbs.fresh(picture)
        if (len(self.planes) + 1) * plane.nbytes <= HELD:
            self.planes[number] = plane.copy()
